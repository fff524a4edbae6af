"""Reading SQLite beside its engine."""

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.attempts import until_won
from app.sqlite import SqliteReader, Turn, open_sqlite


async def test_what_is_held_whole_is_waited_for_in_a_thread(tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "held.db", isolation_level=None)
    holder.executescript("CREATE TABLE t (x); INSERT INTO t VALUES (7); BEGIN EXCLUSIVE")
    engine = open_sqlite(f"sqlite+aiosqlite:///{tmp_path / 'held.db'}", 30)
    reading = asyncio.create_task(SqliteReader(engine).rows(text("SELECT x FROM t"), {}, at_once=True))
    await asyncio.sleep(0.1)
    assert not reading.done()
    holder.execute("COMMIT")
    holder.close()
    assert [row.x for row in await reading] == [7]
    await engine.dispose()


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_database_that_is_not_there_is_said(tmp_path: Path, at_once: bool) -> None:
    engine = open_sqlite(f"sqlite+aiosqlite:///{tmp_path / 'nowhere' / 'no.db'}", 30)
    with pytest.raises(OperationalError):
        await SqliteReader(engine).rows(text("SELECT 1"), {}, at_once=at_once)
    await engine.dispose()


@pytest.mark.parametrize(("seconds", "attempts"), [(0.6, 1), (0.01, 6)])
async def test_a_lock_that_was_waited_for_in_vain_is_not_waited_for_again(
    tmp_path: Path, seconds: float, attempts: int
) -> None:
    holder = sqlite3.connect(tmp_path / "held.db", isolation_level=None)
    holder.execute("PRAGMA journal_mode=WAL")
    holder.execute("BEGIN IMMEDIATE")
    engine, tried = open_sqlite(f"sqlite+aiosqlite:///{tmp_path / 'held.db'}", seconds), []

    async def transaction() -> None:
        tried.append(1)
        async with engine.execution_options(writing=True).begin():
            pass

    with pytest.raises(OperationalError):
        await until_won(transaction)
    assert len(tried) == attempts
    holder.close()
    await engine.dispose()


async def test_a_long_queue_that_moves_loses_nobody(tmp_path: Path) -> None:
    engine = open_sqlite(f"sqlite+aiosqlite:///{tmp_path / 'ours.db'}", 0.01)
    turn, written = Turn(engine), []

    async def write(number: int) -> None:
        async with turn:
            await asyncio.sleep(0.01)
            written.append(number)

    await asyncio.gather(*map(write, range(20)))
    assert written == list(range(20))
    await engine.dispose()


async def test_who_waits_behind_others_that_wait_in_vain_gives_up_with_them(tmp_path: Path) -> None:
    """Not one after the other, each after its own wait; once the database is free, whoever comes writes."""
    holder = sqlite3.connect(tmp_path / "held.db", isolation_level=None)
    holder.executescript("PRAGMA journal_mode=WAL; BEGIN IMMEDIATE")
    wait = 0.2
    engine = open_sqlite(f"sqlite+aiosqlite:///{tmp_path / 'held.db'}", wait)
    turn = Turn(engine)

    async def write() -> None:
        async with turn, engine.execution_options(writing=True).begin():
            pass

    async def late() -> None:
        await asyncio.sleep(wait / 2)
        await write()

    begun = time.monotonic()
    ends = await asyncio.gather(write(), *(late() for _ in range(30)), return_exceptions=True)
    assert time.monotonic() - begun < 30 * wait / 2
    # The first waits for the database, and so does the first of those who came while it did.
    assert [type(end) for end in ends] == [OperationalError] * 2 + [TimeoutError] * 29
    holder.close()
    await write()
    await engine.dispose()
