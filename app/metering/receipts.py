"""What became of an event: which metrics counted it, what bills it, or why it counted for nothing."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.aggregation import MeteredValue
from app.billing.decimals import plain
from app.billing.extraction import MESSAGES, UncountedReason
from app.billing.measuring import MetricRules
from app.billing.periods import Period
from app.metering.facts import LightRow, load_metrics_of_types, read_data
from app.metering.received import ReceivedEvent
from app.models import (
    CountedEvent,
    EventKey,
    InvoiceLine,
    MeterEvent,
    MeterEventRepeat,
    UsageCounter,
    table_of,
)

#: Differing repeats whose instants a receipt shows: a client may send them without end.
MOST_DIFFERING = 100


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
    """All there is to say of an event. `differing`: when repeats came that had another content than the first, oldest
    first, at most MOST_DIFFERING of them.
    """

    event_id: str
    status: EventStatus
    repeats_total: int
    differing: tuple[datetime, ...]
    counted: tuple[Counted, ...]
    reasons: tuple[Reason, ...]
    #: The event itself where it still waits to be counted.
    waiting: "WaitingEvent | None" = None
    counted_up_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    """An acknowledged event before it is counted, as a row of events will show it."""

    id: str
    environment_id: str
    created_at: datetime
    type: str
    source: str
    subject: str | None
    external_subject: str | None
    external_id: str | None
    idempotency_key: str
    timestamp: datetime
    data: str
    customer_id: str | None = None
    revision: int = 0
    voided: bool = False


def receipt_of_waiting(event: ReceivedEvent, counted_up_to: datetime | None) -> EventReceipt:
    """Return the receipt of an event that was acknowledged and is not counted yet."""
    waiting = WaitingEvent(
        id=event.id,
        environment_id=event.environment_id,
        created_at=event.received_at,
        type=event.type,
        source=event.source,
        subject=event.subject,
        external_subject=event.external_subject,
        external_id=event.external_id,
        idempotency_key=event.idempotency_key,
        timestamp=event.timestamp or event.received_at,
        data=event.data,
    )
    return EventReceipt(event.id, EventStatus.RECEIVED, 0, (), (), (), waiting, counted_up_to)


async def receipt(session: AsyncSession, environment_id: str, event_id: str) -> EventReceipt | None:
    """Return the receipt of a stored event, or None where the environment has no such event."""
    return (await receipts(session, environment_id, [event_id])).get(event_id)


async def receipts(session: AsyncSession, environment_id: str, event_ids: Collection[str]) -> dict[str, EventReceipt]:
    """Return the receipts of the stored events among these ids, in five statements whatever their number."""
    events, keys = table_of(MeterEvent).c, table_of(EventKey).c
    numbers = select(keys.number).where(keys.id.in_(set(event_ids)))
    mine = (events.environment_id == environment_id, events.number.in_(numbers))
    rows = (await session.execute(select(table_of(MeterEvent)).where(*mine))).all()
    if not rows:
        return {}
    known = await _load(session, environment_id, rows)
    return {row.id: _receipt(known, row) for row in rows}


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything the receipts of some events are derived from."""

    metrics: dict[str, list[MetricRules]]
    repeats: dict[str, int]
    differing: dict[str, list[datetime]]
    counts: dict[tuple[int, str], LightRow]


async def _load(session: AsyncSession, environment_id: str, events: Sequence[LightRow]) -> _Known:
    metrics: defaultdict[str, list[MetricRules]] = defaultdict(list)
    for metric in await load_metrics_of_types(session, environment_id, {event.type for event in events}):
        metrics[metric.event_type].append(metric)
    ids = {event.id for event in events}
    repeats = await _repeats(session, environment_id, ids)
    differing = await _differing(session, environment_id, ids) if repeats else {}
    counts = await _counts(session, [event.number for event in events])
    return _Known(metrics, repeats, differing, counts)


async def _repeats(session: AsyncSession, environment_id: str, event_ids: Collection[str]) -> dict[str, int]:
    """Return how often each event came again: counted by the database, as a client may repeat one without end."""
    repeats = table_of(MeterEventRepeat).c
    mine = (repeats.environment_id == environment_id, repeats.event_id.in_(event_ids))
    counted = select(repeats.event_id, func.count().label("total")).where(*mine).group_by(repeats.event_id)
    return {row.event_id: row.total for row in await session.execute(counted)}


