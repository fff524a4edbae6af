"""Counting what was acknowledged: one transaction takes entries out of the log and counts their events."""

from typing import Final

from app.db import Sessions
from app.metering.event_log import acknowledge, claim
from app.metering.ingest import store_event

#: Events of one transaction, which holds SQLite's only writer meanwhile: about 50 ms of it.
EVENTS_AT_A_TIME: Final = 1000


async def drain_once(sessions: Sessions, most: int = EVENTS_AT_A_TIME) -> int:
    """Count the oldest events that nobody else is counting; return how many there were, 0 where none wait."""
    async with sessions.begin() as session:
        claimed = await claim(session, most)
        for event in claimed.events:
            await store_event(session, event)
        await acknowledge(session, claimed.entry_ids)
    return len(claimed.events)
