"""Storing an event: the unique id is what counts one once."""

from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import insert_if_absent
from app.ids import new_id
from app.metering.content import content_hash
from app.metering.received import ReceivedEvent
from app.models import Customer, MeterEvent, MeterEventRepeat, TestClock, table_of


async def store_event(session: AsyncSession, event: ReceivedEvent) -> bool:
    """Store an event, or note its repetition; say whether it was stored.

    Without a timestamp it happens when it was received, or at the time of the test clock its customer is on.
    """
    environment_id = event.environment_id
    timestamp = event.timestamp or await _time_of_customer(session, environment_id, event) or event.received_at
    row = {
        "environment_id": environment_id,
        "id": event.id,
        "created_at": event.received_at,
        "type": event.type,
        "source": event.source,
        "subject": event.subject,
        "external_subject": event.external_subject,
        "external_id": event.external_id,
        "idempotency_key": event.idempotency_key,
        "timestamp": timestamp,
        "timestamp_given": event.timestamp is not None,
        "data": event.data,
        "content_hash": content_hash(event),
    }
    if await insert_if_absent(session, table_of(MeterEvent), row):
        return True
    await _note_repeat(session, row)
    return False


async def _time_of_customer(session: AsyncSession, environment_id: str, event: ReceivedEvent) -> datetime | None:
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


async def _note_repeat(session: AsyncSession, row: dict[str, object]) -> None:
    """Store that an event came again."""
    events = table_of(MeterEvent).c
    mine = (events.environment_id == row["environment_id"], events.id == row["id"])
    first = (await session.execute(select(events.content_hash).where(*mine))).scalar_one()
    repeat = {
        "environment_id": row["environment_id"],
        "id": new_id("rep"),
        "created_at": row["created_at"],
        "event_id": row["id"],
        "differs": first != row["content_hash"],
    }
    await session.execute(insert(table_of(MeterEventRepeat)).values(repeat))
