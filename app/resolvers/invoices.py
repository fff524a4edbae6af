"""Root fields of invoices and payments."""

import strawberry

from app import models
from app.billing.access import Scope
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.invoice import Invoice, InvoiceLine
from app.schema.mutation import Call, mutation
from app.schema.payment import InvoiceRecordPaymentInput, InvoiceRecordPaymentPayload, Payment
from app.schema.single import single
from app.services import payments


@strawberry.type
class InvoiceQueries:
    """What is owed and what was paid."""

    invoice: Invoice | None = single("An invoice by its id.", models.Invoice)
    invoices: Connection[Invoice] = connection("All invoices.", Relation(models.Invoice))
    invoice_line: InvoiceLine | None = single("A line of an invoice by its id.", models.InvoiceLine)
    invoice_lines: Connection[InvoiceLine] = connection("All lines of all invoices.", Relation(models.InvoiceLine))
    payment: Payment | None = single("A payment by its id.", models.Payment)
    payments: Connection[Payment] = connection("All payments.", Relation(models.Payment))


@strawberry.type
class InvoiceMutations:
    """Receiving money."""

    @mutation("Record money received for an invoice.", access=Scope.BILLING_WRITE)
    async def invoice_record_payment(self, call: Call, input: InvoiceRecordPaymentInput) -> InvoiceRecordPaymentPayload:
        done = await call.create(input, payments.record_payment)
        payment, invoice = done.rows
        return InvoiceRecordPaymentPayload(payment=payment, invoice=invoice, replayed=done.replayed)
