"""Processes race for renewals that are due, and are killed in the middle of them: each subscription is billed once."""

import asyncio
import contextlib
import random
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dateutil.relativedelta import relativedelta
from sqlalchemy import func, select

from app import models
from app.billing.lifecycle import InvoiceStatus
from app.clock import SystemClock
from app.db import Sessions, open_engine
from app.due import Due, DueKind, schedule
from app.models import table_of
from bench.renewals import prepare
from tests.support.server import BILLGRAPH, environment, serve

#: Processes on PostgreSQL; on SQLite the one that serves does the work.
WORKERS = 4
#: Subscriptions of a race: in a soak, and else.
MANY, SOME = 1000, 120
#: What each owes: 10 lines of 0.00002 × 100,000 to 100,009.
OWED_MINOR = 10 * 200


@contextlib.contextmanager
def worker(database_url: str) -> Iterator[subprocess.Popen[Any]]:
    """A process that bills what is due, until it is killed."""
    if database_url.startswith("sqlite"):
        with serve(database_url) as server:
            yield server.process
        return
    process = subprocess.Popen([str(BILLGRAPH), "worker"], env=environment(database_url), stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


async def made_due(database_url: str, size: int) -> str:
    """Subscriptions whose first month ended two hours ago; return their environment."""
    end = (datetime.now(UTC) - timedelta(hours=2)).replace(microsecond=0)
    end = end.replace(day=min(end.day, 28))
    environment_id, *subscriptions = await prepare(database_url, size, end - relativedelta(months=1), end)
    sessions = Sessions(open_engine(database_url), SystemClock())
    async with sessions.begin() as session:
        due = [Due(DueKind.SUBSCRIPTION_BOUNDARY, one, end, None) for one in subscriptions]
        await schedule(session, environment_id, due, end)
    await sessions.engine.dispose()
    return environment_id


async def left(database_url: str, environment_id: str) -> int:
    """How much of it is still due: boundaries, and drafts to be closed."""
    sessions = Sessions(open_engine(database_url), SystemClock())
    due = table_of(models.DueWork).c
    mine = (due.environment_id == environment_id, due.due_at <= datetime.now(UTC))
    rows = await sessions.rows(select(func.count()).where(*mine), {})
    await sessions.engine.dispose()
    count: int = rows[0][0]
    return count


async def check(database_url: str, environment_id: str, size: int) -> None:
    """Exactly one issued invoice for each, of what it owes, under gapless numbers; nothing was parked."""
    sessions = Sessions(open_engine(database_url), SystemClock())
    invoices, due, periods = (table_of(one) for one in (models.Invoice, models.DueWork, models.SubscriptionPeriod))
    async with sessions.read() as session:
        rows = (await session.execute(select(invoices).where(invoices.c.environment_id == environment_id))).all()
        parked = select(due.c.parked_because).where(
            due.c.environment_id == environment_id, due.c.parked_at.is_not(None)
        )
        assert (await session.scalars(parked)).all() == []
        mine = periods.c.environment_id == environment_id
        closed = (
            await session.execute(select(func.count()).where(mine, periods.c.closed_at.is_not(None)))
        ).scalar_one()
        assert closed == size
        assert (await session.execute(select(func.count()).select_from(periods).where(mine))).scalar_one() == 2 * size
    await sessions.engine.dispose()
    assert len({row.subscription_id for row in rows}) == len(rows) == size
    assert {(row.status, row.total_minor) for row in rows} == {(InvoiceStatus.ISSUED, OWED_MINOR)}
    assert sorted(row.number for row in rows) == [f"INV-{number:06d}" for number in range(1, size + 1)]


def race(database_url: str, environment_id: str, chance: random.Random) -> int:
    """Let workers do all that is due, killing one after the other while they do; return how many were killed."""
    kills, deadline = 0, time.monotonic() + 300
    count = 1 if database_url.startswith("sqlite") else WORKERS
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(worker(database_url)) for _ in range(count)]
        while asyncio.run(left(database_url, environment_id)):
            assert time.monotonic() < deadline
            time.sleep(chance.uniform(0.05, 0.5))
            if kills < 3 * count and asyncio.run(left(database_url, environment_id)):
                place = chance.randrange(count)
                running[place].kill()
                running[place].wait(20)
                kills += 1
                running[place] = stack.enter_context(worker(database_url))
    return kills


def test_each_due_renewal_is_billed_once_whoever_dies(database_url: str, pytestconfig: pytest.Config) -> None:
    races = pytestconfig.getoption("--races")
    size, chance = (MANY, random.Random(races)) if races else (SOME, random.Random(0))
    for _ in range(races or 1):
        environment_id = asyncio.run(made_due(database_url, size))
        kills = race(database_url, environment_id, chance)
        asyncio.run(check(database_url, environment_id, size))
        assert kills
