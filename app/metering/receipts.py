"""What became of an event: which metrics counted it, what bills it, or why it counted for nothing."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from app.billing.aggregation import MeteredValue
from app.billing.decimals import plain
from app.billing.extraction import MESSAGES, UncountedReason
from app.billing.filters import Dimensions
from app.billing.measuring import MetricRules
from app.billing.periods import Period
from app.metering.coverage import Coverage, load_coverage
from app.metering.facts import CustomerNames, LightRow, load_customers, load_metrics_of_types, read_data
from app.models import (
    Invoice,
    InvoiceLine,
    InvoiceLineEvent,
    MeterEvent,
    MeterEventRepeat,
    SubscriptionPeriod,
    table_of,
)


class EventStatus(StrEnum):
    """What became of an event: waiting to be counted, counted by some metric, by none, or withdrawn."""

    RECEIVED = "RECEIVED"
    COUNTED = "COUNTED"
    UNCOUNTED = "UNCOUNTED"
    VOIDED = "VOIDED"


@dataclass(frozen=True, slots=True)
class Counted:
    """That a metric counted an event: its value as text (1 where events are counted), and what bills it so far.

    Without a subscription the event is part of the metric's usage, and nobody is charged for it.
    """

    billable_metric_id: str
    value: str
    subscription_id: str | None
    period: Period | None
    invoice_id: str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an event counts for nothing, or is not billed; `billable_metric_id` is None where no metric is to blame."""

    code: UncountedReason
    message: str
    billable_metric_id: str | None


@dataclass(frozen=True, slots=True)
class EventReceipt:
    """All there is to say of an event. `differing`: when repeats came that had another content than the first."""

    event_id: str
    status: EventStatus
    repeats_total: int
    differing: tuple[datetime, ...]
    counted: tuple[Counted, ...]
    reasons: tuple[Reason, ...]


async def receipt(session: AsyncSession, environment_id: str, event_id: str) -> EventReceipt | None:
    """Return the receipt of an event, or None where the environment has no such event."""
    return (await receipts(session, environment_id, [event_id])).get(event_id)


