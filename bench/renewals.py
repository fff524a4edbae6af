"""Renewing subscriptions that are due: in chunks against one transaction each, and among ten times as many."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import insert, select

from app import models
from app.billing.access import Scope
from app.billing.aggregation import Aggregation
from app.billing.catalog import MerchantDraft
from app.billing.lifecycle import PaymentTerm, SubscriptionStatus
from app.billing.periods import BillingInterval
from app.billing.price_models import StandardPrice, model_to_json
from app.collector import spare_collector
from app.db import Sessions, open_engine
from app.due import Due, DueKind, schedule
from app.ids import new_id
from app.metering.deciding import period_key
from app.migrate import upgrade
from app.models import CounterKind, EnvironmentKind, table_of
from app.services.keys import create_key
from app.services.merchants import create_merchant
from app.worker.loop import do_next
from bench.merchant import MODEL

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 2, 1, tzinfo=UTC)
LINES = 10
FEW, MANY = 10_000, 100_000
#: Subscriptions that are written at a time while data is prepared.
AT_A_TIME = 1000
assert isinstance(MODEL, StandardPrice)


class Later:
    """A clock that stands where the first period and its grace time have ended."""

    def now(self) -> datetime:
        """Return the same instant always."""
        return END + timedelta(hours=2)


@dataclass
class Waiting:
    """A database of subscriptions whose first period has ended, and those that have not been renewed yet."""

    database: Path
    environment_id: str
    waiting: list[str]

    def renew(self, count: int, most: int | None) -> float:
        """Return the CPU seconds of renewing so many, `most` in a transaction: their drafts made, closed and issued."""
        chosen, self.waiting = self.waiting[:count], self.waiting[count:]
        return asyncio.run(_renewed(self, chosen, most))


def invoice_run(there: int = FEW, count: int = 1000, singly: int = 60, rounds: int = 5) -> float:
    """10 lines a subscription, of 10,000: in chunks as shipped, against one transaction for each boundary and close."""
    spare_collector()
    with tempfile.TemporaryDirectory() as folder:
        due = due_subscriptions(there, Path(folder))
        due.renew(singly, None)  # caches fill, statements are compiled
        pairs = [(due.renew(count, None) / count, due.renew(singly, 1) / singly) for _ in range(rounds)]
    ratios = sorted(single / chunked for chunked, single in pairs)
    chunked, single = (1e3 * median(pair[side] for pair in pairs) for side in (0, 1))
    print(f"  in chunks: {chunked:.2f} ms of CPU a subscription; one by one: {single:.2f} ms")
    print(f"  {rounds} rounds of {count:,} and {singly} by turns: {ratios[0]:.1f} to {ratios[-1]:.1f}")
    return median(ratios)


def invoice_flat(few: int = FEW, many: int = MANY, count: int = 1000, rounds: int = 5) -> float:
    """A subscription's renewal among 100,000 that are due, against the same among 10,000."""
    spare_collector()
    with tempfile.TemporaryDirectory() as folder:
        sides = [due_subscriptions(size, Path(folder)) for size in (few, many)]
        for side in sides:
            side.renew(count // 10, None)
        pairs = [[side.renew(count, None) for side in sides] for _ in range(rounds)]
    ratios = sorted(larger / smaller for smaller, larger in pairs)
    print(f"  {1e3 * median(pair[1] for pair in pairs) / count:.2f} ms of CPU a subscription among {many:,}")
    print(f"  {rounds} rounds of {count:,} by turns: {ratios[0]:.2f} to {ratios[-1]:.2f}")
    return median(ratios)


async def _renewed(due: Waiting, chosen: list[str], most: int | None) -> float:
    sessions = Sessions(open_engine(f"sqlite+aiosqlite:///{due.database}"), Later(), actor="worker")
    try:
        async with sessions.begin() as session:
            falls = [Due(DueKind.SUBSCRIPTION_BOUNDARY, one, END, None) for one in chosen]
            await schedule(session, due.environment_id, falls, END)
        done, begun = 0, time.process_time()
        while count := await do_next(sessions, most):
            done += count
        spent = time.process_time() - begun
        assert done == 2 * len(chosen)  # a boundary and a close of each
        return spent
    finally:
        await sessions.engine.dispose()


def due_subscriptions(size: int, folder: Path) -> Waiting:
    """Return a copy, in a folder, of a database with so many subscriptions that are due; made once."""
    kept = Path(tempfile.gettempdir()) / "billgraph-bench" / f"due-{size}.db"
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        made = kept.with_suffix(".part")
        made.unlink(missing_ok=True)
        print(f"  preparing {size:,} subscriptions that are due, once", flush=True)
        asyncio.run(prepare(f"sqlite+aiosqlite:///{made}", size))
        made.rename(kept)
    copied = Path(shutil.copy(kept, folder / f"due-{size}.db"))
    return asyncio.run(_found(copied))


async def prepare(url: str, size: int, start: datetime = START, end: datetime = END) -> list[str]:
    """Make a merchant with so many subscriptions to one plan of 10 metered prices, each with usage of each.

    Their first period is [start, end), a month. Return the environment's id, and the ids of the subscriptions.
    """
    await asyncio.to_thread(upgrade, url)
    made: list[str] = []
    sessions = Sessions(open_engine(url), Later())
    try:
        async with sessions.begin() as session:
            merchant = await create_merchant(session, START, MerchantDraft(name="Merchant"))
            await create_key(session, merchant.id, START, "bench", [Scope.ALL], None)
            environments = table_of(models.Environment).c
            live = (environments.merchant_id == merchant.id, environments.kind == EnvironmentKind.LIVE)
            environment_id = (await session.scalars(select(environments.id).where(*live))).one()
            catalog = _Catalog(start, end)
            for model, rows in catalog.rows():
                await _write(session, model, rows, {"environment_id": environment_id, "created_at": START})
        for first in range(0, size, AT_A_TIME):
            async with sessions.begin() as session:
                for model, rows in catalog.sold(range(first, min(first + AT_A_TIME, size))):
                    mine = {"environment_id": environment_id}
                    if model is not models.UsageCounter:
                        mine["created_at"] = START
                    await _write(session, model, rows, mine)
                    made += [row["id"] for row in rows if model is models.Subscription]
    finally:
        await sessions.engine.dispose()
    return [environment_id, *made]


async def _write(session: Any, model: Any, rows: list[dict[str, Any]], mine: dict[str, Any]) -> None:
    await session.execute(insert(table_of(model)), [{**mine, **row} for row in rows])


class _Catalog:
    """A plan of 10 prices, and the rows of those who bought it."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start, self.end = start, end
        self.product, self.plan, self.version = (new_id(prefix) for prefix in ("prod", "plan", "pver"))
        self.metrics = [new_id("bm") for _ in range(LINES)]
        self.prices = [new_id("price") for _ in range(LINES)]

    def rows(self) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
        yield models.Product, [{"id": self.product, "name": "Engine", "details": {}}]
        sums = {"event_type": "inference", "aggregation": Aggregation.SUM, "value_property": "$.tokens", "group_by": []}
        named = {"product_id": self.product, "name": "Tokens", "unit": "token"}
        yield models.BillableMetric, [{"id": one, **named, **sums} for one in self.metrics]
        sold = {"invoice_display_name": "Tokens", "payment_term": PaymentTerm.IN_ARREARS, "currency": "USD"}
        target = {"product_id": self.product, "pricing": model_to_json(MODEL), **sold}
        pairs = list(zip(self.prices, self.metrics, strict=True))
        yield models.Price, [{"id": price, "billable_metric_id": metric, **target} for price, metric in pairs]
        monthly = {"billing_interval": BillingInterval.MONTHLY, "billing_version": 1, "default_number": 1}
        yield (
            models.Plan,
            [{"id": self.plan, "product_id": self.product, "name": "Pro", "currency": "USD", **monthly}],
        )
        yield models.PlanVersion, [{"id": self.version, "plan_id": self.plan, "number": 1, "published_at": START}]
        yield (
            models.PlanVersionPrice,
            [
                {"id": new_id("pvp"), "plan_version_id": self.version, "price_id": price, "position": place}
                for place, price in enumerate(self.prices)
            ],
        )

    def sold(self, numbers: range) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
        """Yield the rows of customers by their numbers: each with a subscription, its period and its counters."""
        pairs = [(new_id("cus"), new_id("sub")) for _ in numbers]
        yield (
            models.Customer,
            [
                {"id": customer, "external_id": f"customer-{number}", "name": "Acme", "details": {}}
                for number, (customer, _) in zip(numbers, pairs, strict=True)
            ],
        )
        monthly = {"billing_interval": BillingInterval.MONTHLY, "period_number": 0, "next_boundary_at": self.end}
        bought = {"product_id": self.product, "plan_id": self.plan, "plan_version_id": self.version, **monthly}
        running = {"started_at": self.start, "anchor_at": self.start, "phase_started_at": self.start}
        placed = {"timezone": "UTC", "allow_concurrent": False}
        billed = {"currency": "USD", "payment_term_days": 30, "status": SubscriptionStatus.ACTIVE}
        rest = {**bought, **running, **placed, **billed, "activated_at": self.start}
        yield models.Subscription, [{"id": one, "customer_id": customer, **rest} for customer, one in pairs]
        first = {"cadence": BillingInterval.MONTHLY, "number": 0, "start_at": self.start, "end_at": self.end}
        yield models.SubscriptionPeriod, [{"id": new_id("per"), "subscription_id": one, **first} for _, one in pairs]
        yield models.UsageCounter, [row for customer, one in pairs for row in self._counters(customer, one)]

    def _counters(self, customer: str, subscription: str) -> Iterator[dict[str, Any]]:
        whose = {"kind": CounterKind.PERIOD, "customer_id": customer, "subscription_id": subscription}
        for place, (price, metric) in enumerate(zip(self.prices, self.metrics, strict=True)):
            yield {
                **whose,
                "key": f"{period_key(subscription, price, self.start)}/0",
                "billable_metric_id": metric,
                "price_id": price,
                "start_at": self.start,
                "end_at": self.end,
                "event_count": 3,
                "total": Decimal(100_000 + place),
            }


async def _found(database: Path) -> Waiting:
    sessions = Sessions(open_engine(f"sqlite+aiosqlite:///{database}"), Later())
    try:
        async with sessions.read() as session:
            columns = table_of(models.Subscription).c
            rows = (await session.execute(select(columns.id, columns.environment_id).order_by(columns.id))).all()
    finally:
        await sessions.engine.dispose()
    return Waiting(database, rows[0].environment_id, [row.id for row in rows])
