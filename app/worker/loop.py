"""The billing worker: takes what is due, one item a transaction, for ever.

On PostgreSQL any number run beside each other, as each claims the row it works on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from logging import ERROR

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions, database_failed
from app.metering.waiting import wait_until_counted
from app.models import TestClock
from app.services.due_registry import DueItem, next_behind_clock, next_in_real_time, run
from app.services.lookup import must_lock

log = structlog.get_logger()

Claim = Callable[[AsyncSession, datetime], Awaitable[DueItem | None]]


async def work_forever(sessions: Sessions, interval: float) -> None:
    """Do all that is due, then look again every `interval` seconds. Ends by being cancelled."""
    sessions = sessions.acting_as("worker")
    while True:
        try:
            while await do_next(sessions):
                pass
        except Exception as error:  # the worker outlives a database that is away for a while; the log has the reason
            name, trace = type(error).__name__, not database_failed(error)
            log.log(ERROR, "billing worker interrupted", error=name, exc_info=trace)
        await asyncio.sleep(interval)


async def do_next(sessions: Sessions) -> bool:
    """Do one item that is due, in real time or behind a resting test clock; say whether there was one.

    What was acknowledged before is counted first.
    """
    await wait_until_counted(sessions)
    return await _do(sessions, next_in_real_time) or await _do(sessions, next_behind_clock)


async def _do(sessions: Sessions, claim: Claim) -> bool:
    now = sessions.clock.now()
    async with sessions.begin() as session:
        item = await claim(session, now)
        if item is not None:
            await run(session, item, await _time_of(session, item, now))
    return item is not None


async def _time_of(session: AsyncSession, item: DueItem, now: datetime) -> datetime:
    if item.test_clock_id is None:
        return now
    return (await must_lock(session, TestClock, item.environment_id, item.test_clock_id)).now
