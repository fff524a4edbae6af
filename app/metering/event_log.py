"""The log between the acknowledgement of events and their counting: three functions, so that another could stand here.

What is appended is durable once the transaction commits. It is claimed by whether it exists, not by a position, as
ids of PostgreSQL's sequences do not commit in order; it is gone once the transaction that counted it commits.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.metering.received import ReceivedEvent
from app.models import EventInbox, table_of

_inbox: Final = table_of(EventInbox)
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(list[ReceivedEvent])


@dataclass(frozen=True, slots=True)
class Claimed:
    """Entries that are locked by this transaction, and their events in the order in which they came."""

    entry_ids: Sequence[int]
    events: Sequence[ReceivedEvent]


async def append(session: AsyncSession, events: Sequence[ReceivedEvent], received_at: datetime) -> None:
    """Write some events as one entry. They are acknowledged only after the commit."""
    row = {"received_at": received_at, "event_count": len(events), "events": _encoder.encode(events)}
    await session.execute(insert(_inbox).values(row))


async def claim(session: AsyncSession, most: int) -> Claimed:
    """Lock the oldest entries that nobody else has claimed, up to about `most` events, and one entry at least."""
    columns = _inbox.c
    waiting = select(columns.id, columns.event_count).order_by(columns.id).limit(most)
    entry_ids: list[int] = []
    total = 0
    for row in await session.execute(waiting.with_for_update(skip_locked=True)):
        if entry_ids and total + row.event_count > most:
            break
        entry_ids.append(row.id)
        total += row.event_count
    if not entry_ids:
        return Claimed((), ())
    entries = select(columns.events).where(columns.id.in_(entry_ids)).order_by(columns.id)
    events = [event for packed in await session.scalars(entries) for event in _decoder.decode(packed)]
    return Claimed(entry_ids, events)


async def acknowledge(session: AsyncSession, entry_ids: Collection[int]) -> None:
    """Drop entries whose events this transaction has counted."""
    await session.execute(delete(_inbox).where(_inbox.c.id.in_(entry_ids)))
