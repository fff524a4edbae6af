"""Reads that wait until what was acknowledged before them is counted, and count it themselves meanwhile."""

import asyncio
import time
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from app.db import Sessions, lost_race
from app.metering.drain import drain_once
from app.metering.event_log import is_waiting
from app.metering.jobs import work_off_jobs
from app.models import EventInbox, table_of

#: Seconds that a read waits at most.
LONGEST_WAIT: Final = 1.0
_LOOK_AGAIN: Final = 0.01
_inbox: Final = table_of(EventInbox).c


async def wait_until_counted(sessions: Sessions, longest: float = LONGEST_WAIT) -> datetime | None:
    """Return once every event that was acknowledged before the call is counted, at most `longest` seconds later.

    The answer is None, or where time ran out the instant before which everything received is counted.
    """
    last = (await sessions.rows(select(func.max(_inbox.id)).where(is_waiting()), {}))[0][0]
    deadline = time.monotonic() + longest
    while last is not None and (oldest := await _oldest(sessions, last)) is not None:
        if time.monotonic() >= deadline:
            return oldest
        if not await _drain(sessions):  # somebody else is at it
            await asyncio.sleep(_LOOK_AGAIN)
    while time.monotonic() < deadline and await work_off_jobs(sessions):
        pass
    return None


async def _drain(sessions: Sessions) -> int:
    """Help to count; where another transaction was in the way, say that nothing was done."""
    try:
        return await drain_once(sessions)
    except TimeoutError:  # its turn to write never came, but reading needs none
        return 0
    except DBAPIError as error:
        if not lost_race(error):
            raise
        return 0


async def _oldest(sessions: Sessions, last: int) -> datetime | None:
    """Return when the oldest entry up to `last` that still waits was received."""
    rows = await sessions.rows(select(func.min(_inbox.received_at)).where(_inbox.id <= last, is_waiting()), {})
    oldest: datetime | None = rows[0][0]
    return oldest
