"""The counting loop: takes acknowledged events out of the log, batch by batch, and catches up with what is new.

On PostgreSQL any number run beside each other, as each claims what it counts.
"""

import asyncio
from logging import ERROR
from typing import Final

import structlog

from app.db import Sessions, database_failed
from app.metering.drain import drain_once
from app.metering.jobs import work_off_jobs

log = structlog.get_logger()
#: Seconds between two looks into an empty log.
IDLE: Final = 0.1
#: Seconds to the next try where the database is away or a batch could not be counted.
AFTER_FAILURE: Final = 1.0


async def count_forever(sessions: Sessions) -> None:
    """Count all that waits, then look again. Ends by being cancelled."""
    sessions = sessions.acting_as("worker")
    while True:
        try:
            if not await drain_once(sessions) and not await work_off_jobs(sessions):
                await asyncio.sleep(IDLE)
        except Exception as error:  # the loop outlives a database that is away; what waits stays in the log
            log.log(ERROR, "counting_interrupted", error=type(error).__name__, exc_info=not database_failed(error))
            await asyncio.sleep(AFTER_FAILURE)
