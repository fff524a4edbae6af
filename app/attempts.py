"""Transactions that are run again, as a whole, where another one was first."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError

from app.db import lost_race
from app.ids import random_fraction
from app.sqlite import is_locked

T = TypeVar("T")
log = structlog.get_logger()
MOST_ATTEMPTS: Final = 6
#: Seconds that are waited before the second attempt, about; twice that before the third, and so on.
FIRST_PAUSE: Final = 0.02
#: Seconds after which a transaction that loses again is given up: whoever waits for a lock for so long asks in vain.
LONGEST: Final = 5.0
#: The same of one attempt on SQLite, which says that it is locked once it was waited for as long as the settings allow.
LONGEST_LOCKED: Final = 0.5


async def until_won(transaction: Callable[[], Awaitable[T]]) -> T:
    """Return what a transaction returns, run from its beginning to its commit; once more where another was first.

    Everything in it happens again, so it reads what it decides by itself, and leaves nothing behind but what it writes.
    Raises what an attempt raises for another reason, and the last attempt's error.
    """
    begun = time.monotonic()
    for attempt in range(MOST_ATTEMPTS - 1):
        tried = time.monotonic()
        try:
            return await transaction()
        except DBAPIError as error:
            now = time.monotonic()
            in_vain = now - begun > LONGEST or (is_locked(error) and now - tried > LONGEST_LOCKED)
            if in_vain or not lost_race(error):
                raise
            log.info("transaction lost and run again", error=type(error.orig).__name__, attempt=attempt + 1)
        # Those who were in each other's way must not meet again.
        await asyncio.sleep(FIRST_PAUSE * 2**attempt * (0.5 + random_fraction()))
    return await transaction()
