"""Sessions on SQLite: a statement crosses to the connection's thread and back once.

With SQLAlchemy's own cursor for aiosqlite it crosses four times: to open a cursor, to execute, to fetch and to close.
Each wakes a thread and then the loop, which takes longer than most of our statements.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    SQLiteDialect_aiosqlite,
)

#: What URLs of such engines begin with.
DRIVER: Final = "sqlite+billgraph"
registry.register(DRIVER.replace("+", "."), __name__, "Dialect")


class _Statement:
    """A cursor as SQLAlchemy expects it of aiosqlite; what it executes is over, its rows fetched, when that returns."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._rows: Sequence[Any] = ()
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def execute(self, sql: str, parameters: Any = ()) -> None:
        await self._run(sqlite3.Connection.execute, sql, parameters)

    async def executemany(self, sql: str, parameters: Any) -> None:
        await self._run(sqlite3.Connection.executemany, sql, parameters)

    async def fetchall(self) -> Sequence[Any]:
        return self._rows

    def close(self) -> None:
        self._rows = ()

    async def _run(self, execute: Callable[..., sqlite3.Cursor], sql: str, parameters: Any) -> None:
        raw = self._connection._conn  # noqa: SLF001 - aiosqlite crosses only once for what gives no description
        done = await self._connection._execute(_execute, raw, execute, sql, parameters)  # noqa: SLF001 - the same
        self._rows, self.description, self.rowcount, self.lastrowid = done


def _execute(
    connection: sqlite3.Connection, execute: Callable[..., sqlite3.Cursor], sql: str, parameters: Any
) -> tuple[Sequence[Any], Any, int, int | None]:
    cursor = execute(connection, sql, parameters)
    try:
        rows = cursor.fetchall()
        # Of a statement that changes and returns rows, the count is known when all were fetched.
        return rows, cursor.description, cursor.rowcount, cursor.lastrowid
    finally:
        cursor.close()


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    __slots__ = ()
    _awaitable_cursor_close = False

    def _make_new_cursor(self, connection: Any) -> Any:
        return _Statement(connection)

    def _aenter_cursor(self, cursor: Any) -> Any:
        return cursor


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()
    _cursor_cls = _Cursor


class Dialect(SQLiteDialect_aiosqlite):
    """aiosqlite's, but for the cursors of its connections."""

    supports_statement_cache = True

    def connect(self, *arguments: Any, **options: Any) -> Any:
        """Open a connection."""
        opened: Any = super().connect(*arguments, **options)
        return _Connection(opened.dbapi, opened.driver_connection)
