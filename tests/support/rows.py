"""Rows for tests, put into the database directly, with sensible values: a test names only what it is about."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from sqlmodel import SQLModel

from app import models
from app.billing.access import Scope
from app.billing.aggregation import Aggregation
from app.billing.invoicing import Series
from app.billing.lifecycle import InvoiceReason, InvoiceStatus, PaymentTerm, SubscriptionStatus
from app.billing.periods import BillingInterval, boundary, period_number
from app.db import Sessions, open_engine
from app.ids import hash_secret, new_id, new_secret
from app.metering.facts import load_metrics
from app.metering.jobs import schedule_job, work_off_jobs
from app.metering.usage import UsageRequest, close_counters, period_usage
from app.models import EnvironmentKind, UsageJobKind
from app.models.row import EnvironmentRow

Row = TypeVar("Row", bound=SQLModel)
Noun = TypeVar("Noun", bound=EnvironmentRow)
NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)


@dataclass
class FixedClock:
    """A clock that stands still until a test moves it."""

    time: datetime = NOW

    def now(self) -> datetime:
        return self.time


@asynccontextmanager
async def opened(database_url: str, clock: FixedClock | None = None) -> AsyncIterator[Sessions]:
    """Sessions on a test's database, closed at the end."""
    engine = open_engine(database_url)
    try:
        yield Sessions(engine, clock or FixedClock(), "test")
    finally:
        await engine.dispose()


