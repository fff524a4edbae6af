"""A merchant with a catalog, subscriptions and invoices, put into a migrated database directly."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlmodel import SQLModel

from app import models
from app.billing.access import Scope
from app.billing.aggregation import Aggregation
from app.billing.catalog import MerchantDraft
from app.billing.invoicing import Series
from app.billing.lifecycle import InvoiceReason, InvoiceStatus, PaymentTerm, SubscriptionStatus
from app.billing.periods import BillingInterval
from app.billing.price_models import StandardPrice, model_to_json
from app.billing.pricing import LineInputs
from app.clock import SystemClock
from app.db import Sessions, open_engine
from app.ids import new_id
from app.migrate import upgrade
from app.models import EnvironmentKind, table_of
from app.services.keys import create_key
from app.services.merchants import create_merchant

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=31)
PLANS = 50
PRICES = 5
INVOICES = 2
LINES = 10
MODEL = StandardPrice(Decimal("0.00002"))
INPUTS = LineInputs(MODEL, "USD", Decimal(1500), Aggregation.SUM, "token", 1).to_json()

Rows = Iterator[tuple[type[SQLModel], dict[str, Any]]]


@dataclass(frozen=True)
class Merchant:
    """Where the merchant's rows are, and the secret of a key of theirs."""

    url: str
    environment_id: str
    secret: str

    @property
    def database(self) -> Path:
        """The file of a SQLite database."""
        return Path(self.url.removeprefix("sqlite+aiosqlite:///"))


def prepare(folder: Path) -> Merchant:
    """Make a SQLite database of one merchant: 50 plans of 5 prices, 50 subscriptions, 100 invoices of 10 lines."""
    url = f"sqlite+aiosqlite:///{folder / 'merchant.db'}"
    upgrade(url)
    return fill(url)


def fill(url: str) -> Merchant:
    """Put the same into a migrated database."""
    return asyncio.run(_filled(url))


async def _filled(url: str) -> Merchant:
    sessions = Sessions(open_engine(url), SystemClock())
    try:
        async with sessions.begin() as session:
            merchant = await create_merchant(session, START, MerchantDraft(name="Merchant"))
            _, secret = await create_key(session, merchant.id, START, "bench", [Scope.ALL], None)
            environments = table_of(models.Environment).c
            live = environments.kind == EnvironmentKind.LIVE
            environment_id = (await session.scalars(select(environments.id).where(live))).one()
            rows: dict[type[SQLModel], list[dict[str, Any]]] = defaultdict(list)
            for model, row in _rows():
                rows[model].append({"environment_id": environment_id, "created_at": START, **row})
            for model, of_table in rows.items():
                await session.execute(insert(table_of(model)), of_table)
    finally:
        await sessions.engine.dispose()
    return Merchant(url, environment_id, secret)


def _rows() -> Rows:
    """Every row, with those that others point at before them."""
    product_id = new_id("prod")
    yield models.Product, {"id": product_id, "name": "Engine", "details": {}}
    metrics = [new_id("bm") for _ in range(PRICES)]
    for metric_id in metrics:
        metric = {"id": metric_id, "product_id": product_id, "name": "Tokens", "unit": "token", "group_by": []}
        measured = {"event_type": "inference", "aggregation": Aggregation.SUM, "value_property": "$.tokens"}
        yield models.BillableMetric, {**metric, **measured}
    for number in range(PLANS):
        yield from _sold(product_id, metrics, number)


def _sold(product_id: str, metrics: list[str], number: int) -> Rows:
    prices = [
        {
            "id": new_id("price"),
            "product_id": product_id,
            "billable_metric_id": metric_id,
            "invoice_display_name": "Tokens",
            "payment_term": PaymentTerm.IN_ARREARS,
            "currency": "USD",
            "pricing": model_to_json(MODEL),
        }
        for metric_id in metrics
    ]
    for price in prices:
        yield models.Price, price
    plan_id, version_id = new_id("plan"), new_id("pver")
    plan = {"id": plan_id, "product_id": product_id, "name": f"Pro {number}", "currency": "USD"}
    cadence = {"billing_interval": BillingInterval.MONTHLY}
    yield models.Plan, {**plan, **cadence, "billing_version": 1, "default_number": 1}
    yield models.PlanVersion, {"id": version_id, "plan_id": plan_id, "number": 1, "published_at": START}
    for place, price in enumerate(prices):
        link = {"id": new_id("pvp"), "plan_version_id": version_id, "price_id": price["id"], "position": place}
        yield models.PlanVersionPrice, link
    customer = {"id": new_id("cus"), "name": f"Acme {number}", "email": f"{number}@acme.example", "details": {}}
    yield models.Customer, customer
    bought = {"product_id": product_id, "plan_id": plan_id, "plan_version_id": version_id, **cadence}
    yield from _billed({**bought, "customer_id": customer["id"]}, prices)


def _billed(bought: dict[str, Any], prices: list[dict[str, Any]]) -> Rows:
    subscription_id = new_id("sub")
    subscription = {
        **bought,
        "id": subscription_id,
        "status": SubscriptionStatus.ACTIVE,
        "allow_concurrent": False,
        "started_at": START,
        "anchor_at": START,
        "phase_started_at": START,
        "timezone": "UTC",
        "currency": "USD",
        "payment_term_days": 30,
        "period_number": 0,
        "next_boundary_at": END,
    }
    yield models.Subscription, subscription
    for number in range(INVOICES):
        invoice = {
            "id": new_id("inv"),
            "customer_id": bought["customer_id"],
            "subscription_id": subscription_id,
            "reason": InvoiceReason.SUBSCRIPTION_CYCLE,
            "cause": f"{subscription_id}/{number}",
            "status": InvoiceStatus.DRAFT,
            "series": Series.LIVE,
            "currency": "USD",
            "billed_to": {"name": "Acme", "email": None},
            "billed_from": {"name": "Example Inc."},
            "subtotal_minor": 3 * LINES,
            "tax_minor": 0,
            "total_minor": 3 * LINES,
            "paid_minor": 0,
        }
        yield models.Invoice, invoice
        for place in range(LINES):
            yield models.InvoiceLine, _line(invoice["id"], prices[place % PRICES]["id"], place)


def _line(invoice_id: str, price_id: str, place: int) -> dict[str, Any]:
    return {
        "id": new_id("li"),
        "invoice_id": invoice_id,
        "position": place,
        "price_id": price_id,
        "description": "Tokens",
        "payment_term": PaymentTerm.IN_ARREARS,
        "period_start": START,
        "period_end": END,
        "quantity": Decimal(1500),
        "currency": "USD",
        "amount_minor": 3,
        "exact_amount": Decimal("0.03"),
        "inputs": INPUTS,
        "rules_version": 1,
    }
