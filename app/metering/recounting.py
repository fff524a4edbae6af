"""Counting stored events again, as something that decides on them is new or was corrected.

Whoever does this has the counting to itself. What a closed period counted stays there: it was billed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.aggregation import MeteredValue, Tallied, tally_events
from app.billing.extraction import UncountedReason
from app.billing.measuring import MetricRules
from app.metering.counters import TALLY, add_counts, open_counters, read_tally, write_tallies
from app.metering.deciding import Count, Decision, Fact, Span, day_of, load_deciding
from app.metering.facts import load_metrics, load_metrics_of_types, read_data
from app.metering.index_text import index_text
from app.metering.store import store_of
from app.metering.tallies import Adding, is_subtractable, tells_apart
from app.metering.usage import counted_facts
from app.models import CountedEvent, CounterKind, MeterEvent, UsageCounter, UsageValue, table_of

_counters = table_of(UsageCounter).c
_counted = table_of(CountedEvent).c


@dataclass(frozen=True, slots=True)
class Placed:
    """Which counter has an event for a metric, in its last revision."""

    metric_id: str
    revision: int
    counter_id: int
    key: str
    is_closed: bool


async def recount(session: AsyncSession, environment_id: str, facts: Sequence[Fact]) -> None:
    """Bring the counters to what the facts count for now, and note on the events whose they are and why they are not
    billed. Facts are stored events of an environment as they are now.
    """
    types = {fact.type for fact in facts}
    customer_ids = {fact.customer_id for fact in facts if fact.customer_id is not None}
    deciding = await load_deciding(session, environment_id, types, customer_ids)
    placed = await placed_counts(session, facts)
    decisions = [deciding.decide(fact) for fact in facts]
    misplaced: list[tuple[Fact, Placed]] = []
    missing: list[Count] = []
    for decision in decisions:
        _compare(decision, placed.get(decision.fact.number, {}), misplaced, missing)
    await take_out(session, environment_id, misplaced)
    await add_counts(session, environment_id, missing)
    await _note(session, decisions)


def _compare(
    decision: Decision, placed: Mapping[str, Placed], misplaced: list[tuple[Fact, Placed]], missing: list[Count]
) -> None:
    """Sort out which counts of an event are elsewhere than they should be, and which are nowhere."""
    wanted = {count.place.day.metric.id: count for count in decision.counts}
    for metric_id, place in placed.items():
        count = wanted.pop(metric_id, None)
        if place.is_closed or (count is not None and place.key.rpartition("/")[0] == count.place.period.key):
            continue
        misplaced.append((decision.fact, place))
        if count is not None:
            missing.append(count)
    missing.extend(wanted.values())


async def placed_counts(session: AsyncSession, facts: Sequence[Fact]) -> dict[int, dict[str, Placed]]:
    """Return which counters have some events as they are now, by event and metric. One statement.

    What counted an event before it was corrected is left out.
    """
    statement = (
        select(
            *(_counted.event_number, _counted.billable_metric_id, _counted.revision),
            *(_counters.id, _counters.key, _counters.closed_at),
        )
        .join(UsageCounter, _counters.id == _counted.usage_counter_id)
        .where(_counted.event_number.in_([fact.number for fact in facts]), _counted.is_withdrawal.is_(False))
    )
    revisions = {fact.number: fact.revision for fact in facts}
    found: defaultdict[int, dict[str, Placed]] = defaultdict(dict)
    for row in await session.execute(statement):
        if row.revision == revisions[row.event_number]:
            place = Placed(row.billable_metric_id, row.revision, row.id, row.key, row.closed_at is not None)
            found[row.event_number][place.metric_id] = place
    return found


async def take_out(session: AsyncSession, environment_id: str, misplaced: Sequence[tuple[Fact, Placed]]) -> None:
    """Take events out of the open counters of their periods, and out of those of their days.

    A fact says what the event was when it was counted; what is stored of it says no longer so. What can't be subtracted
    is counted again from what is left. Closed periods keep what they have.
    """
    if not misplaced:
        return
    rows = [(fact.number, place.metric_id, place.revision) for fact, place in misplaced if not place.is_closed]
    named = tuple_(_counted.event_number, _counted.billable_metric_id, _counted.revision)
    await session.execute(delete(table_of(CountedEvent)).where(named.in_(rows), _counted.is_withdrawal.is_(False)))
    ids = {place.metric_id for _, place in misplaced}
    metrics = {metric.id: metric for metric in await load_metrics(session, environment_id, ids)}
    periods: dict[str, Adding] = {}
    days: dict[str, Adding] = {}
    spans: dict[str, Span] = {}
    for fact, place in misplaced:
        metric = metrics[place.metric_id]
        value, day = _read(metric, fact)
        if not place.is_closed:
            periods.setdefault(place.key, Adding(metric)).values.append(value)
        if not tells_apart(metric):
            spans[day.key] = day
            days.setdefault(day.key, Adding(metric)).values.append(value)
    await _subtract(
        session, {key: adding for key, adding in (periods | days).items() if is_subtractable(adding.metric)}
    )
    again = [key for key, adding in periods.items() if not is_subtractable(adding.metric)]
    await recount_counters(session, environment_id, again)
    await recount_days(session, environment_id, [spans[key] for key in days if not is_subtractable(days[key].metric)])


async def recount_counters(session: AsyncSession, environment_id: str, keys: Collection[str]) -> int:
    """Set PERIOD counters to what their events come to; return how many had come to something else."""
    if not keys:
        return 0
    store, connection = store_of(session), await session.connection()
    columns = ("id", "billable_metric_id", *TALLY)
    rows = await store.lock_in(connection, "usage_counter", columns, "key", list(keys))
    metrics = {m.id: m for m in await load_metrics(session, environment_id, {row.billable_metric_id for row in rows})}
    changed = []
    for row in rows:
        metric = metrics[row.billable_metric_id]
        values = await _values_of(session, metric, row.id)
        if tells_apart(metric):
            await session.execute(delete(table_of(UsageValue)).where(table_of(UsageValue).c.usage_counter_id == row.id))
            texts = {index_text(value.value) for value in values if isinstance(value.value, str)}
            await store.insert_values(connection, sorted((row.id, text) for text in texts))
        fresh = tally_events(metric.aggregation, values)
        if fresh != read_tally(store, row[2:]):
            changed.append((row.id, fresh))
    await write_tallies(session, changed)
    return len(changed)


async def recount_days(session: AsyncSession, environment_id: str, days: Iterable[Span]) -> int:
    """Set the DAY counters of some days, whatever their dimensions, to what the events of these come to.

    Counters that are missing are made. Return how many had come to something else.
    """
    changed = 0
    for day in {(day.customer_id, day.metric.id, day.start): day for day in days}.values():
        spans, values = await _values_of_day(session, environment_id, day)
        wanted = {key: tally_events(day.metric.aggregation, listed) for key, listed in values.items()}
        there = await open_counters(session, environment_id, CounterKind.DAY, spans | await _days_there(session, day))
        fresh = [(counter.id, wanted.get(key, Tallied()), counter.tallied) for key, counter in there.items()]
        differing = [(counter_id, tallied) for counter_id, tallied, before in fresh if tallied != before]
        await write_tallies(session, differing)
        changed += len(differing)
    return changed


async def recount_days_of(session: AsyncSession, environment_id: str, facts: Sequence[Fact]) -> int:
    """Do the same for the days of some events."""
    metrics = await load_metrics_of_types(session, environment_id, {fact.type for fact in facts})
    days = [
        day_of(fact.customer_id, metric, fact.timestamp, metric.dimensions_of(read_data(fact.data)))
        for fact in facts
        for metric in metrics
        if fact.customer_id is not None and metric.event_type == fact.type and not tells_apart(metric)
    ]
    return await recount_days(session, environment_id, days)


async def _values_of_day(
    session: AsyncSession, environment_id: str, day: Span
) -> tuple[dict[str, Span], dict[str, list[MeteredValue]]]:
    """Read what a customer's events of a day count for, by the keys of their counters."""
    events = table_of(MeterEvent).c
    chosen = (
        events.environment_id == environment_id,
        events.type == day.metric.event_type,
        events.customer_id == day.customer_id,
        events.timestamp >= day.start,
        events.timestamp < day.end,
        ~events.voided,
    )
    spans: dict[str, Span] = {}
    values: defaultdict[str, list[MeteredValue]] = defaultdict(list)
    for row in (await session.execute(select(events.id, events.timestamp, events.data).where(*chosen))).all():
        data = read_data(row.data)
        value = day.metric.value_of(row.id, row.timestamp, data)
        if not isinstance(value, UncountedReason):
            span = day_of(day.customer_id, day.metric, row.timestamp, day.metric.dimensions_of(data))
            spans[span.key] = span
            values[span.key].append(value)
    return spans, values


