"""Decisions about issued invoices: void, written off, to be paid after all."""

import strawberry

from app.billing.catalog.corrections import DecisionDraft
from app.schema.declarations import field, value
from app.schema.inputs import idempotency_key
from app.schema.invoice import DECISION_REASON, Invoice
from app.schema.user_errors import Payload

REPLAYED = "Whether an earlier call with this idempotency key did it."


@strawberry.input(description="What a decision about an invoice says.")
class DecisionFields:
    """See `DecisionDraft`."""

    invoice_id: strawberry.ID = field("The id of the invoice.")
    reason: str = field(DECISION_REASON)
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> DecisionDraft:
        """Return what is asked for."""
        return DecisionDraft(invoice=self.invoice_id, reason=self.reason)


@strawberry.input(
    description="An invoice to void, which is ISSUED or UNCOLLECTIBLE. Nothing bills again what it billed."
)
class InvoiceVoidInput(DecisionFields):
    """See `DecisionDraft`."""


@strawberry.input(description="An invoice that is ISSUED and not expected to be paid.")
class InvoiceMarkUncollectibleInput(DecisionFields):
    """See `DecisionDraft`."""


@strawberry.input(description="An invoice that is UNCOLLECTIBLE and to be paid after all.")
class InvoiceMarkCollectibleInput(DecisionFields):
    """See `DecisionDraft`."""


@value("The invoice as it is now.")
class InvoiceVoidPayload(Payload):
    """The answer of `invoiceVoid`."""

    invoice: Invoice | None = field("The invoice.", default=None)
    replayed: bool = field(REPLAYED, default=False)


@value("The invoice as it is now.")
class InvoiceMarkUncollectiblePayload(Payload):
    """The answer of `invoiceMarkUncollectible`."""

    invoice: Invoice | None = field("The invoice.", default=None)
    replayed: bool = field(REPLAYED, default=False)


@value("The invoice as it is now.")
class InvoiceMarkCollectiblePayload(Payload):
    """The answer of `invoiceMarkCollectible`."""

    invoice: Invoice | None = field("The invoice.", default=None)
    replayed: bool = field(REPLAYED, default=False)
