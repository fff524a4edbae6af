"""Lines typed by hand."""

from decimal import Decimal

import strawberry

from app.billing.catalog.invoices import InvoiceLineDraft
from app.schema.declarations import field, value
from app.schema.inputs import idempotency_key
from app.schema.invoice import Invoice, InvoiceLine
from app.schema.user_errors import Payload


@strawberry.input(description="A line to put onto a draft: quantity times unit price. No discount takes from it.")
class InvoiceLineAddInput:
    """See `InvoiceLineDraft`."""

    invoice_id: strawberry.ID = field("The id of an invoice that is a DRAFT.")
    description: str = field("What is charged, up to 255 characters. Example: `Migration support`.")
    quantity: Decimal = field('How many, above zero. Example: `"2"`.', default=Decimal(1))
    unit_price: Decimal = field('What one costs, in major units; below zero it takes off. Example: `"150.00"`.')
    taxable: bool = field("Whether it is taxed at the customer's rate.", default=True)
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> InvoiceLineDraft:
        """Return what is asked for."""
        return InvoiceLineDraft(
            invoice=self.invoice_id,
            description=self.description,
            quantity=self.quantity,
            unit_price=self.unit_price,
            taxable=self.taxable,
        )


@strawberry.input(description="A line to take off its draft again.")
class InvoiceLineRemoveInput:
    """See `services.invoice_lines.remove_line`."""

    id: strawberry.ID = field("The id of a line that was typed by hand.")


@value("The line that was put onto a draft.")
class InvoiceLineAddPayload(Payload):
    """The answer of `invoiceLineAdd`."""

    invoice_line: InvoiceLine | None = field("The line.", default=None)
    invoice: Invoice | None = field("The draft as it is now.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key added it.", default=False)


@value("The draft without the line.")
class InvoiceLineRemovePayload(Payload):
    """The answer of `invoiceLineRemove`."""

    invoice: Invoice | None = field("The draft as it is now.", default=None)
