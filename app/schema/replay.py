"""Invoices computed again."""

import strawberry

from app import models
from app.schema.declarations import edge, field, value
from app.schema.invoice import Invoice, InvoiceLine


@value("What an invoice says, and what it comes to when it is computed again.")
class ReplayDifference:
    """Resolvers return `services.replay.Difference`."""

    line: InvoiceLine | None = edge("The line; null for the invoice as a whole.", models.InvoiceLine, "line_id")
    what: str = field("What differs. Example: `amount`.")
    invoiced: str = field("What the invoice says; amounts in minor units. Example: `3000`.")
    replayed: str = field("What it comes to. Example: `3001`.")


@value(
    "An invoice computed again: from the raw events assigned to it and the terms copied onto it, and from nothing else."
)
class InvoiceReplay:
    """Resolvers return `services.replay.Replay`."""

    equal: bool = field("Whether every line and every sum comes to what it says.", of=lambda r: not r.differences)
    event_count: int = field("How many events were counted again.")
    differences: list[ReplayDifference] = field("What comes to something else; empty where the replay is equal.")
    invoice: Invoice = edge("The invoice.", models.Invoice, "invoice_id")


InvoiceId = strawberry.argument(description="The id of an issued invoice.")
