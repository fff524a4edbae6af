"""The years after the start: at each boundary a draft, after the grace time an issued invoice.

Both are done for any number of subscriptions at once, by as many statements as for one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.lifecycle import (
    InvoiceReason,
    InvoiceStatus,
    PaymentTerm,
    SubscriptionStatus,
    TerminationReason,
    move_subscription,
)
from app.metering.usage import close_counters
from app.models import table_of
from app.services.adjusting import Adjusting, adjusting_by_subscription
from app.services.due import Due, DueKind, schedule
from app.services.invoices import (
    Issuing,
    Opening,
    issue_invoices,
    lines_by_invoice,
    new_line,
    open_invoices,
    owner_of,
    rewrite_lines,
    total_up,
)
from app.services.late_lines import LateLine, late_lines
from app.services.lookup import all_by_id, locked_all
from app.services.rating import RatedLine, charges_at_boundary, charges_of_lines, rate, usage_request
from app.services.subscriptions import boundary_of, open_windows
from app.services.terms import Agreement, agreements_by_subscription

_RENEWING = (SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE)


async def pass_boundaries(
    session: AsyncSession, environment_id: str, passed: Mapping[str, datetime], now: datetime
) -> list[str]:
    """End the windows of subscriptions that end at the instants that are given by their ids.

    Their invoices are drafted, the next windows begin, and both fall due. Return the ids of the drafts: there is none
    where there is nothing to bill.
    """
    locked = await locked_all(session, models.Subscription, environment_id, passed)
    # What a change has moved falls due in vain.
    subscriptions = [
        locked[one]
        for one, at in passed.items()
        if locked[one].status in _RENEWING and locked[one].next_boundary_at == at
    ]
    agreements = await agreements_by_subscription(session, environment_id, subscriptions)
    customers = await all_by_id(session, models.Customer, environment_id, [one.customer_id for one in subscriptions])
    charges = []
    for one in subscriptions:
        charges += charges_at_boundary(one, agreements[one.id], passed[one.id], one.last_boundary_at)
        _pass(session, one, agreements[one.id], passed[one.id], now)
    await session.flush()
    lines = _by_subscription(await rate(session, environment_id, charges))
    unbilled = [one for one in subscriptions if one.id not in lines]
    await _close_windows(session, environment_id, [(one.id, passed[one.id]) for one in unbilled], now)
    openings = [
        Opening(
            one, customers[one.customer_id], _reason(one), passed[one.id], lines[one.id], boundary_at=passed[one.id]
        )
        for one in subscriptions
        if one.id in lines
    ]
    invoices = await open_invoices(session, environment_id, openings, now)
    grace = timedelta(seconds=(await owner_of(session, environment_id)).merchant.grace_seconds)
    due = [boundary_of(one, customers[one.customer_id]) for one in subscriptions if one.status in _RENEWING]
    for invoice, opening in zip(invoices, openings, strict=True):
        closes_at = opening.cause_at + grace
        due.append(Due(DueKind.INVOICE_CLOSE, invoice.id, closes_at, opening.customer.test_clock_id))
    await schedule(session, environment_id, due, now)
    return [invoice.id for invoice in invoices]


def _pass(
    session: AsyncSession,
    subscription: models.Subscription,
    agreements: Sequence[Agreement],
    boundary: datetime,
    now: datetime,
) -> None:
    """Take a subscription over a boundary: into its next windows, or to its end."""
    subscription.last_boundary_at = boundary
    if subscription.ending_at is None or boundary < subscription.ending_at:
        open_windows(session, subscription, agreements, boundary, now)
        return
    subscription.status = move_subscription(subscription.status, SubscriptionStatus.TERMINATED)
    subscription.ended_at, subscription.next_boundary_at = boundary, None
    if subscription.termination_reason is None:
        subscription.termination_reason = TerminationReason.ENDED


def _reason(subscription: models.Subscription) -> InvoiceReason:
    if subscription.status is SubscriptionStatus.TERMINATED:
        return InvoiceReason.SUBSCRIPTION_END
    return InvoiceReason.SUBSCRIPTION_CYCLE


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
    await _close_windows(session, environment_id, boundaries.items(), now)
    lines = await lines_by_invoice(session, environment_id, [invoice.id for invoice in drafts])
    agreements = await agreements_by_subscription(session, environment_id, subscriptions)
    charges = []
    for one, invoice in zip(subscriptions, drafts, strict=True):
        charges += charges_of_lines(one, agreements[one.id], _arrears(lines[invoice.id]))
    ended = [usage_request(charge) for charge in charges if charge.term.metering]
    await close_counters(session, environment_id, ended, now)
    rated = _by_subscription(await rate(session, environment_id, charges))
    late = await late_lines(session, environment_id, subscriptions, now)
    adjusting = await adjusting_by_subscription(session, environment_id, subscriptions)
    for invoice in drafts:
        owner = invoice.subscription_id
        fresh = rated.get(owner, ())
        _complete(session, invoice, lines[invoice.id], fresh, late.get(owner, ()), adjusting[owner], now)
    customers = await all_by_id(session, models.Customer, environment_id, [one.customer_id for one in drafts])
    issuing = [
        Issuing(invoice, customers[invoice.customer_id], now + timedelta(days=subscription.payment_term_days))
        for invoice, subscription in zip(drafts, subscriptions, strict=True)
    ]
    await issue_invoices(session, environment_id, issuing, now)


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
    arrears = _arrears(lines)
    rewrite_lines(arrears, rated)
    for line, fresh in zip(arrears, rated, strict=True):
        line.usage_counter_id = fresh.usage_counter_id
    last = lines[-1].position
    added = [new_line(invoice, last + place, line, now, line.usage_counter_id) for place, line in enumerate(late, 1)]
    session.add_all(added)
    corrections = {row.id: line.correction for row, line in zip(added, late, strict=True)}
    total_up(invoice, [*lines, *added], adjusting, corrections)


def _arrears(lines: Iterable[models.InvoiceLine]) -> list[models.InvoiceLine]:
    """Return the lines that usage until the end of the grace time may still change."""
    return [one for one in lines if one.price_id is not None and one.payment_term is PaymentTerm.IN_ARREARS]


def _boundary_of(invoice: models.Invoice) -> datetime:
    assert invoice.boundary_at is not None, "only the draft of a boundary waits to be closed"
    return invoice.boundary_at


def _by_subscription(rated: Iterable[RatedLine]) -> dict[str, list[RatedLine]]:
    found: defaultdict[str, list[RatedLine]] = defaultdict(list)
    for line in rated:
        found[line.charge.subscription_id].append(line)
    return dict(found)


async def _close_windows(
    session: AsyncSession, environment_id: str, ended: Iterable[tuple[str, datetime]], now: datetime
) -> None:
    """Mark the windows of subscriptions that end at an instant of each: events that come later are late for them."""
    columns = table_of(models.SubscriptionPeriod).c
    pairs = list(ended)
    if pairs:
        those = tuple_(columns.subscription_id, columns.end_at).in_(pairs)
        mine = (columns.environment_id == environment_id, those, columns.closed_at.is_(None))
        await session.execute(update(table_of(models.SubscriptionPeriod)).where(*mine).values(closed_at=now))
