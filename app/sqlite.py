"""SQLite: how it is opened, and a quick way to read it."""

import asyncio
import math
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, Executable, Row, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app import sqlite_cursor

#: Of the engines of either database. Parameters stay out of errors: they are a customer's data.
COMMON_OPTIONS: Final[dict[str, Any]] = {"hide_parameters": True, "json_deserializer": msgspec.json.decode}
T = TypeVar("T")


def open_sqlite(url: str, wait_seconds: float) -> AsyncEngine:
    """Open an engine, with the settings that durability needs; it waits so long for other processes that write."""
    options: dict[str, Any] = {"connect_args": _connect(wait_seconds), **COMMON_OPTIONS}
    own_url = make_url(url).set(drivername=sqlite_cursor.DRIVER)
    engine = create_async_engine(own_url, execution_options={"wait_seconds": wait_seconds}, **options)
    event.listen(engine.sync_engine, "connect", _prepare)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _connect(wait_seconds: float) -> dict[str, Any]:
    return {"isolation_level": None, "timeout": wait_seconds}


def waits(engine: AsyncEngine) -> float:
    """Return for how many seconds an engine waits."""
    seconds: float = engine.get_execution_options()["wait_seconds"]
    return seconds


def is_locked(error: BaseException | None) -> bool:
    """Say whether it is SQLite's busy answer, by its driver or by SQLAlchemy."""
    cause = getattr(error, "orig", error)
    return isinstance(cause, sqlite3.OperationalError) and "database is locked" in str(cause)


class Turn:
    """Lets one transaction of a process write at a time: waiting here is fair and cheap, in the database it is neither.

    However many are before, whoever waits goes on while they get through. Where one waited for the database in vain,
    as another process holds it, those who had waited here for as long give up with TimeoutError: so nobody is kept for
    longer than two such waits.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._lock = asyncio.Lock()
        self._wait_seconds = waits(engine)
        self._waited_in_vain = -math.inf

    async def __aenter__(self) -> None:
        begun = time.monotonic()
        await self._lock.acquire()
        if self._waited_in_vain - begun >= self._wait_seconds:
            self._lock.release()
            raise TimeoutError("another process holds the database")

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if is_locked(error):
            self._waited_in_vain = time.monotonic()
        self._lock.release()


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """Open a transaction that writes: committed at the end of the block, rolled back when an exception leaves it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class SqliteWriter:
    """Writes SQLite by one connection in one thread, which a transaction crosses to once and not for each statement."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._path = engine.url.database or ""
        self._wait_seconds = waits(engine)
        self._thread = ThreadPoolExecutor(1, "sqlite-writer")
        self._open: sqlite3.Connection | None = None
        event.listen(engine.sync_engine, "engine_disposed", self._dispose)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what some work returns; after a failure the next gets a new connection."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._open is None:
            # It is closed in whichever thread disposes of the engine.
            self._open = sqlite3.connect(self._path, check_same_thread=False, **_connect(self._wait_seconds))
            _prepare(self._open, None)
        try:
            return work(self._open)
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _dispose(self, _engine: Engine) -> None:
        self._thread.submit(self._close).result()


#: FULL, because in WAL mode NORMAL may roll back a committed transaction when the power fails. Pages are written back
#: when there are some batches of events (32 MiB), as the same ones are often among them.
PRAGMAS: Final = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=8000")


class SqliteReader:
    """Reads SQLite with fewer crossings between threads than aiosqlite, which makes nine of a query.

    It has a pool of connections of its own, closed with the engine's.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        url = engine.url.set(drivername="sqlite")
        # Every statement is a transaction of its own, so there is nothing to roll back.
        pool: dict[str, Any] = {"pool_size": 0, "pool_reset_on_return": None}
        self._patient = create_engine(url, connect_args=_connect(waits(engine)), **pool, **COMMON_OPTIONS)
        self._hasty = create_engine(url, connect_args=_connect(0), **pool, **COMMON_OPTIONS)
        self._open: Connection | None = None
        self._watching: sqlite3.Connection | None = None
        self._path = engine.url.database or ""
        event.listen(self._patient, "connect", _prepare)
        event.listen(engine.sync_engine, "engine_disposed", self._dispose)

    async def rows(self, statement: Executable, parameters: Mapping[str, Any], *, at_once: bool) -> Sequence[Row[Any]]:
        """Read in a thread, or at once: that takes less than waking one, unless somebody holds the whole database."""
        if at_once:
            with suppress(OperationalError):
                return self._rows_at_once(statement, parameters)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, _rows, self._patient, statement, parameters)

    def version(self) -> int | None:
        """Return a number that is another one whenever anything was committed; None where that can't be said now.

        The connection that tells it writes nothing, so that every commit is of another one.
        """
        try:
            if self._watching is None:
                self._watching = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=0)
            version: int = self._watching.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.OperationalError:
            return None
        return version

    def _rows_at_once(self, statement: Executable, parameters: Mapping[str, Any]) -> Sequence[Row[Any]]:
        if self._open is None:
            self._open = self._hasty.connect()
        try:
            return self._open.execute(statement, parameters).all()
        except Exception:
            self._close()
            raise

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _dispose(self, _engine: Engine) -> None:
        self._close()
        if self._watching is not None:
            self._watching.close()
            self._watching = None
        self._patient.dispose()
        self._hasty.dispose()


def _rows(engine: Engine, statement: Executable, parameters: Mapping[str, Any]) -> Sequence[Row[Any]]:
    with engine.connect() as connection:
        return connection.execute(statement, parameters).all()


def _prepare(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A read that turns into a write fails at once, however long the timeout: writers take the lock at the start.
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
