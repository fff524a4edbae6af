"""Counting what was acknowledged: one transaction takes entries out of the log and counts their events."""

from datetime import datetime
from functools import partial
from typing import Final
from weakref import WeakKeyDictionary

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from app.attempts import until_won
from app.db import Sessions, database_failed
from app.metering.counting import count_received, month_of
from app.metering.event_log import acknowledge, claim, set_aside
from app.metering.store import store_of

log = structlog.get_logger()
#: Events of one transaction, which holds SQLite's only writer meanwhile: some 50 ms of it.
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
    try:
        count = await until_won(partial(_count, sessions, most, now))
    except Exception as error:
        if database_failed(error):
            raise
        log.exception("batch not counted")
        count = await until_won(partial(_count_one_by_one, sessions, now))
    counted_events[sessions.engine] = counted_events.get(sessions.engine, 0) + count
    return count


async def _count(sessions: Sessions, most: int, now: datetime) -> int:
    async with sessions.begin() as session:
        claimed = await claim(session, most)
        await count_received(session, claimed.events, now)
        await acknowledge(session, claimed.entry_ids)
    return len(claimed.events)


async def _count_one_by_one(sessions: Sessions, now: datetime) -> int:
    """Count the events of the oldest entry, each by itself; one that can't be counted is set aside, and never lost."""
    async with sessions.begin() as session:
        claimed = await claim(session, 1)
        for event in claimed.events:
            try:
                async with session.begin_nested():
                    await count_received(session, [event], now)
            except Exception as error:  # whatever it was, the others go on: it is kept with its reason, or raised
                if database_failed(error):
                    raise
                log.exception("event set aside", event_id=event.id)
                await set_aside(session, event, error)
        await acknowledge(session, claimed.entry_ids)
    return len(claimed.events)


async def _prepare(sessions: Sessions, month: int) -> None:
    """See to it, once, that there is a place for the events of a month."""
    prepared = _prepared.setdefault(sessions.engine, set())
    if month not in prepared:
        await until_won(partial(_prepare_month, sessions, month))
        prepared.add(month)


async def _prepare_month(sessions: Sessions, month: int) -> None:
    async with sessions.begin() as session:
        await store_of(session).prepare_month(await session.connection(), month)
