"""Root fields of what corrects issued invoices and gives money back."""

import strawberry

from app import models
from app.billing.access import Scope
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.credit_note import CreditNote, CreditNoteCreateInput, CreditNoteCreatePayload
from app.schema.decision import (
    InvoiceMarkCollectibleInput,
    InvoiceMarkCollectiblePayload,
    InvoiceMarkUncollectibleInput,
    InvoiceMarkUncollectiblePayload,
    InvoiceVoidInput,
    InvoiceVoidPayload,
)
from app.schema.mutation import Call, mutation
from app.schema.refund import PaymentRecordRefundInput, PaymentRecordRefundPayload, Refund
from app.schema.single import single
from app.services import credit_notes, decisions, refunds


@strawberry.type
class CorrectionQueries:
    """What was taken back and given back."""

    credit_note: CreditNote | None = single("A credit note by its id.", models.CreditNote)
    credit_notes: Connection[CreditNote] = connection("All credit notes.", Relation(models.CreditNote))
    refund: Refund | None = single("A refund by its id.", models.Refund)
    refunds: Connection[Refund] = connection("All refunds.", Relation(models.Refund))


@strawberry.type
class CorrectionMutations:
    """Correcting issued invoices, and giving money back."""

    @mutation(
        "Take back lines, or an amount, of an issued invoice. What is due is reduced first; the rest becomes the "
        "customer's credit or, if asked, is refunded.",
        access=Scope.BILLING_WRITE,
    )
    async def credit_note_create(self, call: Call, input: CreditNoteCreateInput) -> CreditNoteCreatePayload:
        done = await call.create(input, credit_notes.create_credit_note)
        return CreditNoteCreatePayload(credit_note=done.rows[0], replayed=done.replayed)

    @mutation(
        "Take back an invoice that is not paid. The credit that it took comes back, and what was paid for it becomes "
        "credit. One that a pending subscription waits for is voided by ending that.",
        access=Scope.BILLING_WRITE,
    )
    async def invoice_void(self, call: Call, input: InvoiceVoidInput) -> InvoiceVoidPayload:
        done = await call.create(input, decisions.void)
        return InvoiceVoidPayload(invoice=done.rows[0], replayed=done.replayed)

    @mutation(
        "Note that an invoice is not expected to be paid. It takes no payments, and its subscription is not PAST_DUE "
        "for it.",
        access=Scope.BILLING_WRITE,
    )
    async def invoice_mark_uncollectible(
        self, call: Call, input: InvoiceMarkUncollectibleInput
    ) -> InvoiceMarkUncollectiblePayload:
        done = await call.create(input, decisions.write_off)
        return InvoiceMarkUncollectiblePayload(invoice=done.rows[0], replayed=done.replayed)

    @mutation(
        "Take back that an invoice is uncollectible: it is ISSUED again, and takes payments.",
        access=Scope.BILLING_WRITE,
    )
    async def invoice_mark_collectible(
        self, call: Call, input: InvoiceMarkCollectibleInput
    ) -> InvoiceMarkCollectiblePayload:
        done = await call.create(input, decisions.reverse_write_off)
        return InvoiceMarkCollectiblePayload(invoice=done.rows[0], replayed=done.replayed)

    @mutation(
        "Record that money of a payment was given back. It is taken out of the customer's credit.",
        access=Scope.BILLING_WRITE,
    )
    async def payment_record_refund(self, call: Call, input: PaymentRecordRefundInput) -> PaymentRecordRefundPayload:
        done = await call.create(input, refunds.record_refund)
        refund, payment = done.rows
        return PaymentRecordRefundPayload(refund=refund, payment=payment, replayed=done.replayed)
