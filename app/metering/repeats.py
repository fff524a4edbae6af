"""Events that came again: they change nothing, and are noted."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.ids import new_id
from app.metering.content import content_of
from app.metering.received import ReceivedEvent
from app.models import EventKey, MeterEvent, MeterEventRepeat, MeterEventRevision, table_of

#: Parameters of one statement, below what either database takes.
_AT_A_TIME = 10_000


async def note_repeats(session: AsyncSession, repeats: Sequence[ReceivedEvent]) -> None:
    """Store that events came again, and whether with another content than the first time."""
    for start in range(0, len(repeats), _AT_A_TIME):
        some = repeats[start : start + _AT_A_TIME]
        first = await _first_contents(session, {event.id for event in some})
        rows = [
            {
                "environment_id": event.environment_id,
                "id": new_id("rep"),
                "created_at": event.received_at,
                "event_id": event.id,
                "differs": first[event.id] != content_of(event, event.timestamp, event.data),
            }
            for event in some
        ]
        await session.execute(insert(table_of(MeterEventRepeat)), rows)


async def _first_contents(session: AsyncSession, event_ids: Collection[str]) -> dict[str, str]:
    """Return what each event said when it came first, whatever amendments made of it since."""
    keys, events, revisions = (table_of(model).c for model in (EventKey, MeterEvent, MeterEventRevision))
    stored = select(table_of(MeterEvent)).join(EventKey, keys.number == events.number).where(keys.id.in_(event_ids))
    rows: Sequence[Row[Any]] = (await session.execute(stored)).all()
    amended = [row.id for row in rows if row.revision]
    first = select(revisions.event_id, revisions.timestamp, revisions.data).where(
        revisions.event_id.in_(amended), revisions.number == 0
    )
    before = {row.event_id: row for row in await session.execute(first)} if amended else {}
    contents = {}
    for row in rows:
        said = before.get(row.id, row)
        contents[row.id] = content_of(row, said.timestamp if row.timestamp_given else None, said.data)
    return contents
