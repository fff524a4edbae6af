"""Taking in events: the unique id is what counts one once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import insert_if_absent
from app.ids import event_id, new_id, new_idempotency_key
from app.metering.codec import EventInput, content_hash
from app.models import Customer, MeterEvent, MeterEventRepeat, TestClock, table_of


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """What the answer to an event says beyond what was sent. `is_repeat`: it had come before, and changed nothing."""

    id: str
    timestamp: datetime
    idempotency_key: str
    is_repeat: bool


async def store_event(session: AsyncSession, environment_id: str, event: EventInput, now: datetime) -> StoredEvent:
    """Store an event, or note its repetition. Nothing is refused here; the caller commits, and answers only then.

    Without a timestamp it happens `now`, or at the time of the test clock its customer is on. A repeat without one
    is answered with the timestamp of the first.
    """
    key = event.idempotency_key or new_idempotency_key()
    identifier = event_id(environment_id, key)
    timestamp = event.timestamp or await _time_of_customer(session, environment_id, event) or now
    row = {
        "environment_id": environment_id,
        "id": identifier,
        "created_at": now,
        "type": event.type,
        "source": event.source,
        "subject": event.subject,
        "external_subject": event.external_subject,
        "external_id": event.external_id,
        "idempotency_key": key,
        "timestamp": timestamp,
        "timestamp_given": event.timestamp is not None,
        "data": event.data,
        "content_hash": content_hash(environment_id, event),
    }
    if await insert_if_absent(session, table_of(MeterEvent), row):
        return StoredEvent(identifier, timestamp, key, is_repeat=False)
    first_timestamp = await _note_repeat(session, row)
    return StoredEvent(identifier, event.timestamp or first_timestamp, key, is_repeat=True)


async def _time_of_customer(session: AsyncSession, environment_id: str, event: EventInput) -> datetime | None:
    """Return the time of the test clock that the event's customer is on, or None."""
    customers, clocks = table_of(Customer).c, table_of(TestClock).c
    if event.subject is not None:
        named = customers.id == event.subject
    else:
        named = customers.external_id == event.external_subject
    on_clock = (customers.environment_id == clocks.environment_id) & (customers.test_clock_id == clocks.id)
    statement = (
        select(clocks.now).join(table_of(Customer), on_clock).where(customers.environment_id == environment_id, named)
    )
    found: datetime | None = await session.scalar(statement)
    return found


async def _note_repeat(session: AsyncSession, row: dict[str, object]) -> datetime:
    """Store that an event came again, and return the timestamp of its first arrival."""
    events = table_of(MeterEvent).c
    stored = select(events.timestamp, events.content_hash)
    first = (
        await session.execute(stored.where(events.environment_id == row["environment_id"], events.id == row["id"]))
    ).one()
    repeat = {
        "environment_id": row["environment_id"],
        "id": new_id("rep"),
        "created_at": row["created_at"],
        "event_id": row["id"],
        "differs": first.content_hash != row["content_hash"],
    }
    await session.execute(insert(table_of(MeterEventRepeat)).values(repeat))
    timestamp: datetime = first.timestamp
    return timestamp
