"""Crashes after every statement, one after the other, and transactions that lose against others at each."""

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, event, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from app import models
from app.models import table_of
from tests.support.world import World

S = TypeVar("S")


class Crash(OSError):
    """The connection to the database ends here, which nothing catches but to give up: the rest never happens."""


@contextmanager
def crashing(world: World, place: int) -> Iterator[None]:
    """Crash after so many statements. After the last of a transaction is before its commit."""
    engine, left = world.sessions.engine.sync_engine, [place]

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        # A transaction that was only begun has done nothing yet, and the pool does not know of it.
        if not statement.startswith("BEGIN"):
            left[0] -= 1
            if left[0] == 0:
                raise Crash

    event.listen(engine, "after_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(engine, "after_cursor_execute", count)


async def crash_everywhere(
    world: World,
    prepare: Callable[[], Awaitable[S]],
    work: Callable[[S], Awaitable[object]],
    seen: Callable[[S], Awaitable[Any]],
    part: tuple[int, int] = (0, 1),
) -> int:
    """Do some work on one subject after the other, crashing one statement later each time, and begin again after that.

    What is seen of a subject is the same as without a crash. Return how many places there were. A `part` (2, 4) goes
    through the third of four places each time.
    """
    subject = await prepare()
    await work(subject)
    expected = await seen(subject)
    first, step = part
    place, crashed = 1 + first - step, True
    while crashed:
        place += step
        subject, crashed = await prepare(), False
        try:
            with crashing(world, place):
                await work(subject)
        except Crash:
            crashed = True
            await work(subject)
        found = await seen(subject)
        assert found == expected, f"after a crash at statement {place}"
    return place - step


async def story_of(world: World, subscription_id: str) -> dict[str, Any]:
    """All that billing knows of a subscription, without ids and numbers."""
    async with world.sessions.read() as session:

        async def rows(model: Any, *columns: str, **mine: str) -> list[tuple[Any, ...]]:
            table = table_of(model)
            chosen = [table.c[name] == value for name, value in mine.items()]
            found = await session.execute(select(*(table.c[name] for name in columns)).where(*chosen))
            return sorted((tuple(row) for row in found), key=repr)

        own = {"subscription_id": subscription_id}
        invoices = table_of(models.Invoice).c
        ids = (
            await session.scalars(
                select(invoices.id).where(invoices.subscription_id == subscription_id).order_by(invoices.created_at)
            )
        ).all()
        customer = table_of(models.Subscription).c
        customer_id = await session.scalar(select(customer.customer_id).where(customer.id == subscription_id))
        return {
            "subscription": await rows(
                models.Subscription, "status", "next_boundary_at", "ended_at", id=subscription_id
            ),
            "changes": await rows(models.SubscriptionChange, "status", "effective_at", "quantities", **own),
            "phases": await rows(models.SubscriptionPhase, "number", "start_at", "end_at", "quantities", **own),
            "notes": await rows(models.CreditNote, "total_minor", "to_credit_minor", customer_id=customer_id or ""),
            "periods": await rows(models.SubscriptionPeriod, "number", "start_at", "end_at", "closed_at", **own),
            "invoices": await rows(
                models.Invoice, "reason", "status", "total_minor", "paid_minor", "issued_at", "due_at", "paid_at", **own
            ),
            "lines": [await rows(models.InvoiceLine, "description", "amount_minor", invoice_id=one) for one in ids],
            "counters": await rows(models.UsageCounter, "start_at", "round", "total", "closed_at", **own),
            "payments": await rows(models.Payment, "amount_minor", "refunded_minor", customer_id=customer_id or ""),
            "credit notes": await rows(models.CreditNote, "total_minor", customer_id=customer_id or ""),
            "refunds": await rows(models.Refund, "amount_minor", customer_id=customer_id or ""),
            "credit": await rows(models.CreditEntry, "kind", "amount_minor", customer_id=customer_id or ""),
            "due": [
                await rows(models.DueWork, "kind", "due_at", "parked_because", subject_id=one)
                for one in (subscription_id, *ids)
            ],
        }


#: What PostgreSQL says to a transaction that another one kept from its end: read what changed meanwhile, or a deadlock.
LOST = ("40001", "40P01")


class _Lost(Exception):
    """The driver's error where a commit is refused."""

    sqlstate = "40001"


class Losing:
    """Lets a place of each writing transaction fail as if another one had been first, `times` times in all.

    Places are statements, counted from 1, and the commit after the last.
    """

    def __init__(self, engine: AsyncEngine, place: int, times: int) -> None:
        self._engine, self._place, self._left = engine, place, times
        self._count = 0
        #: How often that happened.
        self.losses = 0

    def __enter__(self) -> Self:
        for name, listener, options in self._listeners():
            event.listen(self._engine.sync_engine, name, listener, **options)
        return self

    def __exit__(self, *_error: object) -> None:
        for name, listener, _ in self._listeners():
            event.remove(self._engine.sync_engine, name, listener)

    def _listeners(self) -> list[tuple[str, Callable[..., Any], dict[str, Any]]]:
        return [
            ("begin", self._begin, {}),
            ("before_cursor_execute", self._execute, {"retval": True}),
            ("commit", self._commit, {}),
        ]

    def _begin(self, _connection: Connection) -> None:
        self._count = 0

    def _is_here(self, connection: Connection) -> bool:
        if not connection.get_execution_options().get("writing", False):
            return False
        self._count += 1
        if self._count != self._place or self._left == 0:
            return False
        self._left -= 1
        self.losses += 1
        return True

    def _execute(
        self, connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, is_many: bool
    ) -> tuple[str, Any]:
        if statement.startswith("BEGIN") or not self._is_here(connection):
            return statement, parameters
        if connection.dialect.name == "sqlite":
            raise OperationalError(statement, None, sqlite3.OperationalError("database is locked"))
        # The server itself fails the statement, so the transaction is as dead as it would be.
        failing = f"DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '{LOST[self._place % 2]}'; END $$"
        return failing, [()] if is_many else ()

    def _commit(self, connection: Connection) -> None:
        if self._is_here(connection):
            raise OperationalError("COMMIT", None, _Lost("database is locked"))


async def lose_everywhere(
    engine: AsyncEngine,
    prepare: Callable[[], Awaitable[S]],
    work: Callable[[S], Awaitable[object]],
    seen: Callable[[S], Awaitable[Any]],
    times: int = 1,
) -> int:
    """Do some work on one subject after the other, losing one place later each time; return how many places there were.

    What the work returns, and what is seen afterwards, is the same as without a loss.
    """
    subject = await prepare()
    expected = await work(subject), await seen(subject)
    place, losses = 0, 1
    while losses:
        place += 1
        subject = await prepare()
        with Losing(engine, place, times) as losing:
            done = await work(subject)
        losses = losing.losses
        assert losses in {0, times}
        assert (done, await seen(subject)) == expected, f"after losing at place {place}"
    return place - 1
