"""The billing worker: takes what is due, a chunk a transaction, for ever.

On PostgreSQL any number run beside each other, as each claims the rows it works on.
"""

import asyncio
import time
from functools import partial
from logging import ERROR
from typing import Final

import structlog

from app.attempts import until_won
from app.db import Sessions, database_failed
from app.metering.waiting import wait_until_counted
from app.models import TestClock
from app.services.due_registry import next_behind_clock, next_in_real_time, run
from app.services.lookup import must_lock

log = structlog.get_logger()

#: Items of one transaction. On SQLite it is the only writer meanwhile, and events wait.
MOST_AT_ONCE: Final = {"sqlite": 50, "postgresql": 500}
#: Seconds between two words in the log of how far a long run is.
SAY_EVERY: Final = 10.0


async def work_forever(sessions: Sessions, interval: float) -> None:
    """Do all that is due, then look again every `interval` seconds. Ends by being cancelled."""
    sessions = sessions.acting_as("worker")
    while True:
        try:
            await work_off(sessions)
        except Exception as error:  # the worker outlives a database that is away for a while; the log has the reason
            name, trace = type(error).__name__, not database_failed(error)
            log.log(ERROR, "billing worker interrupted", error=name, exc_info=trace)
        await asyncio.sleep(interval)


async def work_off(sessions: Sessions) -> int:
    """Do all that is due, and say in the log how far that is where it takes long; return how many items there were."""
    done = 0
    begun = said = time.monotonic()
    while count := await do_next(sessions):
        done += count
        if time.monotonic() - said >= SAY_EVERY:
            said = time.monotonic()
            log.info("due work goes on", done=done, seconds=round(said - begun, 1))
    if said > begun:
        log.info("due work done", done=done, seconds=round(time.monotonic() - begun, 1))
    return done


async def do_next(sessions: Sessions, most: int | None = None) -> int:
    """Do some items that are due in real time, `most` at once, or one behind a resting test clock; return how many.

    What was acknowledged before is counted first.
    """
    await wait_until_counted(sessions)
    at_once = most or MOST_AT_ONCE[sessions.engine.dialect.name]
    return await until_won(partial(_do_in_real_time, sessions, at_once)) or await until_won(
        partial(_do_behind_clock, sessions)
    )


async def _do_in_real_time(sessions: Sessions, most: int) -> int:
    now = sessions.clock.now()
    async with sessions.begin() as session:
        items = await next_in_real_time(session, now, most)
        if items:
            await run(session, items, now)
    return len(items)


async def _do_behind_clock(sessions: Sessions) -> int:
    now = sessions.clock.now()
    async with sessions.begin() as session:
        items = await next_behind_clock(session, now)
        for item in items:
            assert item.test_clock_id is not None, "it was found behind a clock"
            clock = await must_lock(session, TestClock, item.environment_id, item.test_clock_id)
            await run(session, [item], clock.now)
    return len(items)
