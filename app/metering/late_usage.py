"""Usage of closed periods: events that came, or were corrected, after their period was billed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.aggregation import Tallied, quantity_of
from app.billing.measuring import Measured, MetricRules, measure
from app.billing.price_models import PriceModel, needs_events, unit_price_path
from app.metering.facts import LightRow
from app.metering.store import store_of
from app.metering.tallies import tells_apart
from app.metering.usage import counted_facts, has_key, read_event, tallied_of
from app.models import CountedEvent, UsageCounter, table_of
from app.models.usage_counter import is_open_period

_counters = table_of(UsageCounter).c
_counted = table_of(CountedEvent).c


@dataclass(frozen=True, slots=True)
class LateUsage:
    """A closed period with events that no invoice has yet: they are in the counter of a later round.

    `base` names the period's counters but for their round; `first_counter_id` is the one that its first line was billed
    from.
    """

    subscription_id: str
    base: str
    round: int
    counter_id: int
    first_counter_id: int

    @property
    def key(self) -> str:
        """The key of the counter."""
        return f"{self.base}/{self.round}"

    @property
    def keys(self) -> list[str]:
        """The keys of the period's counters up to this one."""
        return keys_up_to(self.base, self.round)


async def find_late_usage(
    session: AsyncSession, environment_id: str, customer_ids: Collection[str], subscription_ids: Collection[str]
) -> list[LateUsage]:
    """Return the late usage of some subscriptions of some customers, in the order of the periods. Two statements."""
    statement = select(_counters.id, _counters.key, _counters.round, _counters.subscription_id).where(
        _counters.environment_id == environment_id,
        _counters.customer_id.in_(set(customer_ids)),
        is_open_period(_counters),
        _counters.round > 0,
        _counters.subscription_id.in_(set(subscription_ids)),
        select(_counted.event_number).where(_counted.usage_counter_id == _counters.id).exists(),
    )
    rows = (await session.execute(statement.order_by(_counters.end_at, _counters.start_at, _counters.id))).all()
    if not rows:
        return []
    first = {row.id: keys_up_to(row.key.rpartition("/")[0], 0)[0] for row in rows}
    ids = await _ids_by_key(session, environment_id, first.values())
    return [
        LateUsage(row.subscription_id, row.key.rpartition("/")[0], row.round, row.id, ids[first[row.id]])
        for row in rows
    ]


async def close_late_usage(session: AsyncSession, late: Sequence[LateUsage], now: datetime) -> None:
    """Close the counters of late usage, for good: what comes later still falls into another round."""
    store, connection = store_of(session), await session.connection()
    await store.take_part_in_counting(connection)
    await store.lock_in(connection, "usage_counter", ("id",), "key", sorted(one.key for one in late))
    ids = [one.counter_id for one in late]
    await session.execute(update(table_of(UsageCounter)).where(_counters.id.in_(ids)).values(closed_at=now))


async def measure_periods(
    session: AsyncSession,
    environment_id: str,
    asked: Mapping[LateUsage, tuple[MetricRules, PriceModel]],
) -> dict[LateUsage, Measured]:
    """Return what each closed period comes to with its late usage, as a metric and a price model see it.

    It follows from the sums, unless something that was billed is withdrawn or said otherwise, or the model looks at
    each event: then all events of the period are read again.
    """
    again = await _to_read_again(session, environment_id, asked)
    summed = [one for one in asked if one not in again]
    tallied = await _tallied(session, environment_id, summed)
    events = await events_of_periods(session, environment_id, {one.base: one.round for one in again})
    measured = {}
    for one, (metric, model) in asked.items():
        if one in again:
            path = unit_price_path(model)
            read = [read_event(metric, path, row) for row in events.get(one.base, ())]
            measured[one] = measure(metric.aggregation, model, [event for event in read if event is not None])
        else:
            whole = tallied[one]
            measured[one] = Measured(quantity_of(metric.aggregation, whole), whole.event_count, None)
    return measured


async def events_of_periods(
    session: AsyncSession, environment_id: str, last_rounds: Mapping[str, int]
) -> dict[str, list[LightRow]]:
    """Return the events of periods up to a round of each, by base key, in order of (timestamp, id).

    Each is there once, in its last revision by then, unless that is withdrawn. Three statements.
    """
    if not last_rounds:
        return {}
    keys = [key for base, last in last_rounds.items() for key in keys_up_to(base, last)]
    bases = {
        number: key.rpartition("/")[0] for key, number in (await _ids_by_key(session, environment_id, keys)).items()
    }
    marks = select(_counted.event_number, _counted.revision, _counted.is_withdrawal, _counted.usage_counter_id)
    last: dict[tuple[str, int], int | None] = {}
    chosen = marks.where(_counted.usage_counter_id.in_(bases)).order_by(_counted.revision)
    for mark in await session.execute(chosen):
        last[bases[mark.usage_counter_id], mark.event_number] = None if mark.is_withdrawal else mark.revision
    rows: Any = await session.execute(
        counted_facts(_counted.usage_counter_id).where(_counted.usage_counter_id.in_(bases))
    )
    found: defaultdict[str, list[LightRow]] = defaultdict(list)
    for row in rows:
        base = bases[row.usage_counter_id]
        if last[base, row.number] == row.revision:
            found[base].append(row)
    return {base: sorted(listed, key=lambda row: (row.timestamp, row.id)) for base, listed in found.items()}


def keys_up_to(base: str, last_round: int) -> list[str]:
    """Return the keys of a period's counters up to a round."""
    return [f"{base}/{number}" for number in range(last_round + 1)]


async def _to_read_again(
    session: AsyncSession, environment_id: str, asked: Mapping[LateUsage, tuple[MetricRules, PriceModel]]
) -> set[LateUsage]:
    """Return which periods can't be added up from what their rounds come to."""
    again = {one for one, (metric, model) in asked.items() if needs_events(model) or tells_apart(metric)}
    # An event that is said anew, or no longer, was added to an earlier round as it was then.
    later = {key: one for one in asked if one not in again for key in one.keys[1:]}
    revised = (
        select(_counters.key)
        .join(table_of(CountedEvent), _counted.usage_counter_id == _counters.id)
        .where(has_key(environment_id, later), or_(_counted.revision > 0, _counted.is_withdrawal))
    )
    return again | {later[key] for key in await session.scalars(revised.distinct())}


async def _tallied(session: AsyncSession, environment_id: str, summed: Iterable[LateUsage]) -> dict[LateUsage, Tallied]:
    by_key = {key: one for one in summed for key in one.keys}
    statement = select(table_of(UsageCounter)).where(has_key(environment_id, by_key))
    found: dict[LateUsage, Tallied] = {}
    for row in await session.execute(statement):
        one = by_key[row.key]
        found[one] = found.get(one, Tallied()).plus(tallied_of(row))
    return found


async def _ids_by_key(session: AsyncSession, environment_id: str, keys: Iterable[str]) -> dict[str, int]:
    statement = select(_counters.key, _counters.id).where(has_key(environment_id, set(keys)))
    return {row.key: row.id for row in await session.execute(statement)}
