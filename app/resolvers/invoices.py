"""Root fields of invoices and payments."""

from typing import Annotated, Any

import strawberry
from strawberry import Info

from app import models
from app.billing.access import Scope
from app.context import Context
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.declarations import field
from app.schema.invoice import Invoice, InvoiceLine
from app.schema.invoice_line import (
    InvoiceLineAddInput,
    InvoiceLineAddPayload,
    InvoiceLineRemoveInput,
    InvoiceLineRemovePayload,
)
from app.schema.mutation import Call, mutation
from app.schema.payment import InvoiceRecordPaymentInput, InvoiceRecordPaymentPayload, Payment
from app.schema.replay import InvoiceId, InvoiceReplay
from app.schema.single import single
from app.services import invoice_lines, payments
from app.services.replay import replay_invoice


async def _replay(info: Info[Context, None], invoice_id: Annotated[strawberry.ID, InvoiceId]) -> Any:
    async with info.context.sessions.long_work, info.context.sessions.snapshot() as session:
        return await replay_invoice(session, info.context.principal.environment_id, invoice_id)


@strawberry.type
class InvoiceQueries:
    """What is owed and what was paid."""

    invoice: Invoice | None = single("An invoice by its id.", models.Invoice)
    invoices: Connection[Invoice] = connection("All invoices.", Relation(models.Invoice))
    invoice_line: InvoiceLine | None = single("A line of an invoice by its id.", models.InvoiceLine)
    invoice_lines: Connection[InvoiceLine] = connection("All lines of all invoices.", Relation(models.InvoiceLine))
    invoice_replay: InvoiceReplay | None = field(
        "An issued invoice computed again; null for a draft and for what does not exist.",
        resolver=_replay,
        access=Scope.BILLING_READ,
    )
    payment: Payment | None = single("A payment by its id.", models.Payment)
    payments: Connection[Payment] = connection("All payments.", Relation(models.Payment))


@strawberry.type
class InvoiceMutations:
    """Receiving money, and lines typed by hand."""

    @mutation("Record money received for an invoice.", access=Scope.BILLING_WRITE)
    async def invoice_record_payment(self, call: Call, input: InvoiceRecordPaymentInput) -> InvoiceRecordPaymentPayload:
        done = await call.create(input, payments.record_payment)
        payment, invoice = done.rows
        return InvoiceRecordPaymentPayload(payment=payment, invoice=invoice, replayed=done.replayed)

    @mutation("Put a line that is typed by hand onto a draft.", access=Scope.BILLING_WRITE)
    async def invoice_line_add(self, call: Call, input: InvoiceLineAddInput) -> InvoiceLineAddPayload:
        done = await call.create(input, invoice_lines.add_line)
        line, invoice = done.rows
        return InvoiceLineAddPayload(invoice_line=line, invoice=invoice, replayed=done.replayed)

    @mutation("Take a line that was typed by hand off its draft again.", access=Scope.BILLING_WRITE)
    async def invoice_line_remove(self, call: Call, input: InvoiceLineRemoveInput) -> InvoiceLineRemovePayload:
        me = call.principal
        row: Any = await call.transaction(lambda s: invoice_lines.remove_line(s, me, call.now(), input.id))
        return InvoiceLineRemovePayload(invoice=row)