async def _differing(
    session: AsyncSession, environment_id: str, event_ids: Collection[str]
) -> dict[str, list[datetime]]:
    repeats = table_of(MeterEventRepeat).c
    rank = func.row_number().over(partition_by=repeats.event_id, order_by=repeats.id).label("place")
    mine = (repeats.environment_id == environment_id, repeats.event_id.in_(event_ids), repeats.differs)
    ranked = select(repeats.event_id, repeats.created_at, rank).where(*mine).subquery()
    statement = select(ranked).where(ranked.c.place <= MOST_DIFFERING).order_by(ranked.c.place)
    found: defaultdict[str, list[datetime]] = defaultdict(list)
    for row in await session.execute(statement):
        found[row.event_id].append(row.created_at)
    return found


async def _counts(session: AsyncSession, numbers: Collection[int]) -> dict[tuple[int, str], LightRow]:
    """Return which counter has the last revision of each event for each metric, and the invoice that billed that."""
    counted, counters, lines = (table_of(model).c for model in (CountedEvent, UsageCounter, InvoiceLine))
    same_line = (lines.environment_id == counters.environment_id) & (lines.usage_counter_id == counters.id)
    statement = (
        select(
            *(counted.event_number, counted.billable_metric_id, lines.invoice_id),
            *(counters[name] for name in ("subscription_id", "start_at", "end_at", "round")),
        )
        .join(UsageCounter, counters.id == counted.usage_counter_id)
        .outerjoin(InvoiceLine, same_line)
        .where(counted.event_number.in_(numbers), counted.is_withdrawal.is_(False))
        .order_by(counted.revision, lines.id.desc())  # the last one stays: the first line that billed it
    )
    rows = await session.execute(statement)
    return {(row.event_number, row.billable_metric_id): row for row in rows}


def _receipt(known: _Known, event: LightRow) -> EventReceipt:
    counted: list[Counted] = []
    reasons: list[Reason] = []
    metrics, data = known.metrics.get(event.type, []), read_data(event.data)
    if not metrics:
        reasons.append(_reason(UncountedReason.NO_METRIC))
    if event.customer_id is None:
        reasons.append(_reason(UncountedReason.CUSTOMER_UNKNOWN))
    for metric in metrics:
        value, row = metric.value_of(event.id, event.timestamp, data), known.counts.get((event.number, metric.id))
        if isinstance(value, UncountedReason):
            reasons.append(_reason(value, metric.id))
        elif row is not None and not event.voided:
            entry, why_not_billed = _billing(row, metric, _text(value))
            counted.append(entry)
            reasons.extend([_reason(why_not_billed, metric.id)] if why_not_billed else [])
    return EventReceipt(
        event_id=event.id,
        status=_status(event, counted, reasons),
        repeats_total=known.repeats.get(event.id, 0),
        differing=tuple(known.differing.get(event.id, ())),
        counted=tuple(counted),
        reasons=tuple(reasons),
    )


def _status(event: LightRow, counted: Sequence[Counted], reasons: Sequence[Reason]) -> EventStatus:
    if event.voided:
        return EventStatus.VOIDED
    if counted:
        return EventStatus.COUNTED
    # What fits and is not counted yet waits for a metric or a customer to be caught up with.
    return EventStatus.UNCOUNTED if reasons else EventStatus.RECEIVED


def _billing(row: LightRow, metric: MetricRules, value: str) -> tuple[Counted, UncountedReason | None]:
    """Return what bills an event for a metric, and why nothing does where that is so."""
    if row.subscription_id is None:
        return Counted(metric.id, value, None, None, None), UncountedReason.NO_SUBSCRIPTION
    entry = Counted(metric.id, value, row.subscription_id, Period(row.start_at, row.end_at), row.invoice_id)
    waits = row.round > 0 and row.invoice_id is None
    return entry, UncountedReason.PERIOD_CLOSED if waits else None


def _reason(code: UncountedReason, billable_metric_id: str | None = None) -> Reason:
    return Reason(code, MESSAGES[code], billable_metric_id)


def _text(metered: MeteredValue) -> str:
    """Return a value as the receipt shows it: where events are counted, an event is 1."""
    if metered.value is None:
        return "1"
    return metered.value if isinstance(metered.value, str) else plain(metered.value)
