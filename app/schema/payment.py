"""Payments: money received."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from app import models
from app.billing.access import Scope
from app.billing.catalog import PaymentDraft
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.declarations import edge, field, noun, value
from app.schema.enums import PaymentExcess
from app.schema.inputs import idempotency_key
from app.schema.invoice import Invoice
from app.schema.money import Money, money_of
from app.schema.node import Node
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.customer import Customer
    from app.schema.refund import Refund

METHOD = "How it was paid, in your own words, up to 255 characters. Example: `bank_transfer`."
REFERENCE = "What the payment is known by elsewhere, up to 2000 characters. Example: `SEPA-2026-0042`."


@noun("pay", models.Payment, Scope.BILLING_READ, "Money received for an invoice.")
class Payment(Node):
    """Rows of `payment`."""

    amount: Money = field("How much was received.", of=money_of("amount_minor"))
    refunded: Money = field("How much of it was given back.", of=money_of("refunded_minor"))
    method: str = field(METHOD)
    reference: str | None = field(REFERENCE)
    created_at: datetime = field("When it was recorded, in the customer's time.")
    invoice: Invoice = edge("What it pays.", models.Invoice, "invoice_id")
    customer: Annotated["Customer", strawberry.lazy("app.schema.customer")] = edge(
        "Who paid.", models.Customer, "customer_id"
    )
    refunds: Connection[Annotated["Refund", strawberry.lazy("app.schema.refund")]] = connection(
        "The money of it that was given back.", Relation(models.Refund, "payment_id")
    )


@strawberry.input(
    description="A payment to record. One for the first invoice of a subscription that waited for it in vain becomes "
    "the customer's credit."
)
class InvoiceRecordPaymentInput:
    """See `PaymentDraft`."""

    invoice_id: strawberry.ID = field("The id of the invoice that was paid.")
    amount: Decimal | None = field(
        'How much, in the invoice\'s currency; null for all that is due. Example: `"49.00"`.', default=None
    )
    method: str = field(METHOD)
    reference: str | None = field(REFERENCE, default=None)
    excess: PaymentExcess = field("What becomes of more than is due.", default=PaymentExcess.REFUSE)
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> PaymentDraft:
        """Return what is asked for."""
        return PaymentDraft(
            invoice=self.invoice_id,
            amount=self.amount,
            method=self.method,
            reference=self.reference,
            excess=self.excess,
        )


@value("The payment that was recorded.")
class InvoiceRecordPaymentPayload(Payload):
    """The answer of `invoiceRecordPayment`."""

    payment: Payment | None = field("The payment.", default=None)
    invoice: Invoice | None = field("The invoice as it is now.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key recorded it.", default=False)