async def receipts(session: AsyncSession, environment_id: str, event_ids: Collection[str]) -> dict[str, EventReceipt]:
    """Return the receipts of the events that exist among these ids, in eight statements whatever their number."""
    events = await _rows(session, MeterEvent, environment_id, table_of(MeterEvent).c.id.in_(set(event_ids)))
    if not events:
        return {}
    known = await _load(session, environment_id, events)
    return {event.id: _receipt(known, event) for event in events}


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything the receipts of some events are derived from."""

    metrics: dict[str, list[MetricRules]]
    customers: CustomerNames
    coverage: Coverage
    repeats: dict[str, int]
    differing: dict[str, list[datetime]]
    lines: dict[tuple[str, str], LightRow]
    closed: dict[str, set[Period]]


async def _load(session: AsyncSession, environment_id: str, events: Collection[LightRow]) -> _Known:
    metrics: defaultdict[str, list[MetricRules]] = defaultdict(list)
    for metric in await load_metrics_of_types(session, environment_id, {event.type for event in events}):
        metrics[metric.event_type].append(metric)
    subjects = {event.subject for event in events if event.subject is not None}
    external_subjects = {event.external_subject for event in events if event.subject is None}
    customers = await load_customers(session, environment_id, subjects, external_subjects)
    metric_ids = {metric.id for listed in metrics.values() for metric in listed}
    coverage = await load_coverage(session, environment_id, customers.ids, metric_ids)
    ids = {event.id for event in events}
    repeats = await _repeats(session, environment_id, ids)
    chosen = table_of(MeterEventRepeat).c.event_id.in_(ids) & table_of(MeterEventRepeat).c.differs
    differing: defaultdict[str, list[datetime]] = defaultdict(list)
    for repeat in await _rows(session, MeterEventRepeat, environment_id, chosen):
        differing[repeat.event_id].append(repeat.created_at)
    lines = {(line.event_id, line.billable_metric_id): line for line in await _lines(session, environment_id, ids)}
    closed = await _closed_periods(session, environment_id, coverage.subscription_ids)
    return _Known(metrics, customers, coverage, repeats, differing, lines, closed)


async def _rows(
    session: AsyncSession, model: type[SQLModel], environment_id: str, chosen: ColumnElement[bool]
) -> list[LightRow]:
    table = table_of(model)
    statement = select(table).where(table.c.environment_id == environment_id, chosen).order_by(table.c.id)
    return list(await session.execute(statement))


async def _repeats(session: AsyncSession, environment_id: str, event_ids: Collection[str]) -> dict[str, int]:
    """Return how often each event came again: counted by the database, as a client may repeat one without end."""
    repeats = table_of(MeterEventRepeat).c
    mine = (repeats.environment_id == environment_id, repeats.event_id.in_(event_ids))
    counted = select(repeats.event_id, func.count().label("total")).where(*mine).group_by(repeats.event_id)
    return {row.event_id: row.total for row in await session.execute(counted)}


async def _lines(session: AsyncSession, environment_id: str, event_ids: Collection[str]) -> Iterable[LightRow]:
    """Return the invoice line that counted each event, for each metric."""
    billed, lines, invoices = (table_of(model).c for model in (InvoiceLineEvent, InvoiceLine, Invoice))
    statement = (
        select(
            billed.event_id,
            billed.billable_metric_id,
            lines.invoice_id,
            lines.period_start,
            lines.period_end,
            invoices.subscription_id,
        )
        .join(
            table_of(InvoiceLine),
            (lines.environment_id == billed.environment_id) & (lines.id == billed.invoice_line_id),
        )
        .join(table_of(Invoice), (invoices.environment_id == lines.environment_id) & (invoices.id == lines.invoice_id))
        .where(billed.environment_id == environment_id, billed.event_id.in_(event_ids))
    )
    return (await session.execute(statement)).all()


async def _closed_periods(
    session: AsyncSession, environment_id: str, subscription_ids: Collection[str]
) -> dict[str, set[Period]]:
    periods = table_of(SubscriptionPeriod).c
    chosen = periods.subscription_id.in_(subscription_ids) & periods.closed_at.is_not(None)
    closed: defaultdict[str, set[Period]] = defaultdict(set)
    for row in await _rows(session, SubscriptionPeriod, environment_id, chosen):
        closed[row.subscription_id].add(Period(row.start_at, row.end_at))
    return closed


def _receipt(known: _Known, event: LightRow) -> EventReceipt:
    customer_id = known.customers.resolve(event.subject, event.external_subject)
    counted: list[Counted] = []
    reasons: list[Reason] = []
    metrics, data = known.metrics.get(event.type, []), read_data(event.data)
    if not metrics:
        reasons.append(_reason(UncountedReason.NO_METRIC))
    if customer_id is None:
        reasons.append(_reason(UncountedReason.CUSTOMER_UNKNOWN))
    for metric in metrics:
        value = metric.value_of(event.id, event.timestamp, data)
        if isinstance(value, UncountedReason):
            reasons.append(_reason(value, metric.id))
        elif customer_id is not None:
            groups = metric.dimensions_of(data)
            entry, why_not_billed = _billing(known, event, metric, customer_id, groups, _text(value))
            counted.append(entry)
            reasons.extend([_reason(why_not_billed, metric.id)] if why_not_billed else [])
    return EventReceipt(
        event_id=event.id,
        status=EventStatus.COUNTED if counted else EventStatus.UNCOUNTED,
        repeats_total=known.repeats.get(event.id, 0),
        differing=tuple(known.differing.get(event.id, ())),
        counted=tuple(counted),
        reasons=tuple(reasons),
    )


def _billing(
    known: _Known, event: LightRow, metric: MetricRules, customer_id: str, groups: Dimensions, value: str
) -> tuple[Counted, UncountedReason | None]:
    """Return what bills an event for a metric, and why nothing ever will where that is so."""
    line = known.lines.get((event.id, metric.id))
    if line is not None:  # what was billed stays so, whichever subscription would be the oldest today
        period = Period(line.period_start, line.period_end)
        return Counted(metric.id, value, line.subscription_id, period, line.invoice_id), None
    owner = known.coverage.owner(customer_id, metric.id, event.timestamp, groups)
    price = None if owner is None else owner.price_of(event.timestamp, groups)
    if owner is None or price is None:
        return Counted(metric.id, value, None, None, None), UncountedReason.NO_SUBSCRIPTION
    period = owner.period_of(price, event.timestamp)
    closed = period in known.closed.get(owner.subscription_id, ())
    entry = Counted(metric.id, value, owner.subscription_id, period, None)
    return entry, UncountedReason.PERIOD_CLOSED if closed else None


def _reason(code: UncountedReason, billable_metric_id: str | None = None) -> Reason:
    return Reason(code, MESSAGES[code], billable_metric_id)


def _text(metered: MeteredValue) -> str:
    """Return a value as the receipt shows it: where events are counted, an event is 1."""
    if metered.value is None:
        return "1"
    return metered.value if isinstance(metered.value, str) else plain(metered.value)