@dataclass
class World:
    """One merchant with both environments; rows are made in `environment_id`, the live one unless changed."""

    sessions: Sessions
    merchant_id: str = field(default_factory=lambda: new_id("org"))
    live_id: str = field(default_factory=lambda: new_id("env"))
    sandbox_id: str = field(default_factory=lambda: new_id("env"))

    def __post_init__(self) -> None:
        self.environment_id = self.live_id

    async def save(self, row: Row) -> Row:
        """Insert one row in a transaction of its own."""
        async with self.sessions.begin() as session:
            session.add(row)
        return row

    async def api_key(self, *scopes: Scope, **given: Any) -> str:
        """A key, by default for everything; returns its secret."""
        secret = new_secret()
        values: dict[str, Any] = {
            "id": new_id("key"),
            "created_at": NOW,
            "merchant_id": self.merchant_id,
            "name": "test",
        }
        values |= {"secret_hash": hash_secret(secret), "hint": secret[-4:], "scopes": list(scopes or (Scope.ALL,))}
        await self.save(models.ApiKey(**(values | given)))
        return secret

    async def test_clock(self, now: datetime) -> models.TestClock:
        return await self.save(models.TestClock(**self._own("clk"), name="clock", now=now))

    async def customer(self, external_id: str | None = None, **given: Any) -> models.Customer:
        values = {**self._own("cus"), "external_id": external_id, "name": "Acme", "details": {}}
        return await self._counted_for(UsageJobKind.CUSTOMER, models.Customer(**(values | given)))

    async def product(self, **given: Any) -> models.Product:
        return await self.save(models.Product(**({**self._own("prod"), "name": "Inference", "details": {}} | given)))

    async def metric(
        self, aggregation: Aggregation = Aggregation.SUM, value_property: str | None = "$.tokens", **given: Any
    ) -> models.BillableMetric:
        """A metric on "inference.completed", of a product of its own unless one is given."""
        product_id = given.pop("product_id", None) or (await self.product()).id
        values = {**self._own("bm"), "product_id": product_id, "name": "Tokens", "unit": "token", "group_by": []}
        values |= {"event_type": "inference.completed", "aggregation": aggregation, "value_property": value_property}
        return await self._counted_for(UsageJobKind.METRIC, models.BillableMetric(**(values | given)))

    async def price(self, metric: models.BillableMetric, **given: Any) -> models.Price:
        """A metered standard price of 0.00002 USD."""
        values = {**self._own("price"), "product_id": metric.product_id, "billable_metric_id": metric.id}
        values |= {"invoice_display_name": metric.name, "payment_term": PaymentTerm.IN_ARREARS, "currency": "USD"}
        values |= {"pricing": {"type": "STANDARD", "unitPrice": "0.00002"}}
        return await self.save(models.Price(**(values | given)))

    async def plan_version(self, *prices: models.Price, product_id: str | None = None) -> models.PlanVersion:
        """The only version of a monthly plan with these prices."""
        product_id = product_id or (prices[0].product_id if prices else (await self.product()).id)
        plan = await self.save(
            models.Plan(
                **self._own("plan"), product_id=product_id, name="Pro", currency="USD", billing_version=1,
                billing_interval=BillingInterval.MONTHLY, default_number=1,
            )
        )  # fmt: skip
        version = models.PlanVersion(**self._own("pver"), plan_id=plan.id, number=1, published_at=NOW)
        await self.save(version)
        for position, price in enumerate(prices):
            contained: dict[str, Any] = {"plan_version_id": version.id, "price_id": price.id, "position": position}
            await self.save(models.PlanVersionPrice(**self._own("pvp"), **contained))
        return version

    async def subscription(
        self, customer: models.Customer, version: models.PlanVersion, started_at: datetime, **given: Any
    ) -> models.Subscription:
        """An active monthly subscription with its first period."""
        async with self.sessions.read() as session:
            plan = await session.get_one(models.Plan, (version.environment_id, version.plan_id))
        values = {**self._own("sub"), "customer_id": customer.id, "plan_id": plan.id, "plan_version_id": version.id}
        values |= {"product_id": plan.product_id, "status": SubscriptionStatus.ACTIVE, "allow_concurrent": True}
        values |= {"started_at": started_at, "anchor_at": started_at, "timezone": "UTC", "currency": "USD"}
        values |= {"phase_started_at": started_at, "ending_at": given.get("ended_at")}
        values |= {"billing_interval": plan.billing_interval, "payment_term_days": 30, "period_number": 0}
        values |= {
            "activated_at": started_at,
            "next_boundary_at": boundary(started_at, plan.billing_interval, 1, "UTC"),
        }
        subscription = models.Subscription(**(values | given))
        await self._counted_for(UsageJobKind.SUBSCRIPTION, subscription)
        await self.period(subscription, 0)
        return subscription

    async def period(
        self, subscription: models.Subscription, number: int, closed_at: datetime | None = None
    ) -> models.SubscriptionPeriod:
        """A period of a subscription, closed if an instant is given."""
        interval = subscription.billing_interval
        span = period_number(subscription.anchor_at, interval, number, subscription.timezone)
        values: dict[str, Any] = {
            "subscription_id": subscription.id,
            "cadence": interval,
            "number": number,
            "closed_at": closed_at,
        }
        values |= {"start_at": span.start, "end_at": span.end}
        return await self.save(models.SubscriptionPeriod(**self._own("per"), **values))

    async def close(self, subscription: models.Subscription, price: models.Price, number: int) -> int:
        """Close the counter of a metered price over period `number`; return its id."""
        span = period_number(subscription.anchor_at, subscription.billing_interval, number, subscription.timezone)
        async with self.sessions.begin() as session:
            [metric] = await load_metrics(session, self.environment_id, [price.billable_metric_id or ""])
            names = (subscription.id, subscription.customer_id, price.id, metric)
            asked = UsageRequest(*names, span.start, span.end)
            await close_counters(session, self.environment_id, [asked], NOW)
            usage = (await period_usage(session, self.environment_id, [asked]))[asked]
        assert usage.counter_id is not None
        return usage.counter_id

    async def billed(self, subscription: models.Subscription, price: models.Price, number: int = 0) -> models.Invoice:
        """An issued invoice with one line over period `number`, which it closes: it has what was counted so far."""
        span = period_number(subscription.anchor_at, subscription.billing_interval, number, "UTC")
        invoice = models.Invoice(
            **self._own("inv"), customer_id=subscription.customer_id, subscription_id=subscription.id,
            reason=InvoiceReason.SUBSCRIPTION_CYCLE, cause=f"{subscription.id}:{number}", status=InvoiceStatus.ISSUED,
            series=Series.LIVE, currency="USD", billed_to={}, billed_from={}, subtotal_minor=1, tax_minor=0,
            total_minor=1, paid_minor=0, issued_at=span.end, due_at=span.end + timedelta(days=30),
        )  # fmt: skip
        await self.save(invoice)
        line = models.InvoiceLine(
            **self._own("li"), invoice_id=invoice.id, position=0, price_id=price.id, description="Tokens",
            payment_term=PaymentTerm.IN_ARREARS, period_start=span.start, period_end=span.end, quantity=Decimal(1),
            currency="USD", amount_minor=1, exact_amount=Decimal("0.01"), inputs={}, rules_version=1,
            usage_counter_id=await self.close(subscription, price, number),
        )  # fmt: skip
        await self.save(line)
        return invoice

    async def _counted_for(self, kind: UsageJobKind, row: Noun) -> Noun:
        """Insert a row that stored events may fit, and count these for it, as its use case would."""
        async with self.sessions.begin() as session:
            session.add(row)
            await session.flush()
            await schedule_job(session, self.environment_id, kind, row.id, NOW)
        while await work_off_jobs(self.sessions):
            pass
        return row

    def _own(self, prefix: str) -> dict[str, Any]:
        return {"environment_id": self.environment_id, "id": new_id(prefix), "created_at": NOW}


async def make_world(sessions: Sessions, **given: Any) -> World:
    """A merchant with its two environments and nothing else; `given` are columns of the merchant."""
    world = World(sessions)
    values: dict[str, Any] = {
        "id": world.merchant_id,
        "created_at": NOW,
        "name": "Billing Co",
        "default_currency": "USD",
    }
    values |= {"timezone": "UTC", "invoice_number_prefix": "INV", "grace_seconds": 3600}
    await world.save(models.Merchant(**(values | given)))
    for kind, identifier in ((EnvironmentKind.LIVE, world.live_id), (EnvironmentKind.SANDBOX, world.sandbox_id)):
        await world.save(models.Environment(id=identifier, merchant_id=world.merchant_id, kind=kind))
    return world
