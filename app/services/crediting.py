"""Writing credit notes: of a locked invoice, for people and for whatever else takes back what was charged."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.adjustments import line_shares
from app.billing.crediting import NOTHING, CreditableLine, Parts, PredictedCreditNote, predict_credit_note
from app.billing.lifecycle import CreditKind, InvoiceDecisionKind, InvoiceStatus
from app.ids import new_id
from app.models import table_of
from app.services.credit import add_entry
from app.services.invoices import lines_of
from app.services.refunds import refund_credit_note
from app.services.settling import settle
from app.services.unpaid import decide

CREDITABLE = frozenset({InvoiceStatus.ISSUED, InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE})


async def credited_so_far(session: AsyncSession, environment_id: str, line_ids: Collection[str]) -> dict[str, int]:
    """Return what credit notes took of the amounts of some lines, in minor units; 0 where none did. One statement."""
    credited = await _credited_parts(session, environment_id, line_ids)
    return {identifier: credited.get(identifier, NOTHING).amount_minor for identifier in line_ids}


async def creditable_lines(session: AsyncSession, invoice: models.Invoice) -> dict[str, CreditableLine]:
    """Return the lines of an invoice that lie above zero, with what is left of them, in their order.

    What is read stays true while the invoice is locked. Two statements.
    """
    lines = await lines_of(session, invoice)
    credited = await _credited_parts(session, invoice.environment_id, [line.id for line in lines])
    return {
        line.id: CreditableLine(
            line.id,
            Parts(line.amount_minor, *line_shares(line.adjustments)),
            invoice.tax_behavior,
            credited.get(line.id, NOTHING),
        )
        for line in lines
        if line.amount_minor > 0
    }


async def write_credit_note(
    session: AsyncSession,
    invoice: models.Invoice,
    credits: Mapping[str, int],
    reason: str,
    now: datetime,
    *,
    cause: str | None = None,
) -> models.CreditNote:
    """Take back so much of the amounts of some lines, by their ids, in minor units; return the credit note.

    The caller has locked the subscription and then the invoice, which is issued, paid or uncollectible. What is due is
    reduced first, the rest becomes the customer's credit. With a cause there is one note of the invoice: a repeat
    returns it. InvariantBroken for a line that can't be credited, or not so much.
    """
    written = None if cause is None else await _caused(session, invoice, cause)
    if written is not None:
        return written
    lines = await creditable_lines(session, invoice)
    predicted = predict_credit_note(lines, credits, invoice.due_minor)
    return await write_predicted(session, invoice, predicted, reason, now, cause=cause)


async def write_predicted(
    session: AsyncSession,
    invoice: models.Invoice,
    predicted: PredictedCreditNote,
    reason: str,
    now: datetime,
    *,
    cause: str | None = None,
    refund: bool = False,
) -> models.CreditNote:
    """Write the credit note that was predicted of a locked invoice, and let what follows from it happen.

    With `refund` the rest is given back of the invoice's payments, which brought as much.
    """
    assert invoice.status in CREDITABLE, f"An invoice that is {invoice.status} can't be credited."
    beyond = predicted.beyond_due_minor
    note = models.CreditNote(
        environment_id=invoice.environment_id,
        id=new_id("cn"),
        created_at=now,
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        reason=reason,
        cause=cause,
        currency=invoice.currency,
        amount_minor=predicted.sum.amount_minor,
        discount_minor=predicted.sum.discount_minor,
        tax_minor=predicted.sum.tax_minor,
        total_minor=predicted.total_minor,
        reduced_due_minor=predicted.reduces_due_minor,
        to_credit_minor=0 if refund else beyond,
        refunded_minor=beyond if refund else 0,
    )
    session.add(note)
    await session.flush()
    session.add_all(_lines(note, invoice, predicted))
    if note.to_credit_minor:
        await add_entry(session, invoice, now, CreditKind.CREDIT_NOTE, note.to_credit_minor, credit_note_id=note.id)
    if note.refunded_minor:
        await refund_credit_note(session, note, now)
    if note.reduced_due_minor:
        await _reduce_due(session, invoice, note, now)
    await session.flush()
    return note


async def _reduce_due(session: AsyncSession, invoice: models.Invoice, note: models.CreditNote, now: datetime) -> None:
    """Take a credit note off what is due. As much of what was written off is owed no longer."""
    if invoice.status is InvoiceStatus.UNCOLLECTIBLE:
        decide(session, invoice, InvoiceDecisionKind.WRITE_OFF_REVERSAL, note.reduced_due_minor, note.reason, now)
    invoice.credited_minor += note.reduced_due_minor
    subscription = await session.get_one(models.Subscription, (invoice.environment_id, invoice.subscription_id))
    await settle(session, subscription, invoice, now)


def _lines(
    note: models.CreditNote, invoice: models.Invoice, predicted: PredictedCreditNote
) -> list[models.CreditNoteLine]:
    return [
        models.CreditNoteLine(
            environment_id=note.environment_id,
            id=new_id("cnl"),
            created_at=note.created_at,
            credit_note_id=note.id,
            invoice_line_id=identifier,
            position=position,
            currency=note.currency,
            amount_minor=parts.amount_minor,
            discount_minor=parts.discount_minor,
            tax_minor=parts.tax_minor,
            total_minor=parts.total_minor(invoice.tax_behavior),
        )
        for position, (identifier, parts) in enumerate(predicted.lines.items())
    ]


async def _caused(session: AsyncSession, invoice: models.Invoice, cause: str) -> models.CreditNote | None:
    """Return the note of a locked invoice with a cause; a constraint holds that there is one at most."""
    notes = table_of(models.CreditNote).c
    mine = (notes.environment_id == invoice.environment_id, notes.invoice_id == invoice.id, notes.cause == cause)
    return await session.scalar(select(models.CreditNote).where(*mine))


async def _credited_parts(session: AsyncSession, environment_id: str, line_ids: Collection[str]) -> dict[str, Parts]:
    lines = table_of(models.CreditNoteLine)
    mine = (lines.c.environment_id == environment_id, lines.c.invoice_line_id.in_(set(line_ids)))
    found: defaultdict[str, Parts] = defaultdict(Parts)
    for row in await session.execute(select(lines).where(*mine)):
        found[row.invoice_line_id] = found[row.invoice_line_id].plus(
            Parts(row.amount_minor, row.discount_minor, row.tax_minor)
        )
    return found
