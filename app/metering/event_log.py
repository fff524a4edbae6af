"""The log between the acknowledgement of events and their counting: three functions, so that another could stand here.

What is appended is durable once the transaction commits. It is claimed by whether it exists, not by a position, as
ids of PostgreSQL's sequences do not commit in order; it is gone once the transaction that counted it commits.
"""

import json
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, and_, bindparam, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions
from app.metering.received import ReceivedEvent
from app.metering.store_sqlite import write_instant
from app.models import ApiKey, EventInbox, table_of
from app.sqlite import SqliteWriter, writing

_inbox: Final = table_of(EventInbox)
_keys: Final = table_of(ApiKey).c
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(list[ReceivedEvent])


@dataclass(frozen=True, slots=True)
class Claimed:
    """Entries that are locked by this transaction, and their events in the order in which they came."""

    entry_ids: Sequence[int]
    events: Sequence[ReceivedEvent]


#: The events of one request, and the id of the API key that they came with.
Request = tuple[str, Sequence[ReceivedEvent]]
#: Bytes of an entry beyond which it takes no further event.
MAX_ENTRY_BYTES: Final = 1024 * 1024
#: Characters of an error that are kept beside an event that is set aside.
MAX_REASON: Final = 1000
#: Entries that are locked in one go: the more, the less is left to others who count.
_ENTRIES: Final = 200


async def append(sessions: Sessions, requests: Sequence[Request], most: int) -> set[str]:
    """Write the events of some requests, in their order, in entries of at most `most` events; return once it is on
    disk which of the keys were valid when it was. What came with another key is not written.
    """
    now = sessions.clock.now()
    key_ids = sorted({key_id for key_id, _ in requests})
    if isinstance(sessions.writer, SqliteWriter):
        async with sessions.turn():
            work = partial(_append_to_sqlite, requests=requests, key_ids=key_ids, now=now, most=most)
            return await sessions.writer.run(work)
    # Most often every key is valid, which one statement finds and writes at once.
    entries = _entries(requests, key_ids, most)
    counts, packed = [len(events) for events in entries], [_encoder.encode(events) for events in entries]
    if await sessions.writer.execute(_APPEND_IF_ALL_VALID, now, counts, packed, key_ids) == len(entries):
        return set(key_ids)
    async with sessions.begin() as session:
        valid = set(await session.scalars(select(_keys.id).where(_keys.id.in_(key_ids), _is_valid(now))))
        rows = [_row(events, now) for events in _entries(requests, valid, most)]
        if rows:
            await session.execute(insert(_inbox), rows)
    return valid


def _append_to_sqlite(
    connection: sqlite3.Connection, requests: Sequence[Request], key_ids: Sequence[str], now: datetime, most: int
) -> set[str]:
    """Do the same without crossing between threads for each statement; most often in one statement of its own."""
    at, named = write_instant(now), json.dumps(key_ids)
    entries = _entries(requests, key_ids, most)
    if len(entries) == 1:
        given = (at, len(entries[0]), _encoder.encode(entries[0]), len(key_ids), named, at)
        if connection.execute(_APPEND_IF_VALID, given).rowcount == 1:
            return set(key_ids)
    with writing(connection):
        valid = {row[0] for row in connection.execute(f"SELECT id {_VALID_KEYS}", (named, at))}
        for events in _entries(requests, valid, most):
            connection.execute(_APPEND, (at, len(events), _encoder.encode(events)))
    return valid


