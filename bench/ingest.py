"""Taking in events: the product against servers that do less with them, and against one that does it simply."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import msgspec
from sqlalchemy.ext.asyncio import create_async_engine

from bench.load import Target, send_all
from bench.merchant import Merchant, fill, prepare
from bench.postgres import Database, database
from bench.ratio import Side, compare
from bench.servers import baseline, product

CONNECTIONS = 64
BATCH = 1000
#: What waits is counted by nobody meanwhile: what that costs is `drain`.
HELD_BACK = {"BILLGRAPH_BACKGROUND_WORK": "false", "BILLGRAPH_MAX_BACKLOG_SECONDS": "86400"}


@dataclass
class Events:
    """Events of the usual size, each with a key of its own."""

    numbers: Iterator[int] = field(default_factory=count)
    start: int = field(default_factory=time.time_ns)

    def one(self) -> bytes:
        """Return the body of the next event."""
        return msgspec.json.encode(self._event())

    def batch(self, size: int) -> bytes:
        """Return the body of a batch of the next events."""
        return msgspec.json.encode([self._event() for _ in range(size)])

    def _event(self) -> dict[str, object]:
        number = next(self.numbers)
        return {
            "type": "inference.completed",
            "source": "https://api.example.com",
            "externalSubject": f"customer-{number % 1000}",
            "data": {"tokens": 1500 + number % 7, "model": "large"},
            "timestamp": "2026-01-15T12:00:00Z",
            "idempotencyKey": f"{self.start}-{number}",
        }


def ingest_single(units: int = 3, rounds: int = 7, requests: int = 3000) -> float:
    """One event a request, on SQLite, against answering 202 and nothing else."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        merchant = prepare(Path(folder))
        return _against(servers, merchant, "raw_asgi", units, rounds, requests)


def ingest_single_pg(units: int = 3, rounds: int = 7, requests: int = 3000) -> float:
    """The same on PostgreSQL."""
    with database() as postgres, ExitStack() as servers:
        return _against(servers, fill(postgres.url), "raw_asgi", units, rounds, requests, postgres)


def ingest_naive(units: int = 1, rounds: int = 5, requests: int = 1500) -> float:
    """The same on PostgreSQL, against one session and one commit for each event."""
    with database() as postgres, ExitStack() as servers:
        return _against(servers, fill(postgres.url), "sqlmodel_commit", units, rounds, requests, postgres)


def ingest_batch(units: int = 4, rounds: int = 7, requests: int = 20) -> float:
    """1,000 events a request, on SQLite, against decoding and validating them and nothing else."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        merchant = prepare(Path(folder))
        return _against(servers, merchant, "decoding", units, rounds, requests, path="/v0/events/batch")


def _against(  # noqa: PLR0913, PLR0917 - what benchmarks differ in
    servers: ExitStack,
    merchant: Merchant,
    rival: str,
    units: int,
    rounds: int,
    requests: int,
    postgres: Database | None = None,
    path: str = "/v0/events",
) -> float:
    """Compare the product with another server; a unit of work is so many requests over 64 connections."""
    events, settings = Events(), {"BASELINE_DATABASE_URL": merchant.url}
    if rival == "sqlmodel_commit":
        _make_naive_table(merchant.url)
    ours = servers.enter_context(product(merchant.url, **HELD_BACK))
    theirs = servers.enter_context(baseline(f"{rival}:app", settings))

    def sending(base: str) -> Callable[[], None]:
        target = Target(base, path, merchant.secret)

        def send() -> None:
            bodies = [events.batch(BATCH) if path.endswith("batch") else events.one() for _ in range(requests)]
            send_all(target, bodies, CONNECTIONS if requests >= CONNECTIONS else 4)

        return send

    before = postgres.cpu_seconds() if postgres else 0.0
    ratio = compare(
        Side("product", ours.pid, sending(ours.base)), Side(rival, theirs.pid, sending(theirs.base)), units, rounds
    )
    if postgres:
        print(f"  PostgreSQL used {postgres.cpu_seconds() - before:.1f} s of CPU for both sides together")
    return ratio


def _make_naive_table(url: str) -> None:
    """Make the table of the straightforward server."""

    async def make() -> None:
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            await connection.exec_driver_sql(
                "CREATE TABLE IF NOT EXISTS naive_event (idempotency_key varchar PRIMARY KEY, type varchar NOT NULL, "
                "source varchar NOT NULL, subject varchar, timestamp varchar, data varchar NOT NULL)"
            )
        await engine.dispose()

    asyncio.run(make())
