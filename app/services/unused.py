"""What was charged in advance for terms that stop: the rest that is not used is given back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.cadences import Cadence
from app.billing.lifecycle import InvoiceStatus, PaymentTerm
from app.billing.line_inputs import line_inputs_from_json
from app.billing.periods import Period
from app.billing.pricing import RULES_VERSION, price_line
from app.billing.unused import unused_minor, used_inputs
from app.models import table_of
from app.services.adjusting import adjusting_of
from app.services.crediting import credited_so_far, write_credit_note
from app.services.invoices import lines_of, total_up
from app.services.lookup import locked_all


@dataclass(frozen=True)
class Unused:
    """A line of which a part is not used, and how much of its amount that is, in minor units."""

    line: models.InvoiceLine
    is_draft: bool
    amount_minor: int


async def find_unused(
    session: AsyncSession, subscription: models.Subscription, price_ids: Collection[str], at: datetime
) -> list[Unused]:
    """Return the lines in advance that some prices charged for periods that go on at an instant, oldest first.

    What is charged once is not given back, nor what an earlier change gave back already. A line on a void invoice
    counts as not charged.
    """
    lines, invoices, prices = (table_of(m).c for m in (models.InvoiceLine, models.Invoice, models.Price))
    notes, noted = table_of(models.CreditNote).c, table_of(models.CreditNoteLine).c
    of_note = (notes.environment_id == noted.environment_id) & (notes.id == noted.credit_note_id)
    given_back = exists(
        select(noted.id)
        .join(models.CreditNote, of_note)
        .where(noted.environment_id == lines.environment_id, noted.invoice_line_id == lines.id)
        .where(notes.cause.is_not(None))
    )
    statement = (
        select(models.InvoiceLine, invoices.status)
        .join(models.Invoice, (invoices.environment_id == lines.environment_id) & (invoices.id == lines.invoice_id))
        .join(models.Price, (prices.environment_id == lines.environment_id) & (prices.id == lines.price_id))
        .where(lines.environment_id == subscription.environment_id, lines.price_id.in_(price_ids))
        .where(invoices.subscription_id == subscription.id, invoices.status != InvoiceStatus.VOID)
        .where(lines.payment_term == PaymentTerm.IN_ADVANCE, prices.cadence.is_distinct_from(Cadence.ONE_TIME))
        .where(lines.period_end > at, ~given_back)
        .order_by(invoices.created_at, lines.id)
    )
    rows = [(row[0], row[1]) for row in (await session.execute(statement)).all()]
    credited = await credited_so_far(session, subscription.environment_id, [line.id for line, _ in rows])
    found = [
        Unused(line, status is InvoiceStatus.DRAFT, _unused_minor(line, at, credited.get(line.id, 0)))
        for line, status in rows
    ]
    return [one for one in found if one.amount_minor > 0]


def _unused_minor(line: models.InvoiceLine, at: datetime, credited_minor: int) -> int:
    inputs, period = line_inputs_from_json(line.inputs), Period(line.period_start, line.period_end)
    return unused_minor(
        inputs, period, max(at, period.start), charged_minor=line.amount_minor, credited_minor=credited_minor
    )


async def give_back(
    session: AsyncSession,
    subscription: models.Subscription,
    unused: Sequence[Unused],
    at: datetime,
    cause: str,
    now: datetime,
) -> list[models.CreditNote]:
    """Credit what is not used, invoice by invoice; return the credit notes. A draft charges the used part instead.

    `cause` says what for: of each there is one credit note of an invoice.
    """
    environment_id = subscription.environment_id
    invoices = await locked_all(session, models.Invoice, environment_id, {one.line.invoice_id for one in unused})
    notes = []
    for invoice in sorted(invoices.values(), key=lambda one: (one.created_at, one.id)):
        own = [one for one in unused if one.line.invoice_id == invoice.id]
        if invoice.status is InvoiceStatus.DRAFT:
            await _cut_draft(session, subscription, invoice, own, at)
            continue
        amounts = {one.line.id: one.amount_minor for one in own}
        reason = f"Not used from {at.isoformat().replace('+00:00', 'Z')} on"
        notes.append(await write_credit_note(session, invoice, amounts, reason, now, cause=cause))
    return notes


async def _cut_draft(
    session: AsyncSession,
    subscription: models.Subscription,
    invoice: models.Invoice,
    unused: Sequence[Unused],
    at: datetime,
) -> None:
    """Let a draft charge the used parts of its lines alone."""
    for line in (one.line for one in unused):
        end = max(at, line.period_start)
        inputs = used_inputs(line_inputs_from_json(line.inputs), Period(line.period_start, line.period_end), end)
        priced = price_line(inputs)
        line.inputs, line.period_end, line.rules_version = inputs.to_json(), end, RULES_VERSION
        line.amount_minor, line.exact_amount = priced.amount_minor, priced.exact_amount
    total_up(invoice, await lines_of(session, invoice), await adjusting_of(session, subscription))
    await session.flush()
