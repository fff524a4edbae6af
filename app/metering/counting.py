"""Counting acknowledged events: each stored once under its key, decided on, and added to the counters it belongs to."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from app.metering.counters import add_counts
from app.metering.deciding import Decision, Fact, load_deciding, load_names
from app.metering.received import ReceivedEvent
from app.metering.repeats import note_repeats
from app.metering.store import store_of

_COLUMNS: Final = (
    "number", "environment_id", "id", "created_at", "type", "source", "subject", "external_subject", "external_id",
    "idempotency_key", "timestamp", "timestamp_given", "data", "customer_id", "reason", "revision", "voided",
)  # fmt: skip


async def count_received(session: AsyncSession, events: Sequence[ReceivedEvent], now: datetime) -> None:
    """Store and count events, in the order in which they came; a key that is known already is noted as a repeat.

    All in the caller's transaction, with everything it takes: key, event, counters, and the period of each count.
    Keys are inserted in their order, which is kind to the index, and keeps two that do this at once from a deadlock.
    """
    if not events:
        return
    store, connection = store_of(session), await session.connection()
    await store.take_part_in_counting(connection)
    firsts: dict[str, ReceivedEvent] = {}
    repeats = [event for event in events if firsts.setdefault(event.id, event) is not event]
    numbers = await store.take_numbers(connection, month_of(now), len(firsts))
    numbered = dict(zip(firsts, numbers, strict=True))
    known = await store.insert_keys(connection, sorted(numbered.items()))
    repeats += [event for identifier, event in firsts.items() if identifier in known]
    by_environment: defaultdict[str, list[ReceivedEvent]] = defaultdict(list)
    for identifier, event in firsts.items():
        if identifier not in known:
            by_environment[event.environment_id].append(event)
    for environment_id in sorted(by_environment):
        await _count_new(session, environment_id, by_environment[environment_id], numbered)
    await note_repeats(session, repeats)


def month_of(now: datetime) -> int:
    """Return how many months have passed since January 1970."""
    return (now.year - 1970) * 12 + now.month - 1


async def _count_new(
    session: AsyncSession, environment_id: str, events: Sequence[ReceivedEvent], numbered: dict[str, int]
) -> None:
    """Store events of an environment that are there for the first time, and count them."""
    names = await load_names(session, environment_id, ((event.subject, event.external_subject) for event in events))
    facts = []
    for event in events:
        customer_id = names.resolve(event.subject, event.external_subject)
        # Whoever is on a test clock uses things in its time.
        timestamp = event.timestamp or names.times.get(customer_id or "") or event.received_at
        facts.append(Fact(numbered[event.id], event.id, event.type, timestamp, event.data, customer_id))
    customer_ids = {fact.customer_id for fact in facts if fact.customer_id is not None}
    deciding = await load_deciding(session, environment_id, {event.type for event in events}, customer_ids)
    decisions = [deciding.decide(fact) for fact in facts]
    write = store_of(session).write_instant
    rows = [_row(write, event, decision) for event, decision in zip(events, decisions, strict=True)]
    await store_of(session).append(await session.connection(), "meter_event", _COLUMNS, rows)
    await add_counts(session, environment_id, [count for decision in decisions for count in decision.counts])


def _row(write: Any, event: ReceivedEvent, decision: Decision) -> tuple[Any, ...]:
    fact, reason = decision.fact, decision.reason
    received_at = write(event.received_at)
    happened_at = received_at if fact.timestamp == event.received_at else write(fact.timestamp)
    return (
        fact.number, event.environment_id, fact.id, received_at, event.type, event.source,
        event.subject, event.external_subject, event.external_id, event.idempotency_key,
        happened_at, event.timestamp is not None, event.data, fact.customer_id,
        None if reason is None else reason.value, 0, False,
    )  # fmt: skip
