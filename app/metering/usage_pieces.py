"""What a metric's usage is put together from: days that were added up already, and events where a day does not do."""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.aggregation import Latest, Tallied, tally_events
from app.billing.extraction import UncountedReason
from app.billing.filters import Dimensions
from app.billing.measuring import MetricRules
from app.billing.periods import Period
from app.metering.facts import LightRow, read_data
from app.metering.tallies import tells_apart
from app.models import CounterKind, Customer, MeterEvent, UsageCounter, table_of

_DAY: Final = timedelta(days=1)
#: Stretches between whole days that are worth a condition of their own; beyond them all events are read.
_MOST_STRETCHES: Final = 20
_json: Final = msgspec.json.Decoder(list[str | None])


@dataclass(frozen=True, slots=True)
class Piece:
    """Usage at an instant, of one event or of all those of a day that agree in every dimension.

    `text` is what a UNIQUE_COUNT metric tells apart; then it is of one event.
    """

    timestamp: datetime
    tallied: Tallied
    dimensions: Dimensions
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """A span that is cut into whole days in UTC, which were added up, and stretches between them."""

    days: tuple[Period, ...]
    stretches: tuple[Period, ...]


def cut(span: Period, boundaries: Collection[datetime]) -> Cut:
    """Cut a span so that no whole day has one of the boundaries within it."""
    split = {_midnight(instant) for instant in boundaries if instant != _midnight(instant)}
    days: list[Period] = []
    stretches: list[Period] = []
    begin = span.start
    while begin < span.end:
        end = min(_midnight(begin) + _DAY, span.end)
        is_whole = end - begin == _DAY and begin not in split
        listed = days if is_whole else stretches
        if listed and listed[-1].end == begin:
            listed[-1] = Period(listed[-1].start, end)
        else:
            listed.append(Period(begin, end))
        begin = end
    if len(stretches) > _MOST_STRETCHES:
        return Cut((), (span,))
    return Cut(tuple(days), tuple(stretches))


async def read_pieces(
    session: AsyncSession,
    environment_id: str,
    metrics: Sequence[MetricRules],
    customer_id: str | None,
    span: Period,
    boundaries: Collection[datetime],
) -> dict[str, list[Piece]]:
    """Return the usage of metrics in a span by metric; without a customer, of all who are not on a test clock.

    Two statements at most. What is told apart is not known from days, so then all events are read.
    """
    parts, whole = cut(span, boundaries), Cut((), (span,))
    cuts = {metric.id: whole if tells_apart(metric) else parts for metric in metrics}
    pieces: dict[str, list[Piece]] = {metric.id: [] for metric in metrics}
    by_days = [metric for metric in metrics if cuts[metric.id].days]
    if by_days:
        for row in await session.execute(_days(environment_id, by_days, customer_id, parts.days)):
            pieces[row.billable_metric_id].append(piece_of_day(row, by_days))
    wanted = {metric.id: cuts[metric.id].stretches for metric in metrics if cuts[metric.id].stretches}
    if wanted:
        by_events = [metric for metric in metrics if metric.id in wanted]
        rows = (await session.execute(_events(environment_id, by_events, customer_id, wanted))).all()
        for metric in by_events:
            # There may be very many: meanwhile others are served.
            pieces[metric.id] += await asyncio.to_thread(_listed, metric, rows, wanted[metric.id])
    return pieces


def _midnight(instant: datetime) -> datetime:
    return instant.replace(hour=0, minute=0, second=0, microsecond=0)


def _days(
    environment_id: str, metrics: Iterable[MetricRules], customer_id: str | None, days: Sequence[Period]
) -> Select[Any]:
    counters = table_of(UsageCounter).c
    statement = select(table_of(UsageCounter)).where(
        counters.environment_id == environment_id,
        counters.billable_metric_id.in_({metric.id for metric in metrics}),
        counters.kind == CounterKind.DAY,
        or_(*(and_(counters.start_at >= span.start, counters.start_at < span.end) for span in days)),
        counters.event_count > 0,
    )
    return _of_customer(statement, counters.environment_id, counters.customer_id, customer_id)


def _events(
    environment_id: str,
    metrics: Iterable[MetricRules],
    customer_id: str | None,
    wanted: Mapping[str, Sequence[Period]],
) -> Select[Any]:
    events = table_of(MeterEvent).c
    spans = {span for stretches in wanted.values() for span in stretches}
    statement = select(events.id, events.type, events.timestamp, events.data).where(
        events.environment_id == environment_id,
        events.type.in_({metric.event_type for metric in metrics}),
        or_(*(and_(events.timestamp >= span.start, events.timestamp < span.end) for span in spans)),
        ~events.voided,
    )
    return _of_customer(statement, events.environment_id, events.customer_id, customer_id)


def _of_customer(
    statement: Select[Any], environment: ColumnElement[str], column: ColumnElement[Any], customer_id: str | None
) -> Select[Any]:
    if customer_id is not None:
        return statement.where(column == customer_id)
    customers = table_of(Customer).c
    same = (customers.environment_id == environment) & (customers.id == column)
    return statement.join(table_of(Customer), same).where(customers.test_clock_id.is_(None))


def piece_of_day(row: LightRow, metrics: Iterable[MetricRules]) -> Piece:
    """Return what a counter of a day holds, of one of some metrics."""
    metric = next(metric for metric in metrics if metric.id == row.billable_metric_id)
    names = [name for name, _ in metric.group_by]
    latest = None if row.latest_at is None else Latest(row.latest_at, row.latest_event_id, row.latest)
    tallied = Tallied(row.event_count, row.total, row.minimum, row.maximum, latest, row.distinct_count)
    return Piece(row.start_at, tallied, dict(zip(names, _json.decode(row.dimensions), strict=True)))


def _listed(metric: MetricRules, rows: Iterable[LightRow], stretches: Sequence[Period]) -> list[Piece]:
    return list(pieces_of_events(metric, rows, stretches))


def pieces_of_events(metric: MetricRules, rows: Iterable[LightRow], stretches: Sequence[Period]) -> Iterator[Piece]:
    """Yield what each event in some stretches counts for, where that is something."""
    for row in rows:
        if row.type != metric.event_type or not any(span.contains(row.timestamp) for span in stretches):
            continue
        data = read_data(row.data)
        value = metric.value_of(row.id, row.timestamp, data)
        if not isinstance(value, UncountedReason):
            text = value.value if isinstance(value.value, str) else None
            tallied = tally_events(metric.aggregation, [value])
            yield Piece(row.timestamp, tallied, metric.dimensions_of(data), text)
