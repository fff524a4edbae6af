"""Counting what was acknowledged: one transaction takes entries out of the log and counts their events."""

from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy.ext.asyncio import AsyncEngine

from app.db import Sessions
from app.metering.counting import count_received, month_of
from app.metering.event_log import acknowledge, claim
from app.metering.store import store_of

#: Events of one transaction, which holds SQLite's only writer meanwhile: about 50 ms of it.
EVENTS_AT_A_TIME: Final = 1000
#: How many events this process has counted, by database, for whoever watches.
counted_events: WeakKeyDictionary[AsyncEngine, int] = WeakKeyDictionary()
_prepared: WeakKeyDictionary[AsyncEngine, set[int]] = WeakKeyDictionary()


async def drain_once(sessions: Sessions, most: int = EVENTS_AT_A_TIME) -> int:
    """Count the oldest events that nobody else is counting; return how many there were, 0 where none wait.

    Nothing is lost and nothing counted twice, whatever happens meanwhile: entries are gone from the log when, and only
    when, the transaction commits in which their events were counted.
    """
    now = sessions.clock.now()
    await _prepare(sessions, month_of(now))
    async with sessions.begin() as session:
        claimed = await claim(session, most)
        await count_received(session, claimed.events, now)
        await acknowledge(session, claimed.entry_ids)
    counted_events[sessions.engine] = counted_events.get(sessions.engine, 0) + len(claimed.events)
    return len(claimed.events)


async def _prepare(sessions: Sessions, month: int) -> None:
    """See to it, once, that there is a place for the events of a month."""
    prepared = _prepared.setdefault(sessions.engine, set())
    if month not in prepared:
        async with sessions.begin() as session:
            await store_of(session).prepare_month(await session.connection(), month)
        prepared.add(month)
