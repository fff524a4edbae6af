"""What a metric's usage is put together from: days that were added up already, and events where a day does not do."""

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.aggregation import Latest, MeteredValue, Tallied, tally_events
from app.billing.extraction import UncountedReason
from app.billing.filters import Dimensions
from app.billing.measuring import MetricRules
from app.billing.periods import Period
from app.metering.allowance import Allowance
from app.metering.facts import LightRow, read_data
from app.metering.tallies import tells_apart
from app.models import CounterKind, Customer, MeterEvent, UsageCounter, table_of

_DAY: Final = timedelta(days=1)
#: Stretches between whole days that are worth a condition of their own; beyond them all events are read.
_MOST_STRETCHES: Final = 20
#: Events that are read at a time.
_AT_A_TIME: Final = 10_000
_json: Final = msgspec.json.Decoder(list[str | None])


@dataclass(frozen=True, slots=True)
class Piece:
    """Usage at an instant, of one event or of all those of a time that agree in every dimension.

    `text` is what a UNIQUE_COUNT metric tells apart; then they agree in it, too.
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
    allowance: Allowance,
) -> dict[str, list[Piece]]:
    """Return the usage of metrics in a span by metric; without a customer, of all who are not on a test clock.

    A piece lies between two boundaries; it may have any instant there. Three statements at most. What is told apart is
    not known from days, so then all events are read. Refused where those are more than the allowance has left.
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
        events = _events(environment_id, by_events, customer_id, wanted)
        allowance.take(await _count(session, events, allowance.left + 1))
        folded = _Folded(by_events, wanted, sorted(boundaries))
        async for rows in (await session.stream(events)).partitions(_AT_A_TIME):
            # There may be very many: meanwhile others are served.
            await asyncio.to_thread(folded.add, rows)
        for metric_id, piece in folded.pieces():
            pieces[metric_id].append(piece)
    return pieces


class _Key(NamedTuple):
    """What the events of a piece agree in: between which boundaries they lie, every dimension, and the text."""

    metric_id: str
    place: int
    dimensions: tuple[str | None, ...]
    text: str | None


class _Folded:
    """Events that are put together as they are read, so that there is no more of them than what is asked for."""

    def __init__(
        self, metrics: Iterable[MetricRules], wanted: Mapping[str, Sequence[Period]], boundaries: Sequence[datetime]
    ) -> None:
        self._by_type: defaultdict[str, list[MetricRules]] = defaultdict(list)
        for metric in metrics:
            self._by_type[metric.event_type].append(metric)
        self._metrics = {metric.id: metric for metric in metrics}
        self._wanted, self._boundaries = wanted, boundaries
        self._tallied: dict[_Key, tuple[datetime, Tallied]] = {}

    def add(self, rows: Iterable[LightRow]) -> None:
        """Take events in, each once."""
        values: defaultdict[_Key, list[MeteredValue]] = defaultdict(list)
        for row in rows:
            data = read_data(row.data)
            for metric in self._by_type[row.type]:
                value = self._value(metric, row, data)
                if value is not None:
                    values[self._key(metric, row.timestamp, data, value)].append(value)
        for key, listed in values.items():
            tallied = tally_events(self._metrics[key.metric_id].aggregation, listed)
            at, before = self._tallied.get(key, (listed[0].timestamp, Tallied()))
            self._tallied[key] = at, before.plus(tallied)

    def pieces(self) -> Iterator[tuple[str, Piece]]:
        """Yield each piece with its metric's id."""
        for key, (at, tallied) in self._tallied.items():
            names = (name for name, _ in self._metrics[key.metric_id].group_by)
            yield key.metric_id, Piece(at, tallied, dict(zip(names, key.dimensions, strict=True)), key.text)

    def _value(self, metric: MetricRules, row: LightRow, data: dict[str, object]) -> MeteredValue | None:
        if not any(span.contains(row.timestamp) for span in self._wanted[metric.id]):
            return None
        value = metric.value_of(row.id, row.timestamp, data)
        return None if isinstance(value, UncountedReason) else value

    def _key(self, metric: MetricRules, at: datetime, data: dict[str, object], metered: MeteredValue) -> _Key:
        dimensions = tuple(metric.dimensions_of(data).values())
        text = metered.value if isinstance(metered.value, str) else None
        return _Key(metric.id, bisect_right(self._boundaries, at), dimensions, text)


async def _count(session: AsyncSession, events: Select[Any], most: int) -> int:
    some = events.with_only_columns(table_of(MeterEvent).c.id).limit(most).subquery()
    return (await session.execute(select(func.count()).select_from(some))).scalar_one()


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
    types: defaultdict[Sequence[Period], set[str]] = defaultdict(set)
    for metric in metrics:
        types[wanted[metric.id]].add(metric.event_type)
    # What one metric wants of a span is no reason to read the events of the others there.
    statement = select(events.id, events.type, events.timestamp, events.data).where(
        events.environment_id == environment_id,
        or_(*(events.type.in_(named) & _within(stretches) for stretches, named in types.items())),
        ~events.voided,
    )
    if len(types) > 1:  # SQLite takes no index for conditions within conditions
        spans = [span for stretches in types for span in stretches]
        around = Period(min(span.start for span in spans), max(span.end for span in spans))
        statement = statement.where(_within([around]))
    return _of_customer(statement, events.environment_id, events.customer_id, customer_id)


def _within(spans: Iterable[Period]) -> ColumnElement[bool]:
    at = table_of(MeterEvent).c.timestamp
    return or_(*(and_(at >= span.start, at < span.end) for span in spans))


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
