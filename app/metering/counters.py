"""Counters of usage: found or made, locked, and added to, for any number of events at once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from types import ModuleType
from typing import Any, Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.aggregation import Latest, MeteredValue, Tallied
from app.billing.decimals import canonical
from app.metering.deciding import Count, Place, Span
from app.metering.store import store_of
from app.metering.supplements import note_supplements
from app.metering.tallies import Adding, tells_apart
from app.models import CounterKind

#: The columns of a counter's tally.
TALLY: Final = (
    "event_count", "total", "minimum", "maximum", "latest", "latest_at", "latest_event_id", "distinct_count",
)  # fmt: skip
_READ: Final = ("id", "key", "closed_at", *TALLY)
_MADE: Final = (
    "key", "kind", "environment_id", "customer_id", "billable_metric_id", "subscription_id", "price_id", "start_at",
    "end_at", "round", "dimensions", "event_count", "total", "distinct_count",
)  # fmt: skip
_COUNTED: Final = ("event_number", "billable_metric_id", "revision", "is_withdrawal", "usage_counter_id")


class Counter(NamedTuple):
    """A locked counter as it stands; `round` is 0 for what is counted before a period closes."""

    id: int
    tallied: Tallied
    closed_at: datetime | None
    round: int


async def add_counts(session: AsyncSession, environment_id: str, counts: Sequence[Count]) -> None:
    """Add events that no counter has yet to those of their periods and days, and note which period has each.

    What falls into a closed period goes to that period's next round. Counters are locked in the order of their keys,
    periods before days, so that several transactions may do this at once.
    """
    if not counts:
        return
    by_place: dict[int, tuple[Place, list[MeteredValue]]] = {}
    for count in counts:
        by_place.setdefault(id(count.place), (count.place, []))[1].append(count.value)
    placed = by_place.values()
    periods = await _add(session, environment_id, CounterKind.PERIOD, [(place.period, some) for place, some in placed])
    by_days = [(place.day, some) for place, some in placed if not tells_apart(place.day.metric)]
    await _add(session, environment_id, CounterKind.DAY, by_days)
    counters = {name: periods[place.period.key] for name, (place, _) in by_place.items()}
    late = {place.period.subscription_id for name, (place, _) in by_place.items() if counters[name].round}
    await note_late(session, environment_id, late)
    rows = [
        (count.fact.number, count.place.day.metric.id, count.fact.revision, False, counters[id(count.place)].id)
        for count in counts
    ]
    connection = await session.connection()
    await store_of(session).append(connection, "counted_event", _COUNTED, sorted(rows))


async def note_late(session: AsyncSession, environment_id: str, subscription_ids: Collection[str | None]) -> None:
    """See to it that what came after the last invoice of a subscription is billed, too."""
    billed = {one for one in subscription_ids if one is not None}
    if billed:
        await note_supplements(session, environment_id, billed)


async def open_counters(
    session: AsyncSession, environment_id: str, kind: CounterKind, spans: Mapping[str, Span]
) -> dict[str, Counter]:
    """Return, locked, the counter that takes what is added to each span now; make those that are not there."""
    store, connection = store_of(session), await session.connection()
    rounds, found = dict.fromkeys(sorted(spans), 0), {}
    while rounds:
        keys = {_key(kind, base, number): base for base, number in rounds.items()}
        rows = {row.key: row for row in await store.lock_in(connection, "usage_counter", _READ, "key", list(keys))}
        missing = [key for key in keys if key not in rows]
        if missing:
            made = [_made(store, environment_id, kind, key, spans[keys[key]], rounds[keys[key]]) for key in missing]
            await store.insert_missing(connection, "usage_counter", _MADE, made)
            for row in await store.lock_in(connection, "usage_counter", _READ, "key", missing):
                rows[row.key] = row
        for key, base in keys.items():
            counter = _counter(store, rows[key], rounds[base])
            if counter.closed_at is None:
                found[base] = counter
                del rounds[base]
            else:
                rounds[base] += 1
    return found


async def write_tallies(session: AsyncSession, tallies: Iterable[tuple[int, Tallied]]) -> None:
    """Set locked counters, by their id, to what they come to."""
    store = store_of(session)
    rows = [(counter_id, *_tally_columns(store, tallied)) for counter_id, tallied in tallies]
    await store.update_by_id(await session.connection(), "usage_counter", TALLY, rows)


def read_tally(store: ModuleType, columns: Sequence[Any]) -> Tallied:
    """Return what the columns of TALLY come to, as the driver gave them."""
    event_count, total, minimum, maximum, latest, latest_at, latest_event_id, distinct_count = columns
    read = store.read_decimal
    return Tallied(
        event_count,
        read(total),
        None if minimum is None else read(minimum),
        None if maximum is None else read(maximum),
        None if latest_at is None else Latest(store.read_instant(latest_at), latest_event_id, read(latest)),
        distinct_count,
    )


async def _add(
    session: AsyncSession, environment_id: str, kind: CounterKind, placed: Iterable[tuple[Span, list[MeteredValue]]]
) -> dict[str, Counter]:
    """Add values to the counters of their spans; return these, as they were before, by the spans' keys."""
    spans: dict[str, Span] = {}
    additions: dict[str, Adding] = {}
    for span, values in placed:
        spans[span.key] = span
        additions.setdefault(span.key, Adding(span.metric)).values.extend(values)
    counters = await open_counters(session, environment_id, kind, spans)
    new_texts = await _new_texts(session, counters, additions)
    await write_tallies(
        session,
        (
            (counter.id, counter.tallied.plus(additions[key].tallied(new_texts.get(counter.id, 0))))
            for key, counter in counters.items()
        ),
    )
    return counters


async def _new_texts(
    session: AsyncSession, counters: Mapping[str, Counter], additions: Mapping[str, Adding]
) -> dict[int, int]:
    pairs = sorted((counters[key].id, text) for key, adding in additions.items() for text in adding.texts())
    new: dict[int, int] = {}
    for counter_id in await store_of(session).insert_values(await session.connection(), pairs):
        new[counter_id] = new.get(counter_id, 0) + 1
    return new


def _key(kind: CounterKind, base: str, number: int) -> str:
    return f"{base}/{number}" if kind is CounterKind.PERIOD else base


def _counter(store: ModuleType, row: Any, number: int) -> Counter:
    counter_id, _, closed_at, *tally = row
    return Counter(counter_id, read_tally(store, tally), closed_at and store.read_instant(closed_at), number)


def _made(
    store: ModuleType, environment_id: str, kind: CounterKind, key: str, span: Span, number: int
) -> tuple[Any, ...]:
    start, end = store.write_instant(span.start), store.write_instant(span.end)
    named = (key, kind.value, environment_id, span.customer_id, span.metric.id, span.subscription_id, span.price_id)
    return (*named, start, end, number, span.dimensions, 0, store.write_decimal(Tallied().total), 0)


def _tally_columns(store: ModuleType, tallied: Tallied) -> tuple[Any, ...]:
    latest = tallied.latest
    numbers = (tallied.total, tallied.minimum, tallied.maximum, None if latest is None else latest.value)
    written = [None if number is None else store.write_decimal(canonical(number)) for number in numbers]
    when = (None, None) if latest is None else (store.write_instant(latest.timestamp), latest.event_id)
    return (tallied.event_count, *written, *when, tallied.distinct_count)
