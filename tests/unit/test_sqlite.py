"""Reading SQLite beside its engine."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.attempts import until_won
from app.sqlite import SqliteReader, open_sqlite


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
