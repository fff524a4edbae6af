"""The billing worker: takes what is due, one item a transaction, for ever.

On PostgreSQL any number run beside each other, as each claims the row it works on. An item that fails is rolled back
and parked with its error, so that the others go on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions, is_transient
from app.models import DueWork, TestClock
from app.services.due_registry import DueItem, next_behind_clock, next_in_real_time, run
from app.services.lookup import locked, must_lock

log = structlog.get_logger()

Claim = Callable[[AsyncSession], Awaitable[DueItem | None]]


async def work_forever(sessions: Sessions, interval: float) -> None:
    """Do all that is due, then look again every `interval` seconds. Ends by being cancelled."""
    sessions = sessions.acting_as("worker")
    while True:
        try:
            while await do_next(sessions):
                pass
        except Exception:  # the worker outlives a database that is away for a while; the log has the reason
            log.exception("billing worker interrupted")
        await asyncio.sleep(interval)


async def do_next(sessions: Sessions) -> bool:
    """Do one item that is due, in real time or behind a resting test clock; say whether there was one."""
    now = sessions.clock.now()

    async def in_real_time(session: AsyncSession) -> DueItem | None:
        return await next_in_real_time(session, now)

    return await _do(sessions, in_real_time) or await _do(sessions, next_behind_clock)


async def _do(sessions: Sessions, claim: Claim) -> bool:
    item: DueItem | None = None
    try:
        async with sessions.begin() as session:
            item = await claim(session)
            if item is not None:
                await run(session, item, await _time_of(session, item, sessions.clock.now()))
    except Exception as error:
        if item is None or (isinstance(error, DBAPIError) and is_transient(error)):
            raise
        await _park(sessions, item, error)
    return item is not None


async def _time_of(session: AsyncSession, item: DueItem, now: datetime) -> datetime:
    if item.test_clock_id is None:
        return now
    return (await must_lock(session, TestClock, item.environment_id, item.test_clock_id)).now


async def _park(sessions: Sessions, failed: DueItem, error: Exception) -> None:
    log.error("due work parked", kind=failed.kind, subject=failed.subject_id, exc_info=error)
    async with sessions.begin() as session:
        item = await locked(session, DueWork, failed.environment_id, failed.id)
        if item is not None:
            item.parked_at = sessions.clock.now()
            item.parked_because = f"{type(error).__name__}: {error}"[:1000]
