"""A merchant whose customers are billed for one metric, with any number of counted events: prepared once and copied."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from app import models
from app.billing.access import Scope
from app.billing.aggregation import Aggregation
from app.billing.catalog import MerchantDraft
from app.billing.lifecycle import PaymentTerm, SubscriptionStatus
from app.billing.periods import BillingInterval
from app.billing.price_models import StandardPrice, model_to_json
from app.clock import SystemClock
from app.db import Sessions, open_engine
from app.ids import event_id, new_id
from app.metering.counting import count_received
from app.metering.received import ReceivedEvent
from app.migrate import upgrade
from app.models import EnvironmentKind, table_of
from app.services.keys import create_key
from app.services.merchants import create_merchant
from bench.merchant import MODEL

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=31)
CUSTOMERS = 100
#: Events of one transaction while data is prepared, where nobody else writes.
AT_A_TIME = 20_000
assert isinstance(MODEL, StandardPrice)


@dataclass(frozen=True)
class Metered:
    """A database file, and what benchmarks ask of it."""

    database: Path
    environment_id: str
    key_id: str
    subscription_id: str

    @property
    def url(self) -> str:
        """The URL of the database."""
        return f"sqlite+aiosqlite:///{self.database}"


def events(environment_id: str, first: int, count: int) -> Iterator[ReceivedEvent]:
    """Return events with keys that no others have, of one customer after the other."""
    for number in range(first, first + count):
        key, at = f"bench-{number}", START + timedelta(seconds=number % 2_600_000)
        subject, data = f"customer-{number % CUSTOMERS}", f'{{"tokens":{1500 + number % 7},"model":"large"}}'
        named = ("inference", "https://api.example.com", None, subject, None)
        yield ReceivedEvent(environment_id, event_id(environment_id, key), at, key, *named, at, data)


def metered(size: int, folder: Path) -> Metered:
    """Return a copy, in a folder, of a database with so many events; made by the product itself the first time."""
    kept = Path(tempfile.gettempdir()) / "billgraph-bench" / f"metered-{size}.db"
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        made = kept.with_suffix(".part")
        made.unlink(missing_ok=True)
        print(f"  preparing {size:,} counted events, once", flush=True)
        asyncio.run(_prepare(made, size))
        made.rename(kept)
    copied = Path(shutil.copy(kept, folder / f"{size}.db"))
    upgrade(f"sqlite+aiosqlite:///{copied}")  # it may have been prepared by a version before this one
    return asyncio.run(_found(copied))


async def _prepare(database: Path, size: int) -> None:
    url = f"sqlite+aiosqlite:///{database}"
    await asyncio.to_thread(upgrade, url)
    sessions = Sessions(open_engine(url), SystemClock())
    try:
        environment_id = await sell(sessions)
        for first in range(0, size, AT_A_TIME):
            async with sessions.begin() as session:
                some = list(events(environment_id, first, min(AT_A_TIME, size - first)))
                await count_received(session, some, START)
    finally:
        await sessions.engine.dispose()


async def sell(sessions: Sessions) -> str:
    """Found a merchant whose customers are billed for a metric; return the environment."""
    async with sessions.begin() as session:
        merchant = await create_merchant(session, START, MerchantDraft(name="Merchant"))
        await create_key(session, merchant.id, START, "bench", [Scope.ALL], None)
        live = table_of(models.Environment).c.kind == EnvironmentKind.LIVE
        environment_id = (await session.scalars(select(table_of(models.Environment).c.id).where(live))).one()
        for model, rows in _rows():
            mine = {"environment_id": environment_id, "created_at": START}
            await session.execute(insert(table_of(model)), [{**mine, **row} for row in rows])
    return str(environment_id)


def _rows() -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    product, metric, price, plan, version = (new_id(prefix) for prefix in ("prod", "bm", "price", "plan", "pver"))
    yield models.Product, [{"id": product, "name": "Engine", "details": {}}]
    measured = {"event_type": "inference", "aggregation": Aggregation.SUM, "value_property": "$.tokens", "group_by": []}
    yield models.BillableMetric, [{"id": metric, "product_id": product, "name": "Tokens", "unit": "token", **measured}]
    sold = {"invoice_display_name": "Tokens", "payment_term": PaymentTerm.IN_ARREARS, "currency": "USD"}
    target = {"id": price, "product_id": product, "billable_metric_id": metric, "pricing": model_to_json(MODEL)}
    yield models.Price, [{**target, **sold}]
    monthly = {"billing_interval": BillingInterval.MONTHLY}
    named = {"id": plan, "product_id": product, "name": "Pro", "currency": "USD"}
    yield models.Plan, [{**named, **monthly, "billing_version": 1, "default_number": 1}]
    yield models.PlanVersion, [{"id": version, "plan_id": plan, "number": 1, "published_at": START}]
    yield models.PlanVersionPrice, [{"id": new_id("pvp"), "plan_version_id": version, "price_id": price, "position": 0}]
    ids = [new_id("cus") for _ in range(CUSTOMERS)]
    yield (
        models.Customer,
        [
            {"id": identifier, "external_id": f"customer-{number}", "name": "Acme", "details": {}}
            for number, identifier in enumerate(ids)
        ],
    )
    bought = {"product_id": product, "plan_id": plan, "plan_version_id": version, "allow_concurrent": False, **monthly}
    running = {"started_at": START, "anchor_at": START, "phase_started_at": START, "timezone": "UTC"}
    running |= {"next_boundary_at": END, "period_number": 0}
    billed = {"currency": "USD", "payment_term_days": 30, "status": SubscriptionStatus.ACTIVE, "activated_at": START}
    rest = {**bought, **running, **billed}
    yield models.Subscription, [{"id": new_id("sub"), "customer_id": customer, **rest} for customer in ids]


async def _found(database: Path) -> Metered:
    sessions = Sessions(open_engine(f"sqlite+aiosqlite:///{database}"), SystemClock())
    try:
        async with sessions.read() as session:
            subscriptions = table_of(models.Subscription).c
            first = select(subscriptions.id, subscriptions.environment_id).order_by(subscriptions.id).limit(1)
            row = (await session.execute(first)).one()
            key_id = (await session.scalars(select(table_of(models.ApiKey).c.id))).one()
    finally:
        await sessions.engine.dispose()
    return Metered(database, row.environment_id, key_id, row.id)
