"""The end of the grace time: drafts are rated with all that was counted, and issued. Later usage is billed later."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.lifecycle import InvoiceReason, InvoiceStatus, PaymentTerm, SubscriptionStatus
from app.metering.supplements import note_supplements
from app.metering.usage import close_counters
from app.models import table_of
from app.services.adjusting import Adjusting, adjusting_by_subscription
from app.services.agreements import agreements_by_subscription
from app.services.charges import charges_of_lines
from app.services.invoices import (
    Issuing,
    Opening,
    add_covered_lines,
    add_late_lines,
    cause_at,
    drafted_subscriptions,
    issue_invoices,
    lines_by_invoice,
    open_invoices,
    rewrite_lines,
    total_up,
)
from app.services.late_lines import LateLine, late_lines
from app.services.lookup import all_by_id, locked_all
from app.services.rating import RatedLine, lines_by_subscription, rate, usage_request


async def close_invoices(
    session: AsyncSession, environment_id: str, due: Mapping[str, datetime], now: datetime
) -> list[str]:
    """End the grace time of drafts: close their windows, rate them with all that was counted, issue.

    Usage of earlier periods that came late is billed with them. Return the ids of the invoices.
    """
    peeks = await all_by_id(session, models.Invoice, environment_id, due)
    subscriptions = await locked_all(
        session, models.Subscription, environment_id, [one.subscription_id for one in peeks.values()]
    )
    locked = await locked_all(session, models.Invoice, environment_id, due)
    drafts = [locked[one] for one in due if locked[one].status is InvoiceStatus.DRAFT]
    for batch in _one_of_each_subscription(drafts):
        await _close(session, environment_id, batch, subscriptions, now)
    return [invoice.id for invoice in drafts]


def _one_of_each_subscription(drafts: Iterable[models.Invoice]) -> list[list[models.Invoice]]:
    """Divide drafts so that of two invoices of one subscription the later one sees what the earlier one billed."""
    batches: list[list[models.Invoice]] = []
    count: defaultdict[str, int] = defaultdict(int)
    for invoice in drafts:
        place = count[invoice.subscription_id]
        count[invoice.subscription_id] += 1
        if place == len(batches):
            batches.append([])
        batches[place].append(invoice)
    return batches


async def _close(
    session: AsyncSession,
    environment_id: str,
    drafts: Sequence[models.Invoice],
    by_id: Mapping[str, models.Subscription],
    now: datetime,
) -> None:
    subscriptions = [by_id[invoice.subscription_id] for invoice in drafts]
    boundaries = {invoice.subscription_id: _boundary_of(invoice) for invoice in drafts}
    await close_windows(session, environment_id, boundaries.items(), now)
    lines = await lines_by_invoice(session, environment_id, [invoice.id for invoice in drafts])
    agreements = await agreements_by_subscription(session, environment_id, subscriptions)
    charges = []
    for one, invoice in zip(subscriptions, drafts, strict=True):
        charges += charges_of_lines(one, agreements[one.id], _arrears(lines[invoice.id]))
    requests = [usage_request(charge) for charge in charges if charge.term.metering]
    await close_counters(session, environment_id, requests, now)
    rated = lines_by_subscription(await rate(session, environment_id, charges))
    late = await late_lines(session, environment_id, subscriptions, now)
    adjusting = await adjusting_by_subscription(session, environment_id, subscriptions)
    for invoice in drafts:
        owner = invoice.subscription_id
        fresh = rated.get(owner, ())
        await _drop_covered(session, lines[invoice.id])
        _complete(session, invoice, lines[invoice.id], fresh, late.get(owner, ()), adjusting[owner], now)
    customers = await all_by_id(session, models.Customer, environment_id, [one.customer_id for one in drafts])
    issuing = [
        Issuing(invoice, customers[invoice.customer_id], now + timedelta(days=subscription.payment_term_days))
        for invoice, subscription in zip(drafts, subscriptions, strict=True)
    ]
    await issue_invoices(session, environment_id, issuing, now)
    ended = [one.id for one in subscriptions if one.status is SubscriptionStatus.TERMINATED]
    if ended:  # who counts at this moment may not know yet that they ended
        await note_supplements(session, environment_id, ended)


async def issue_supplements(
    session: AsyncSession, environment_id: str, due: Mapping[str, datetime], now: datetime
) -> list[str]:
    """Bill the usage of a day that came after the last invoices of subscriptions; return the ids of the invoices.

    What still waits for its last invoice has that one bill all.
    """
    locked = await locked_all(session, models.Subscription, environment_id, due)
    drafted = await drafted_subscriptions(session, environment_id, due)
    subscriptions = [locked[one] for one in due if one not in drafted]
    late = await late_lines(session, environment_id, subscriptions, now)
    customers = await all_by_id(session, models.Customer, environment_id, [one.customer_id for one in subscriptions])
    reason = InvoiceReason.SUBSCRIPTION_SUPPLEMENT
    openings = [
        Opening(one, customers[one.customer_id], reason, cause_at(one, due[one.id]), (), late=late[one.id])
        for one in subscriptions
        if one.id in late
    ]
    invoices = await open_invoices(session, environment_id, openings, now)
    issuing = [
        Issuing(invoice, one.customer, now + timedelta(days=one.subscription.payment_term_days))
        for invoice, one in zip(invoices, openings, strict=True)
    ]
    await issue_invoices(session, environment_id, issuing, now)
    return [invoice.id for invoice in invoices]


def _complete(
    session: AsyncSession,
    invoice: models.Invoice,
    lines: Sequence[models.InvoiceLine],
    rated: Sequence[RatedLine],
    late: Sequence[LateLine],
    adjusting: Adjusting,
    now: datetime,
) -> None:
    """Bring a draft to what is counted now, and add the lines for late usage."""
    arrears, kept = _arrears(lines), [line for line in lines if line.covers_line_id is None]
    rewrite_lines(arrears, rated)
    pairs = list(zip(arrears, rated, strict=True))
    for line, fresh in pairs:
        line.usage_counter_id = fresh.usage_counter_id
    position = lines[-1].position + 1
    covered = add_covered_lines(session, invoice, position, pairs, now)
    added, corrections = add_late_lines(session, invoice, position + len(covered), late, now)
    total_up(invoice, [*kept, *covered, *added], adjusting, corrections)


async def _drop_covered(session: AsyncSession, lines: Iterable[models.InvoiceLine]) -> None:
    """Drop what was taken off lines of a draft: it is taken off anew."""
    for line in lines:
        if line.covers_line_id is not None:
            await session.delete(line)


def _arrears(lines: Iterable[models.InvoiceLine]) -> list[models.InvoiceLine]:
    """Return the lines that usage until the end of the grace time may still change."""
    in_arrears = [one for one in lines if one.price_id is not None and one.payment_term is PaymentTerm.IN_ARREARS]
    return [one for one in in_arrears if one.covers_line_id is None]


def _boundary_of(invoice: models.Invoice) -> datetime:
    assert invoice.boundary_at is not None, "only the draft of a boundary waits to be closed"
    return invoice.boundary_at


async def close_windows(
    session: AsyncSession, environment_id: str, ended: Iterable[tuple[str, datetime]], now: datetime
) -> None:
    """Mark the windows of subscriptions that end at an instant of each: events that come later are late for them."""
    columns = table_of(models.SubscriptionPeriod).c
    pairs = list(ended)
    if pairs:
        those = tuple_(columns.subscription_id, columns.end_at).in_(pairs)
        mine = (columns.environment_id == environment_id, those, columns.closed_at.is_(None))
        await session.execute(update(table_of(models.SubscriptionPeriod)).where(*mine).values(closed_at=now))
