"""The database: engines, column types that keep every digit on SQLite and PostgreSQL alike, and sessions."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar, cast

import asyncpg
from sqlalchemy import (
    JSON,
    CursorResult,
    DateTime,
    Dialect,
    Executable,
    Numeric,
    Row,
    String,
    Table,
    TypeDecorator,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from app.clock import Clock
from app.postgres import PostgresWriter
from app.sqlite import COMMON_OPTIONS, SqliteReader, SqliteWriter, Turn, is_locked, open_sqlite

E = TypeVar("E", bound=StrEnum)
# Names that are the same on every machine, so that migrations can name what they change.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
LONG_WORK_AT_ONCE = 2
#: Connections to PostgreSQL that stay open when nobody needs them.
CONNECTIONS_KEPT = 10
JsonColumn = JSON().with_variant(postgresql.JSONB(), "postgresql")


class _Text(String):
    """Text on SQLite that one function reads: SQLAlchemy's own chain of them costs more than the rest of a row."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        super().__init__()
        self.read = read

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:  # noqa: ARG002 - the base class calls it so
        read = self.read
        return lambda value: None if value is None else read(value)


class _UtcText(sqlite.DATETIME):
    """An instant as SQLite keeps it: in UTC without a zone."""

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:  # noqa: ARG002 - the base class calls it so
        from_iso = datetime.fromisoformat
        return lambda value: None if value is None else from_iso(f"{value}+00:00")


