"""Statements of sessions on SQLite, which cross to the connection's thread once."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.sqlite import open_sqlite


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """A database with a table of numbers."""
    engine = open_sqlite(f"sqlite+aiosqlite:///{tmp_path / 'numbers.db'}", 5).execution_options(writing=True)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER UNIQUE)")
        await connection.exec_driver_sql("INSERT INTO t (x) VALUES (?)", [(1,), (2,), (3,)])
    yield engine
    await engine.dispose()


async def driver(connection: AsyncConnection) -> Any:
    """aiosqlite's connection."""
    return (await connection.get_raw_connection()).driver_connection


async def test_a_statement_crosses_once(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    async with engine.begin() as connection:
        raw, crossings = await driver(connection), []
        execute = raw._execute

        async def counted(*arguments: Any) -> Any:
            crossings.append(arguments)
            return await execute(*arguments)

        monkeypatch.setattr(raw, "_execute", counted)
        assert (await connection.execute(text("SELECT x FROM t ORDER BY x"))).scalars().all() == [1, 2, 3]
        assert len(crossings) == 1


async def test_what_a_statement_did_is_known(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        assert (await connection.exec_driver_sql("UPDATE t SET x = x + 10 WHERE x > 1")).rowcount == 2
        assert (await connection.exec_driver_sql("INSERT INTO t (x) VALUES (?)", [(4,), (5,)])).rowcount == 2
        assert (await connection.exec_driver_sql("INSERT INTO t (x) VALUES (6)")).lastrowid == 6
        assert list((await connection.execute(text("SELECT x AS name FROM t WHERE x < 0"))).keys()) == ["name"]
        deleted = await connection.exec_driver_sql("DELETE FROM t WHERE x > 10 RETURNING x")
        assert sorted(row.x for row in deleted) == [12, 13]


async def test_rows_come_one_by_one_too(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        found = await connection.execute(text("SELECT x FROM t ORDER BY x"))
        one = found.fetchone()
        assert one is not None
        assert one.x == 1
        assert [row.x for row in found.fetchmany(1)] == [2]
        assert [row.x for row in found] == [3]
        streamed = await connection.stream(text("SELECT x FROM t ORDER BY x"))
        assert [row.x async for row in streamed] == [1, 2, 3]


async def test_what_fails_says_why_and_the_connection_goes_on(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        with pytest.raises(IntegrityError):
            await connection.exec_driver_sql("INSERT INTO t (x) VALUES (1)")
        with pytest.raises(OperationalError):
            await connection.exec_driver_sql("SELECT nothing FROM t")
        assert (await connection.exec_driver_sql("SELECT count(*) FROM t")).scalar_one() == 3


async def test_who_is_cancelled_leaves_the_connection_usable(engine: AsyncEngine) -> None:
    long = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT i FROM n"
    async with engine.connect() as connection:
        working = asyncio.create_task((await driver(connection))._execute(time.sleep, 0.1))
        reading = asyncio.create_task(connection.exec_driver_sql(long))
        await asyncio.sleep(0.05)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await working
    async with engine.begin() as connection:
        assert (await connection.exec_driver_sql("SELECT count(*) FROM t")).scalar_one() == 3
        # No cursor is left open that would keep what it has read.
        await connection.exec_driver_sql("DROP TABLE t")


async def test_a_connection_that_is_closed_says_so(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await (await driver(connection)).close()
        with pytest.raises(OperationalError):
            await connection.exec_driver_sql("SELECT 1")
        await connection.invalidate()
