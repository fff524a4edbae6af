import pytest

from app.billing.errors import InvariantBroken
from app.billing.lifecycle import (
    LIVE_SUBSCRIPTION_STATUSES,
    InvoiceStatus,
    SubscriptionStatus,
    move_invoice,
    move_subscription,
)

SUBSCRIPTION_MOVES = {
    ("SCHEDULED", "TRIALING"),
    ("SCHEDULED", "PENDING_PAYMENT"),
    ("SCHEDULED", "ACTIVE"),
    ("SCHEDULED", "TERMINATED"),
    ("TRIALING", "PENDING_PAYMENT"),
    ("TRIALING", "ACTIVE"),
    ("TRIALING", "TERMINATED"),
    ("PENDING_PAYMENT", "ACTIVE"),
    ("PENDING_PAYMENT", "TERMINATED"),
    ("ACTIVE", "PAST_DUE"),
    ("ACTIVE", "TERMINATED"),
    ("PAST_DUE", "ACTIVE"),
    ("PAST_DUE", "TERMINATED"),
}
INVOICE_MOVES = {
    ("DRAFT", "ISSUED"),
    ("ISSUED", "PAID"),
    ("ISSUED", "VOID"),
    ("ISSUED", "UNCOLLECTIBLE"),
    ("UNCOLLECTIBLE", "ISSUED"),
    ("UNCOLLECTIBLE", "PAID"),
    ("UNCOLLECTIBLE", "VOID"),
}


@pytest.mark.parametrize("old", SubscriptionStatus)
@pytest.mark.parametrize("new", SubscriptionStatus)
def test_subscriptions_move_as_listed_and_not_otherwise(old: SubscriptionStatus, new: SubscriptionStatus) -> None:
    if (old.value, new.value) in SUBSCRIPTION_MOVES:
        assert move_subscription(old, new) is new
    else:
        with pytest.raises(InvariantBroken, match=f"from {old} to {new}"):
            move_subscription(old, new)


@pytest.mark.parametrize("old", InvoiceStatus)
@pytest.mark.parametrize("new", InvoiceStatus)
def test_invoices_move_as_listed_and_not_otherwise(old: InvoiceStatus, new: InvoiceStatus) -> None:
    if (old.value, new.value) in INVOICE_MOVES:
        assert move_invoice(old, new) is new
    else:
        with pytest.raises(InvariantBroken, match=f"from {old} to {new}"):
            move_invoice(old, new)


def test_all_but_terminated_subscriptions_are_live() -> None:
    assert {"SCHEDULED", "TRIALING", "PENDING_PAYMENT", "ACTIVE", "PAST_DUE"} == LIVE_SUBSCRIPTION_STATUSES
