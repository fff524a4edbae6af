"""Refunds: money given back."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from app import models
from app.billing.access import Scope
from app.billing.catalog.corrections import RefundDraft
from app.schema.credit_note import CreditNote
from app.schema.declarations import edge, field, noun, value
from app.schema.inputs import idempotency_key
from app.schema.money import Money, money_of
from app.schema.node import Node
from app.schema.payment import Payment
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.customer import Customer

REASON = "Why it was given back, as the customer may read it, up to 2000 characters. Example: `Charged twice`."
REFERENCE = "What the refund is known by elsewhere, up to 2000 characters. Example: `SEPA-2026-0043`."


@noun("rfd", models.Refund, Scope.BILLING_READ, "Money of a payment that was given back, never edited.")
class Refund(Node):
    """Rows of `refund`."""

    amount: Money = field("How much was given back.", of=money_of("amount_minor"))
    reason: str = field(REASON)
    reference: str | None = field(REFERENCE)
    created_at: datetime = field("When it was recorded, in the customer's time.")
    payment: Payment = edge("The payment that brought the money.", models.Payment, "payment_id")
    customer: Annotated["Customer", strawberry.lazy("app.schema.customer")] = edge(
        "Who got it back.", models.Customer, "customer_id"
    )
    credit_note: CreditNote | None = edge(
        "The credit note that it was given back for; null where it was taken out of the customer's credit.",
        models.CreditNote,
        "credit_note_id",
    )


@strawberry.input(
    description="A refund to record, which you have made or will make. It is taken out of the customer's credit: what "
    "an invoice holds is given back with `creditNoteCreate`."
)
class PaymentRecordRefundInput:
    """See `RefundDraft`."""

    payment_id: strawberry.ID = field("The id of the payment of which money is given back.")
    amount: Decimal | None = field(
        "How much, in the payment's currency, at most what was not refunded yet; null for all of that. "
        'Example: `"20.00"`.',
        default=None,
    )
    reason: str = field(REASON)
    reference: str | None = field(REFERENCE, default=None)
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> RefundDraft:
        """Return what is asked for."""
        return RefundDraft(payment=self.payment_id, amount=self.amount, reason=self.reason, reference=self.reference)


@value("The refund that was recorded.")
class PaymentRecordRefundPayload(Payload):
    """The answer of `paymentRecordRefund`."""

    refund: Refund | None = field("The refund.", default=None)
    payment: Payment | None = field("The payment as it is now.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key recorded it.", default=False)
