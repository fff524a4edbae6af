"""The database: engines, column types that keep every digit on SQLite and PostgreSQL alike, and sessions."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar, cast

import asyncpg
from sqlalchemy import JSON, Connection, CursorResult, DateTime, Dialect, Numeric, String, Table, TypeDecorator, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from app.clock import Clock

E = TypeVar("E", bound=StrEnum)
# Names that are the same on every machine, so that migrations can name what they change.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
JsonColumn = JSON().with_variant(postgresql.JSONB(), "postgresql")


class Exact(TypeDecorator[Decimal]):
    """A decimal of any size: numeric without precision on PostgreSQL, text on SQLite, whose own numeric is a float."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type."""
        return dialect.type_descriptor(String() if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Write plain notation on SQLite."""
        return format(value, "f") if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002 - the base class calls it so
        """Read a Decimal."""
        return None if value is None else Decimal(value)


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

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Write UTC; a naive value is a bug."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base class calls it so
        """Read UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class EnumText(TypeDecorator[E], Generic[E]):
    """A StrEnum stored as its text, so that a new member needs no change of a column's type."""

    impl = String
    cache_ok = True

    def __init__(self, members: type[E]) -> None:
        self.members = members
        super().__init__()

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:  # noqa: ARG002 - the base class calls it so
        """Read a member."""
        return None if value is None else self.members(value)


def open_engine(url: str) -> AsyncEngine:
    """Open an engine for a URL of domain.md section 11, with the settings that durability needs."""
    if not url.startswith("sqlite"):
        # Whatever the server's default: a 202 means that the event is on its disk.
        durable = {"server_settings": {"synchronous_commit": "on"}}
        return create_async_engine(url, pool_size=10, max_overflow=20, hide_parameters=True, connect_args=durable)
    engine = create_async_engine(url, hide_parameters=True, connect_args={"isolation_level": None, "timeout": 30})
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # FULL, because in WAL mode NORMAL may roll back a committed transaction when the power fails.
    cursor = connection.cursor()
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A read that turns into a write fails at once, however long the timeout: writers take the lock at the start.
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


class Sessions:
    """The session factory: `begin()` for a transaction that writes, `read()` for one that only reads.

    `actor` is who the audit log will name: a key's id, or "worker" or "cli".
    """

    def __init__(self, engine: AsyncEngine, clock: Clock, actor: str = "system") -> None:
        self.engine = engine
        self.clock = clock
        self.actor = actor
        # SQLite has one writer at a time: waiting here is fair and cheap, waiting in the database is neither.
        self._turn: Any = asyncio.Lock() if engine.dialect.name == "sqlite" else nullcontext()
        self._writing = async_sessionmaker(engine.execution_options(writing=True), expire_on_commit=False)
        self._reading = async_sessionmaker(engine, expire_on_commit=False, autoflush=False)

    def acting_as(self, actor: str) -> "Sessions":
        """Return the same factory under another actor."""
        other = object.__new__(Sessions)
        other.__dict__.update(self.__dict__, actor=actor)
        return other

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


def lost_race(error: DBAPIError) -> bool:
    """Say whether the same transaction may succeed when all of it is run again at once.

    True for a unique constraint (now the winner's row can be seen), PostgreSQL's serialization failure (40001) and
    deadlock (40P01), and SQLite's busy answer.
    """
    if isinstance(error, IntegrityError):
        return True
    return getattr(error.orig, "sqlstate", None) in {"40001", "40P01"} or "database is locked" in str(error.orig)


# These say that the statement was wrong, and it would be wrong again.
_OURS = (DataError, IntegrityError, NotSupportedError, ProgrammingError)
# Before a connection stands, the driver's errors and the system's come as they are.
_AWAY = (DBAPIError, PoolTimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


def database_failed(error: BaseException) -> bool:
    """Tell whether the same request may succeed later: no connection, no disk, no lock, read-only, shutting down."""
    return isinstance(error, _AWAY) and not isinstance(error, _OURS)
