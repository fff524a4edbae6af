"""Credit notes: what is taken back of issued invoices."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from app import models
from app.billing.access import Scope
from app.billing.catalog.corrections import CreditedLineDraft, CreditNoteDraft
from app.loaders.credit_notes import lines_by_credit_note
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.declarations import batched, edge, field, noun, value
from app.schema.inputs import idempotency_key
from app.schema.money import Money, money_of
from app.schema.node import Node
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.customer import Customer
    from app.schema.invoice import Invoice, InvoiceLine
    from app.schema.refund import Refund

REASON = "Why it is credited, as the customer reads it, up to 2000 characters. Example: `Outage of May 3`."


@value("What a credit note takes of a line.", access=Scope.BILLING_READ)
class CreditNoteLine:
    """Rows of `credit_note_line`."""

    amount: Money = field("What it takes of the line's amount.", of=money_of("amount_minor"))
    discount: Money = field(
        "The discounts that this amount had, which are not paid back.", of=money_of("discount_minor")
    )
    tax: Money = field("The tax of it.", of=money_of("tax_minor"))
    total: Money = field("What it comes to.", of=money_of("total_minor"))
    invoice_line: Annotated["InvoiceLine", strawberry.lazy("app.schema.invoice")] = edge(
        "The line.", models.InvoiceLine, "invoice_line_id"
    )


@noun(
    "cn",
    models.CreditNote,
    Scope.BILLING_READ,
    "What was taken back of an issued invoice, never edited. It first reduced what was due; the rest became the "
    "customer's credit or was refunded.",
)
class CreditNote(Node):
    """Rows of `credit_note`."""

    reason: str = field(REASON)
    amount: Money = field("What it takes of the amounts of lines.", of=money_of("amount_minor"))
    discount: Money = field("The discounts that these had, which are not paid back.", of=money_of("discount_minor"))
    tax: Money = field("The tax of it.", of=money_of("tax_minor"))
    total: Money = field(
        "What is taken back: amount - discount + tax; where prices hold the tax, the same without it.",
        of=money_of("total_minor"),
    )
    reduced_due: Money = field("What of the total was due, and is no longer.", of=money_of("reduced_due_minor"))
    to_credit: Money = field("What of it became the customer's credit.", of=money_of("to_credit_minor"))
    refunded: Money = field("What of it was refunded.", of=money_of("refunded_minor"))
    created_at: datetime = field("When it was made, in the customer's time.")
    lines: list[CreditNoteLine] = batched("What it takes of which line.", lines_by_credit_note)
    invoice: Annotated["Invoice", strawberry.lazy("app.schema.invoice")] = edge(
        "The invoice that it reduces.", models.Invoice, "invoice_id"
    )
    customer: Annotated["Customer", strawberry.lazy("app.schema.customer")] = edge(
        "Who owes less.", models.Customer, "customer_id"
    )
    refunds: Connection[Annotated["Refund", strawberry.lazy("app.schema.refund")]] = connection(
        "The money that was given back with it.", Relation(models.Refund, "credit_note_id")
    )


@strawberry.input(description="How much of a line is to be credited.")
class CreditNoteLineInput:
    """See `CreditedLineDraft`."""

    line_id: strawberry.ID = field("The id of a line of the invoice, whose amount is above zero.")
    amount: Decimal | None = field(
        "How much of its amount, before discounts and tax, in major units; these are credited in proportion. "
        'Null for what earlier credit notes left. Example: `"10.00"`.',
        default=None,
    )


@strawberry.input(
    description="A credit note to write: of `lines`, of an `amount`, or, with neither, of all that is left of the "
    "invoice, which is ISSUED, PAID or UNCOLLECTIBLE."
)
class CreditNoteCreateInput:
    """See `CreditNoteDraft`."""

    invoice_id: strawberry.ID = field("The id of the invoice.")
    lines: list[CreditNoteLineInput] | None = field(
        "What of which lines, together at most what is left of the invoice's total. Or give `amount`.", default=None
    )
    amount: Decimal | None = field(
        "A total, tax included, in major units. It is spread over what is left of the lines. Or give `lines`. "
        'Example: `"25.00"`.',
        default=None,
    )
    reason: str = field(REASON)
    refund: bool = field(
        "Whether what was not due is given back of the invoice's payments, in place of becoming credit.", default=False
    )
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> CreditNoteDraft:
        """Return what is asked for."""
        asked = self.lines
        lines = None if asked is None else [CreditedLineDraft(line=one.line_id, amount=one.amount) for one in asked]
        return CreditNoteDraft(
            invoice=self.invoice_id, lines=lines, amount=self.amount, reason=self.reason, refund=self.refund
        )


@value("The credit note that was written.")
class CreditNoteCreatePayload(Payload):
    """The answer of `creditNoteCreate`."""

    credit_note: CreditNote | None = field("The credit note.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key wrote it.", default=False)