_VALID_KEYS: Final = (
    "FROM api_key WHERE id IN (SELECT value FROM json_each(?)) AND revoked_at IS NULL "
    "AND (expires_at IS NULL OR expires_at > ?)"
)
_APPEND_IF_VALID: Final = (
    "INSERT INTO event_inbox (received_at, event_count, events) "
    f"SELECT ?, ?, ? WHERE ? = (SELECT count(*) {_VALID_KEYS})"
)
_APPEND_IF_ALL_VALID: Final = (
    "INSERT INTO event_inbox (received_at, event_count, events) "
    "SELECT $1, entry.count, entry.packed FROM unnest($2::integer[], $3::bytea[]) AS entry (count, packed) "
    "WHERE cardinality($4::text[]) = (SELECT count(*) FROM api_key WHERE id = ANY($4) AND revoked_at IS NULL "
    "AND (expires_at IS NULL OR expires_at > $1))"
)
_APPEND: Final = "INSERT INTO event_inbox (received_at, event_count, events) VALUES (?, ?, ?)"


def _is_valid(now: datetime) -> ColumnElement[bool]:
    return and_(_keys.revoked_at.is_(None), or_(_keys.expires_at.is_(None), _keys.expires_at > now))


def _row(events: Sequence[ReceivedEvent], now: datetime) -> dict[str, Any]:
    return {"received_at": now, "event_count": len(events), "events": _encoder.encode(events)}


def _entries(requests: Sequence[Request], valid: Collection[str], most: int) -> list[list[ReceivedEvent]]:
    """Cut the events that came with valid keys into entries, which are small in events and in bytes."""
    entries: list[list[ReceivedEvent]] = []
    entry: list[ReceivedEvent] = []
    size = MAX_ENTRY_BYTES
    for event in (event for key_id, listed in requests if key_id in valid for event in listed):
        if size >= MAX_ENTRY_BYTES or len(entry) == most:
            entry, size = [], 0
            entries.append(entry)
        entry.append(event)
        size += len(event.data)
    return entries


async def claim(session: AsyncSession, most: int) -> Claimed:
    """Lock the oldest entries that nobody else has claimed, up to about `most` events, and one entry at least."""
    entry_ids: list[int] = []
    total = 0
    for row in await session.execute(_OLDEST):
        if entry_ids and total + row.event_count > most:
            break
        entry_ids.append(row.id)
        total += row.event_count
    if not entry_ids:
        return Claimed((), ())
    entries = await session.scalars(_ENTRIES_BY_ID, {"entry_ids": entry_ids})
    return Claimed(entry_ids, [event for packed in entries for event in _decoder.decode(packed)])


async def acknowledge(session: AsyncSession, entry_ids: Collection[int]) -> None:
    """Drop entries whose events this transaction has counted."""
    await session.execute(_DROP_BY_ID, {"entry_ids": list(entry_ids)})


async def set_aside(session: AsyncSession, event: ReceivedEvent, error: Exception) -> None:
    """Keep an event that could not be counted, alone, until somebody has looked at why."""
    reason = f"{type(error).__name__}: {error}"[:MAX_REASON]
    row = _row([event], event.received_at) | {"set_aside_because": reason}
    await session.execute(insert(_inbox).values(row))


def is_waiting() -> ColumnElement[bool]:
    """Return the condition that an entry waits to be counted."""
    return _inbox.c.set_aside_because.is_(None)


#: Made once, as that takes longer than to read a few rows.
_OLDEST: Final = (
    select(_inbox.c.id, _inbox.c.event_count)
    .where(is_waiting())
    .order_by(_inbox.c.id)
    .limit(_ENTRIES)
    .with_for_update(skip_locked=True)
)
_NAMED: Final = _inbox.c.id.in_(bindparam("entry_ids", expanding=True))
_ENTRIES_BY_ID: Final = select(_inbox.c.events).where(_NAMED).order_by(_inbox.c.id)
_DROP_BY_ID: Final = delete(_inbox).where(_NAMED)


async def find_waiting(session: AsyncSession, environment_id: str, event_ids: Collection[str]) -> list[ReceivedEvent]:
    """Return the events with these ids that are not counted yet: all that waits is looked through, oldest first."""
    found = []
    async for row in await session.stream(select(_inbox.c.events).order_by(_inbox.c.id)):
        found += [
            event
            for event in _decoder.decode(row.events)
            if event.id in event_ids and event.environment_id == environment_id
        ]
    return found
