"""What the prices of subscriptions charge in their windows: read from the counters, whatever the number of events."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.aggregation import Latest, Tallied
from app.billing.extraction import UncountedReason, unit_price
from app.billing.measuring import MetricRules, ReadEvent
from app.metering.counters import open_counters
from app.metering.deciding import Span, period_key
from app.metering.facts import LightRow, read_data
from app.metering.store import store_of
from app.models import (
    CountedEvent,
    CounterKind,
    MeterEvent,
    MeterEventRevision,
    UsageCounter,
    table_of,
)

NOTHING: Final = Tallied()
#: Values that are given to a statement at once.
PARAMETERS: Final = 10_000
V = TypeVar("V")
_counters = table_of(UsageCounter).c


@dataclass(frozen=True, slots=True)
class UsageRequest:
    """What is asked: how much a price of a subscription charges in its window [start, end).

    `needs_events` where its sum does not say; `unit_price_property` says where events carry prices of their own.
    """

    subscription_id: str
    customer_id: str
    price_id: str
    metric: MetricRules
    start: datetime
    end: datetime
    needs_events: bool = False
    unit_price_property: str | None = None

    @property
    def key(self) -> str:
        """The key of the counter that answers."""
        return f"{period_key(self.subscription_id, self.price_id, self.start)}/0"


@dataclass(frozen=True, slots=True)
class PeriodUsage:
    """What was counted in a window before it closed; the single events only where they were asked for."""

    counter_id: int | None = None
    tallied: Tallied = NOTHING
    events: tuple[ReadEvent, ...] = ()


async def period_usage(
    session: AsyncSession, environment_id: str, requests: Iterable[UsageRequest]
) -> dict[UsageRequest, PeriodUsage]:
    """Answer every request from its counter. One statement, and one more where events are asked for."""
    by_key = {request.key: request for request in requests}
    if not by_key:
        return {}
    rows: dict[str, Any] = {}
    for keys in slices(list(by_key)):
        statement = select(table_of(UsageCounter)).where(has_key(environment_id, keys))
        rows |= {row.key: row for row in await session.execute(statement)}
    asked = {rows[key].id: request for key, request in by_key.items() if key in rows and request.needs_events}
    events = await _events(session, asked) if asked else {}
    return {
        request: PeriodUsage(rows[key].id, tallied_of(rows[key]), tuple(events.get(rows[key].id, ())))
        if key in rows
        else PeriodUsage()
        for key, request in by_key.items()
    }


def slices(values: Sequence[V]) -> Iterator[Sequence[V]]:
    """Cut values into as many as a statement takes: PostgreSQL's driver allows 32,767 parameters."""
    for start in range(0, len(values), PARAMETERS):
        yield values[start : start + PARAMETERS]