class Exact(TypeDecorator[Decimal]):
    """A decimal of any size: numeric without precision on PostgreSQL, text on SQLite, whose own numeric is a float."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type."""
        return dialect.type_descriptor(_Text(Decimal) if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Write plain notation on SQLite."""
        return format(value, "f") if value is not None and dialect.name == "sqlite" else value


class MinorUnits(TypeDecorator[int]):
    """An amount of money as an integer of minor units, of any size. Stored as Exact is."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type."""
        return dialect.type_descriptor(String() if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        """Write digits on SQLite, a Decimal for PostgreSQL's driver."""
        if value is None:
            return None
        return str(value) if dialect.name == "sqlite" else Decimal(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ARG002 - the base class calls it so
        """Read an int."""
        return None if value is None else int(value)


class Instant(TypeDecorator[datetime]):
    """An instant: aware and in UTC in Python on both databases, though SQLite stores no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type; PostgreSQL's driver reads UTC."""
        return dialect.type_descriptor(_UtcText() if dialect.name == "sqlite" else DateTime(timezone=True))  # type: ignore[no-untyped-call]  # SQLAlchemy's

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Write UTC; a naive value is a bug."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc


class EnumText(TypeDecorator[E], Generic[E]):
    """A StrEnum stored as its text, so that a new member needs no change of a column's type."""

    impl = String
    cache_ok = True

    def __init__(self, members: type[E]) -> None:
        self.members = members
        # Far quicker than the class of an enumeration, which has a chain of calls for it.
        self._by_text = {member.value: member for member in members}
        super().__init__()

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:  # noqa: ARG002 - the base class calls it so
        """Read a member."""
        return None if value is None else self._by_text.get(value) or self.members(value)


def open_engine(url: str, connections: int = 30, wait_seconds: float = 30) -> AsyncEngine:
    """Open an engine for a URL of domain.md section 11, with the settings that durability needs.

    It has at most so many connections to PostgreSQL. Who waits for one for longer, or for SQLite while others write,
    gets an error (`database_failed`).
    """
    if not url.startswith("sqlite"):
        # Whatever the server's default: a 202 means that the event is on its disk.
        durable = {"server_settings": {"synchronous_commit": "on"}}
        kept = min(connections, CONNECTIONS_KEPT)
        pool: dict[str, Any] = {"pool_size": kept, "max_overflow": connections - kept, "pool_timeout": wait_seconds}
        return create_async_engine(url, connect_args=durable, **pool, **COMMON_OPTIONS)
    return open_sqlite(url, wait_seconds)


class Sessions:
    """The session factory: `begin()` for a transaction that writes, `read()` for one that only reads.

    `actor` is who the audit log will name: a key's id, or "worker" or "cli".
    """

    def __init__(self, engine: AsyncEngine, clock: Clock, actor: str = "system") -> None:
        self.engine = engine
        self.clock = clock
        self.actor = actor
        self._turn: Any = Turn(engine) if engine.dialect.name == "sqlite" else nullcontext()
        self._writing = async_sessionmaker(engine.execution_options(writing=True), expire_on_commit=False)
        self._reading = async_sessionmaker(engine, expire_on_commit=False, autoflush=False)
        #: What there is one of for a database and a process, by its type.
        self.shared: dict[type, Any] = {}
        #: For what must not cost more than it has to. Only in one's turn.
        self.writer = SqliteWriter(engine) if engine.dialect.name == "sqlite" else PostgresWriter(engine)
        self._reader = SqliteReader(engine) if engine.dialect.name == "sqlite" else None
        #: What computes for long takes turns, in threads: else one request of many such fields would take every
        #: connection, and the processor from those that answer events.
        self.long_work = asyncio.Semaphore(LONG_WORK_AT_ONCE)

    def acting_as(self, actor: str) -> "Sessions":
        """Return the same factory under another actor."""
        other = object.__new__(Sessions)
        other.__dict__.update(self.__dict__, actor=actor)
        return other

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until nobody else writes in this process, where the database has one writer at a time."""
        async with self._turn:
            yield

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """Open a writing transaction: committed at the end of the block, rolled back when an exception leaves it."""
        async with self._turn, self._writing.begin() as session:
            session.info.update(actor=self.actor, at=self.clock.now())
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a reading session on one snapshot of SQLite, or on what is committed at each statement of PostgreSQL."""
        async with self._reading() as session:
            await _connect(session)
            yield session

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncSession]:
        """Open a reading session whose statements all see the same instant, on both databases."""
        async with self._reading() as session:
            isolation = {} if self.engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
            await _connect(session, isolation)
            yield session

    async def rows(
        self, statement: Executable, parameters: Mapping[str, Any], *, at_once: bool = False
    ) -> Sequence[Row[Any]]:
        """Run one statement that only reads, and return its rows: quicker than a session, where nothing else is read.

        `at_once` is for a few look-ups by a unique key, which a database in this process answers before a thread
        would have begun; while it does, nothing else runs.
        """
        if self._reader is not None:
            return await self._reader.rows(statement, parameters, at_once=at_once)
        async with self.engine.connect() as connection:
            return (await connection.execute(statement, parameters)).all()

    def version(self) -> int | None:
        """Return a number that is another one whenever anything was committed; None where the database has none."""
        return None if self._reader is None else self._reader.version()


async def _connect(session: AsyncSession, options: Mapping[str, Any] = {}) -> None:
    """Open the session's connection to the end, even where its task is cancelled meanwhile.

    GraphQL cancels a field's read when the field beside it fails, and a SQLite connection that is left half open never
    reports back: its task would hang for ever, and the server with it when it stops.
    """
    opening = asyncio.ensure_future(session.connection(execution_options=options))
    try:
        await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.wait([opening])
        raise


async def insert_if_absent(session: AsyncSession, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless one with the same unique values exists; say whether it was inserted.

    Atomic on both databases, and on PostgreSQL it waits for a transaction that is inserting the same row.
    """
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    result = await session.execute(insert(table).values(row).on_conflict_do_nothing())
    return cast("CursorResult[Any]", result).rowcount == 1


async def insert_all_absent(session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows unless ones with the same unique values exist, as `insert_if_absent` does one."""
    if rows:
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        await session.execute(insert(table).on_conflict_do_nothing(), list(rows))


def lost_race(error: DBAPIError) -> bool:
    """Say whether the same transaction may succeed when all of it is run again at once.

    True for a unique constraint (now the winner's row can be seen), PostgreSQL's serialization failure (40001) and
    deadlock (40P01), and SQLite's busy answer.
    """
    if isinstance(error, IntegrityError):
        return True
    return getattr(error.orig, "sqlstate", None) in {"40001", "40P01"} or is_locked(error)


# These say that the statement was wrong, and it would be wrong again.
_OURS = (
    *(DataError, IntegrityError, NotSupportedError, ProgrammingError),
    *(sqlite3.DataError, sqlite3.IntegrityError, sqlite3.NotSupportedError, sqlite3.ProgrammingError),
    *(asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.PostgresSyntaxError),
    *(asyncpg.UndefinedColumnError, asyncpg.UndefinedTableError),
)
#: PostgreSQL's own limits (class 54), like a text that no index takes: what goes beyond them always will.
_LIMITS = {"54000", "54001", "54011", "54023"}
# Before a connection stands, the driver's errors and the system's come as they are.
_AWAY = (
    *(DBAPIError, PoolTimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError),
    *(sqlite3.OperationalError, sqlite3.DatabaseError),
)


def database_failed(error: BaseException) -> bool:
    """Tell whether the same request may succeed later: no connection, no disk, no lock, read-only, shutting down."""
    if getattr(getattr(error, "orig", None), "sqlstate", None) in _LIMITS:
        return False
    return isinstance(error, _AWAY) and not isinstance(error, _OURS)