async def _days_there(session: AsyncSession, day: Span) -> dict[str, Span]:
    """Return the days that a customer has counters for, by their keys: one for each combination of dimensions."""
    same = (_counters.billable_metric_id == day.metric.id, _counters.customer_id == day.customer_id)
    mine = (_counters.kind == CounterKind.DAY, _counters.start_at == day.start)
    rows = await session.execute(select(_counters.key, _counters.dimensions).where(*same, *mine))
    return {row.key: day._replace(key=row.key, dimensions=row.dimensions) for row in rows}


async def _subtract(session: AsyncSession, gone: Mapping[str, Adding]) -> None:
    store, connection = store_of(session), await session.connection()
    rows = await store.lock_in(connection, "usage_counter", ("id", "key", *TALLY), "key", list(gone))
    left = [(counter_id, read_tally(store, tally).minus(gone[key].tallied(0))) for counter_id, key, *tally in rows]
    await write_tallies(session, left)


async def _values_of(session: AsyncSession, metric: MetricRules, counter_id: int) -> list[MeteredValue]:
    """Read what the events of a counter count for, in the revisions that it counted."""
    rows = await session.execute(counted_facts().where(_counted.usage_counter_id == counter_id))
    read = (metric.value_of(row.id, row.timestamp, read_data(row.data)) for row in rows)
    return [value for value in read if not isinstance(value, UncountedReason)]


def _read(metric: MetricRules, fact: Fact) -> tuple[MeteredValue, Span]:
    data = read_data(fact.data)
    value = metric.value_of(fact.id, fact.timestamp, data)
    assert not isinstance(value, UncountedReason), "what was counted has a value"
    assert fact.customer_id is not None, "what was counted is somebody's"
    return value, day_of(fact.customer_id, metric, fact.timestamp, metric.dimensions_of(data))


async def _note(session: AsyncSession, decisions: Sequence[Decision]) -> None:
    """Write on the events whose they are, and why they count for nothing or are not billed."""
    store = store_of(session)
    rows = [
        (one.fact.number, one.fact.customer_id, None if one.reason is None else one.reason.value) for one in decisions
    ]
    await store.update_events(await session.connection(), rows)