def has_key(environment_id: str, keys: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a counter of an environment has one of some keys.

    It is found by its key, which is unique: SQLite would else go through all counters of the environment.
    """
    return _counters.key.in_(keys) & (func.coalesce(_counters.environment_id, "") == environment_id)


async def close_counters(
    session: AsyncSession, environment_id: str, requests: Sequence[UsageRequest], now: datetime
) -> None:
    """Close the counters of some windows, for good: what is counted later falls into their next round.

    They are made where nothing was counted, as what comes later must find them closed. Waits for those who count.
    """
    spans = {}
    for request in requests:
        base = request.key.rpartition("/")[0]
        named = (request.subscription_id, request.price_id)
        spans[base] = Span(base, request.customer_id, request.metric, request.start, request.end, *named)
    await store_of(session).take_part_in_counting(await session.connection())
    counters = await open_counters(session, environment_id, CounterKind.PERIOD, spans)
    for ids in slices([counter.id for counter in counters.values() if counter.round == 0]):
        await session.execute(update(table_of(UsageCounter)).where(_counters.id.in_(ids)).values(closed_at=now))


async def set_ends(session: AsyncSession, environment_id: str, ends: Mapping[str, datetime]) -> None:
    """Set when the open counters with some keys end, where these are there: their periods do at another instant now."""
    if not ends:
        return
    store, connection = store_of(session), await session.connection()
    await store.take_part_in_counting(connection)
    await store.lock_in(connection, "usage_counter", ("id",), "key", sorted(ends))
    for key, end in ends.items():
        mine = (has_key(environment_id, [key]), _counters.closed_at.is_(None))
        await session.execute(update(table_of(UsageCounter)).where(*mine).values(end_at=end))


async def billed_subscriptions(
    session: AsyncSession, chosen: ColumnElement[bool], metric_ids: Collection[str]
) -> dict[tuple[str, str], str]:
    """Return, by event and metric, the subscription that bills each chosen event, where one does.

    `chosen` is a condition on meter events, their environment included.
    """
    events, counted = table_of(MeterEvent).c, table_of(CountedEvent).c
    statement = (
        select(events.id, counted.billable_metric_id, _counters.subscription_id)
        .join(MeterEvent, events.number == counted.event_number)
        .join(UsageCounter, _counters.id == counted.usage_counter_id)
        .where(counted.billable_metric_id.in_(metric_ids), _counters.subscription_id.is_not(None), chosen)
        .order_by(counted.revision)
    )
    rows = await session.execute(statement)
    return {(row.id, row.billable_metric_id): row.subscription_id for row in rows}


def counted_facts(*columns: ColumnElement[Any]) -> Select[Any]:
    """Select what the counted events said, in the revision that was counted, with other columns beside.

    The columns are number, id, type, timestamp, data, customer_id and revision; withdrawals are left out.
    """
    events, counted, before = (table_of(model).c for model in (MeterEvent, CountedEvent, MeterEventRevision))
    same = and_(
        before.environment_id == events.environment_id,
        before.event_id == events.id,
        before.number == counted.revision,
    )
    return (
        select(
            events.number,
            events.id,
            events.type,
            func.coalesce(before.timestamp, events.timestamp, type_=events.timestamp.type).label("timestamp"),
            func.coalesce(before.data, events.data).label("data"),
            events.customer_id,
            counted.revision,
            *columns,
        )
        .select_from(table_of(CountedEvent))
        .join(MeterEvent, events.number == counted.event_number)
        .outerjoin(MeterEventRevision, same)
        .where(counted.is_withdrawal.is_(False), or_(before.number.is_not(None), ~events.voided))
    )


async def _events(session: AsyncSession, asked: Mapping[int, UsageRequest]) -> dict[int, list[ReadEvent]]:
    """Read the events of counters as their prices do, in order of (timestamp, id)."""
    counter_id = table_of(CountedEvent).c.usage_counter_id
    found: defaultdict[int, list[tuple[datetime, str, ReadEvent]]] = defaultdict(list)
    rows: list[Row[Any]] = []
    for ids in slices(list(asked)):
        rows += (await session.execute(counted_facts(counter_id).where(counter_id.in_(ids)))).all()
    for row in rows:
        request = asked[row.usage_counter_id]
        event = read_event(request.metric, request.unit_price_property, row)
        if event is not None:
            found[row.usage_counter_id].append((row.timestamp, row.id, event))
    return {
        counter: [event for _, _, event in sorted(listed, key=lambda item: item[:2])]
        for counter, listed in found.items()
    }


def read_event(metric: MetricRules, unit_price_property: str | None, row: LightRow) -> ReadEvent | None:
    """Return what an event counts for with a metric, and the price it carries; None where it counts for nothing."""
    data = read_data(row.data)
    value = metric.value_of(row.id, row.timestamp, data)
    if isinstance(value, UncountedReason):
        return None
    return ReadEvent(value, None if unit_price_property is None else unit_price(unit_price_property, data))


def tallied_of(row: LightRow) -> Tallied:
    """Return what a counter's row comes to."""
    latest = None
    if row.latest_at is not None:
        latest = Latest(row.latest_at, row.latest_event_id, row.latest)
    return Tallied(row.event_count, row.total, row.minimum, row.maximum, latest, row.distinct_count)
