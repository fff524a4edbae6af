"""The states of subscriptions and invoices, and the only moves between them."""

from collections.abc import Mapping
from enum import StrEnum

from app.billing.errors import InvariantBroken


class SubscriptionStatus(StrEnum):
    """Where a subscription stands."""

    SCHEDULED = "SCHEDULED"
    TRIALING = "TRIALING"
    PENDING_PAYMENT = "PENDING_PAYMENT"
    ACTIVE = "ACTIVE"
    PAST_DUE = "PAST_DUE"
    TERMINATED = "TERMINATED"


#: What a subscription is before it is billed.
NOT_BILLED_YET = (SubscriptionStatus.SCHEDULED, SubscriptionStatus.TRIALING)


class TerminationReason(StrEnum):
    """Why a subscription ended."""

    INITIAL_PAYMENT_EXPIRED = "INITIAL_PAYMENT_EXPIRED"
    REQUESTED = "REQUESTED"
    ENDED = "ENDED"


class ChangeTime(StrEnum):
    """When something is to happen to a subscription."""

    NOW = "NOW"
    PERIOD_END = "PERIOD_END"


class VersionPolicy(StrEnum):
    """What becomes of a subscription when another version of its plan becomes the default: it stays, or moves."""

    PINNED = "PINNED"
    FLOATING = "FLOATING"


class ChangeStatus(StrEnum):
    """Where a change of a subscription stands."""

    SCHEDULED = "SCHEDULED"
    APPLIED = "APPLIED"
    CANCELED = "CANCELED"


class InvoiceStatus(StrEnum):
    """Where an invoice stands."""

    DRAFT = "DRAFT"
    ISSUED = "ISSUED"
    PAID = "PAID"
    VOID = "VOID"
    UNCOLLECTIBLE = "UNCOLLECTIBLE"


class InvoiceReason(StrEnum):
    """What an invoice bills: the start of a subscription (Invoice 0), a boundary, a change, its end, late usage, units
    that were bought.
    """

    SUBSCRIPTION_START = "SUBSCRIPTION_START"
    SUBSCRIPTION_CYCLE = "SUBSCRIPTION_CYCLE"
    SUBSCRIPTION_CHANGE = "SUBSCRIPTION_CHANGE"
    SUBSCRIPTION_END = "SUBSCRIPTION_END"
    SUBSCRIPTION_SUPPLEMENT = "SUBSCRIPTION_SUPPLEMENT"
    GRANT_PURCHASE = "GRANT_PURCHASE"


class CreditKind(StrEnum):
    """What moved a customer's credit.

    Added by hand, carried from an invoice below zero, applied to one, returned by a void one, paid without being due,
    left by a credit note, removed by hand, given back as money.
    """

    ADDED = "ADDED"
    CARRIED = "CARRIED"
    APPLIED = "APPLIED"
    RETURNED = "RETURNED"
    OVERPAID = "OVERPAID"
    CREDIT_NOTE = "CREDIT_NOTE"
    REMOVED = "REMOVED"
    REFUNDED = "REFUNDED"


class InvoiceDecisionKind(StrEnum):
    """What was decided about an issued invoice: it is void, written off, or expected to be paid after all."""

    VOID = "VOID"
    WRITE_OFF = "WRITE_OFF"
    WRITE_OFF_REVERSAL = "WRITE_OFF_REVERSAL"


class PaymentExcess(StrEnum):
    """What becomes of a payment of more than is due: refused whole, or the rest becomes customer credit."""

    REFUSE = "REFUSE"
    CREDIT = "CREDIT"


class PaymentTerm(StrEnum):
    """Whether a price is due at the start or at the end of the period it covers."""

    IN_ADVANCE = "IN_ADVANCE"
    IN_ARREARS = "IN_ARREARS"


SUBSCRIPTION_MOVES: Mapping[SubscriptionStatus, frozenset[SubscriptionStatus]] = {
    SubscriptionStatus.SCHEDULED: frozenset(
        {
            SubscriptionStatus.TRIALING,
            SubscriptionStatus.PENDING_PAYMENT,
            SubscriptionStatus.ACTIVE,
            SubscriptionStatus.TERMINATED,
        }
    ),
    SubscriptionStatus.TRIALING: frozenset(
        {SubscriptionStatus.PENDING_PAYMENT, SubscriptionStatus.ACTIVE, SubscriptionStatus.TERMINATED}
    ),
    SubscriptionStatus.PENDING_PAYMENT: frozenset({SubscriptionStatus.ACTIVE, SubscriptionStatus.TERMINATED}),
    SubscriptionStatus.ACTIVE: frozenset({SubscriptionStatus.PAST_DUE, SubscriptionStatus.TERMINATED}),
    SubscriptionStatus.PAST_DUE: frozenset({SubscriptionStatus.ACTIVE, SubscriptionStatus.TERMINATED}),
    SubscriptionStatus.TERMINATED: frozenset(),
}

INVOICE_MOVES: Mapping[InvoiceStatus, frozenset[InvoiceStatus]] = {
    InvoiceStatus.DRAFT: frozenset({InvoiceStatus.ISSUED}),
    InvoiceStatus.ISSUED: frozenset({InvoiceStatus.PAID, InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE}),
    InvoiceStatus.PAID: frozenset(),
    InvoiceStatus.VOID: frozenset(),
    InvoiceStatus.UNCOLLECTIBLE: frozenset({InvoiceStatus.ISSUED, InvoiceStatus.PAID, InvoiceStatus.VOID}),
}

# A pending subscription is live: it holds its place until it is paid or expires.
LIVE_SUBSCRIPTION_STATUSES: frozenset[SubscriptionStatus] = frozenset(SubscriptionStatus) - {
    SubscriptionStatus.TERMINATED
}


def move_subscription(old: SubscriptionStatus, new: SubscriptionStatus) -> SubscriptionStatus:
    """Return `new` if a subscription may go there from `old`; InvariantBroken otherwise."""
    if new not in SUBSCRIPTION_MOVES[old]:
        raise InvariantBroken(f"A subscription can't go from {old} to {new}.")
    return new


def move_invoice(old: InvoiceStatus, new: InvoiceStatus) -> InvoiceStatus:
    """Return `new` if an invoice may go there from `old`; InvariantBroken otherwise."""
    if new not in INVOICE_MOVES[old]:
        raise InvariantBroken(f"An invoice can't go from {old} to {new}.")
    return new
