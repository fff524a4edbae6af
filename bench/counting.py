"""Counting events, and reading what was counted."""

import asyncio
import secrets
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path
from statistics import median

from app.clock import SystemClock
from app.collector import spare_collector
from app.db import Sessions, open_engine
from app.ids import event_id
from app.metering.drain import EVENTS_AT_A_TIME, drain_once
from app.metering.event_log import append
from app.services.previews import usage_by_subscription
from app.sqlite import PRAGMAS
from bench.metered import Metered, events, metered

THERE = 3_000_000
FEW, MANY = 1_000_000, 10_000_000


def drain(there: int = THERE, count: int = 10_000, rounds: int = 5) -> float:
    """Counting events, with many there already, against inserting as many keys, sorted, into the same unique index."""
    spare_collector()
    with tempfile.TemporaryDirectory() as folder:
        ours = metered(there, Path(folder))
        theirs = Path(shutil.copy(ours.database, Path(folder) / "theirs.db"))
        pairs = [
            (_drained(ours, there + place * count, count), _inserted(theirs, count)) for place in range(rounds + 1)
        ]
    ratios = sorted(plain / counted for counted, plain in pairs[1:])  # the first is for the caches
    counted, plain = (1e6 * median(pair[side] for pair in pairs[1:]) / count for side in (0, 1))
    print(f"  counting: {counted:.1f} µs of CPU an event; inserting its key alone: {plain:.1f} µs")
    spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
    print(f"  {rounds} rounds of {count:,} by turns, {EVENTS_AT_A_TIME:,} a transaction: {spread}")
    return median(ratios)


def _drained(merchant: Metered, first: int, count: int) -> float:
    """Return the CPU seconds of counting so many events that wait in the log."""

    async def work() -> float:
        sessions = Sessions(open_engine(merchant.url), SystemClock())
        try:
            waiting = list(events(merchant.environment_id, first, count))
            await append(sessions, [(merchant.key_id, waiting)], EVENTS_AT_A_TIME)
            begun = time.process_time()
            while await drain_once(sessions):
                pass
            return time.process_time() - begun
        finally:
            await sessions.engine.dispose()

    return asyncio.run(work())


def _inserted(database: Path, count: int) -> float:
    """Return the CPU seconds of inserting so many new keys in sorted batches, into a copy of the same database."""
    connection = sqlite3.connect(database, isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    # Ids as the product makes them: others would not spread over the whole index.
    keys = [(event_id("env_of_nobody", secrets.token_hex(16)), number) for number in range(count)]
    begun = time.process_time()
    for start in range(0, count, EVENTS_AT_A_TIME):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO event_key VALUES (?, ?)", sorted(keys[start : start + EVENTS_AT_A_TIME]))
        connection.execute("COMMIT")
    spent = time.process_time() - begun
    connection.close()
    return spent


def usage_flat(few: int = FEW, many: int = MANY, rounds: int = 7, reads: int = 100) -> float:
    """The usage of one subscription's period among ten times as many events, against the same among fewer."""
    with tempfile.TemporaryDirectory() as folder:
        sides = [metered(size, Path(folder)) for size in (few, many)]
        for side in sides:
            asyncio.run(_read(side, reads))
        pairs = [[asyncio.run(_read(side, reads)) for side in sides] for _ in range(rounds)]
    ratios = sorted(larger / smaller for smaller, larger in pairs)
    print(f"  {1e3 * median(pair[1] for pair in pairs) / reads:.2f} ms of CPU a read at {many:,} events")
    return median(ratios)


async def _read(merchant: Metered, reads: int) -> float:
    sessions = Sessions(open_engine(merchant.url), SystemClock())
    try:
        async with sessions.read() as session:
            begun = time.process_time()
            for _ in range(reads):
                found = await usage_by_subscription(session, merchant.environment_id, [merchant.subscription_id])
            assert found[merchant.subscription_id][0].quantity > 0
            return time.process_time() - begun
    finally:
        await sessions.engine.dispose()
