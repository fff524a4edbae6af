"""Checks of entitlements: against a server that only answers, and among many events against few."""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from sqlalchemy import insert, select

from app import models
from app.billing.access import Scope
from app.billing.entitlements import FeatureKind, MeteredTerms, terms_to_json
from app.billing.errors import Problems
from app.billing.periods import BillingInterval
from app.clock import SystemClock
from app.db import Sessions, open_engine
from app.ids import new_id
from app.migrate import upgrade
from app.models import table_of
from app.services.keys import create_key
from app.services.standings import access_now
from bench.load import Target, ask_all
from bench.metered import CUSTOMERS, START, metered, sell
from bench.postgres import database
from bench.ratio import Side, compare
from bench.servers import baseline, product

FEW, MANY = 100_000, 10_000_000
CONNECTIONS = 64
TERMS = MeteredTerms(issue_after_reset=Decimal(10**9), usage_period=BillingInterval.MONTHLY, is_soft_limit=True)


@dataclass(frozen=True)
class Entitled:
    """A database whose customers are entitled to units of a metric, and the secret of a key."""

    url: str
    environment_id: str
    secret: str


def access_check(units: int = 3, rounds: int = 7, requests: int = 3000, there: int = FEW) -> float:
    """Checks over 64 connections on SQLite, against answering and nothing else; the same on PostgreSQL is printed."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        data = metered(there, Path(folder))
        ratio = _against(servers, asyncio.run(_entitle(data.url)), units, rounds, requests)
    with database() as postgres, ExitStack() as servers:
        upgrade(postgres.url)
        asyncio.run(_sell(postgres.url))
        print("  the same on PostgreSQL, without usage, each check computed anew:")
        _against(servers, asyncio.run(_entitle(postgres.url)), 1, min(rounds, 5), requests // 3)
    return ratio


def access_flat(few: int = FEW, many: int = MANY, rounds: int = 7, checks: int = 100) -> float:
    """The cost of computing a check among so many events, against the same among fewer."""
    with tempfile.TemporaryDirectory() as folder:
        sides = [asyncio.run(_entitle(metered(size, Path(folder)).url)) for size in (few, many)]
        for side in sides:
            asyncio.run(_check(side, checks))
        pairs = [[asyncio.run(_check(side, checks)) for side in sides] for _ in range(rounds)]
    print(f"  {1e3 * median(pair[1] for pair in pairs) / checks:.2f} ms of CPU a check at {many:,} events")
    return median(larger / smaller for smaller, larger in pairs)


def _against(servers: ExitStack, data: Entitled, units: int, rounds: int, requests: int) -> float:
    ours = servers.enter_context(product(data.url))
    theirs = servers.enter_context(baseline("raw_asgi:app", {}))
    queries = [f"externalId=customer-{number % CUSTOMERS}&featureKey=tokens" for number in range(requests)]

    def asking(base: str) -> Callable[[], None]:
        target = Target(base, "/v0/entitlements/check", data.secret)
        return lambda: ask_all(target, queries, CONNECTIONS)

    return compare(
        Side("product", ours.pid, asking(ours.base)), Side("raw_asgi", theirs.pid, asking(theirs.base)), units, rounds
    )


async def _sell(url: str) -> None:
    sessions = Sessions(open_engine(url), SystemClock())
    try:
        await sell(sessions)
    finally:
        await sessions.engine.dispose()


async def _entitle(url: str) -> Entitled:
    """Entitle all customers of a database to units of its metric."""
    sessions = Sessions(open_engine(url), SystemClock())
    try:
        async with sessions.begin() as session:
            metric = (await session.scalars(select(models.BillableMetric))).one()
            merchant = (await session.scalars(select(models.Merchant))).one()
            _, secret = await create_key(session, merchant.id, START, "access", [Scope.ALL], None)
            mine: dict[str, Any] = {"environment_id": metric.environment_id, "created_at": START}
            feature = models.Feature(
                **mine, id=new_id("feat"), key="tokens", product_id=metric.product_id, name="Tokens",
                kind=FeatureKind.METERED, billable_metric_id=metric.id, details={},
            )  # fmt: skip
            session.add(feature)
            await session.flush()
            given = {"feature_id": feature.id, "terms": terms_to_json(TERMS), "started_at": START, "anchor_at": START}
            rows = [
                {**mine, **given, "id": new_id("ent"), "customer_id": customer_id, "timezone": "UTC"}
                for customer_id in await session.scalars(select(table_of(models.Customer).c.id))
            ]
            await session.execute(insert(table_of(models.Entitlement)), rows)
        return Entitled(url, metric.environment_id, secret)
    finally:
        await sessions.engine.dispose()


async def _check(data: Entitled, checks: int) -> float:
    """Return the CPU seconds of so many checks, each in the month that has all usage."""
    sessions = Sessions(open_engine(data.url), SystemClock())
    at = START.replace(day=30)
    try:
        async with sessions.read() as session:
            begun = process_time()
            for number in range(checks):
                customer = (None, f"customer-{number % CUSTOMERS}")
                found = await access_now(session, Problems(), data.environment_id, customer, "tokens", at, at)
                assert found.usage
            return process_time() - begun
    finally:
        await sessions.engine.dispose()
