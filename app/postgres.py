"""PostgreSQL without what SQLAlchemy does around a statement, where a statement must not cost more than it has to."""

import asyncio
from typing import Any

import asyncpg
from sqlalchemy import Engine, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection


class PostgresWriter:
    """Writes PostgreSQL by one connection of an engine's pool, a statement at a time, each a transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._held: PoolProxiedConnection | None = None
        self._turn = asyncio.Lock()
        event.listen(engine.sync_engine, "engine_disposed", self._dispose)

    async def execute(self, statement: str, *values: Any) -> int:
        """Run a statement with values for $1, $2, ...; return how many rows it wrote once they are on disk."""
        async with self._turn:
            connection = await self._connection()
            try:
                status: str = await connection.execute(statement, *values)
            except BaseException:
                self._drop()
                raise
            return int(status.rpartition(" ")[2])

    async def _connection(self) -> "asyncpg.Connection[asyncpg.Record]":
        if self._held is not None and self._driver(self._held).is_closed():  # as the server went away meanwhile
            self._drop()
        if self._held is None:
            self._held = await self._engine.raw_connection()
        return self._driver(self._held)

    @staticmethod
    def _driver(held: PoolProxiedConnection) -> "asyncpg.Connection[asyncpg.Record]":
        connection: asyncpg.Connection[asyncpg.Record] = held.driver_connection  # type: ignore[assignment]  # asyncpg's
        return connection

    def _drop(self) -> None:
        """Give the connection up; what it was at is undone by the server."""
        held, self._held = self._held, None
        if held is not None:
            self._driver(held).terminate()
            held.invalidate()

    def _dispose(self, _engine: Engine) -> None:
        self._drop()
