"""A merchant with a small catalog, made by the use cases themselves, and time that a test moves by hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.access import Scope
from app.billing.aggregation import Aggregation
from app.billing.catalog import (
    BillableMetricDraft,
    CustomerDraft,
    FeeDraft,
    MerchantDraft,
    PlanDraft,
    PriceDraft,
    ProductDraft,
    SubscriptionDraft,
    TestClockDraft,
)
from app.billing.lifecycle import PaymentTerm
from app.billing.periods import BillingInterval
from app.billing.price_models import StandardPrice
from app.db import Sessions, open_engine
from app.models import EnvironmentKind, table_of
from app.services.audit import start_recording
from app.services.billable_metrics import create_billable_metric
from app.services.clocks import arrived, begin_advance, create_clock, step
from app.services.customers import create_customer
from app.services.fees import create_fee
from app.services.merchants import create_merchant
from app.services.plans import create_plan
from app.services.prices import create_price
from app.services.principal import Principal
from app.services.products import create_product
from app.services.subscriptions import create_subscription

T = TypeVar("T")
JANUARY_31 = datetime(2026, 1, 31, tzinfo=UTC)


@dataclass
class HandClock:
    """A clock that stands until a test moves it."""

    instant: datetime = JANUARY_31

    def now(self) -> datetime:
        return self.instant


@dataclass
class World:
    """One merchant's live environment and what a test made in it."""

    sessions: Sessions
    clock: HandClock
    principal: Principal
    made: dict[str, Any] = field(default_factory=dict)

    async def do(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Run one transaction."""
        async with self.sessions.begin() as session:
            return await work(session)

    async def rows(self, model: type[Any]) -> list[Any]:
        """Return all rows of a table in the order of their ids."""
        async with self.sessions.read() as session:
            return list(await session.scalars(select(model).order_by(*table_of(model).primary_key)))

    async def catalog(self, upfront: str | None = "49", usage: str = "0.00002", **plan: Any) -> models.Plan:
        """Make a product with a metric at a price, a fee in advance unless `upfront` is None, and a plan of both."""
        now, me = self.clock.now(), self.principal
        product = await self.do(lambda s: create_product(s, me, now, ProductDraft(name="Engine")))
        metric = BillableMetricDraft(
            product=product.id,
            name="Tokens",
            unit="token",
            event_type="inference",
            aggregation=Aggregation.SUM,
            value_property="$.tokens",
        )
        self.made["metric"] = await self.do(lambda s: create_billable_metric(s, me, now, metric))
        prices = [await self.price("Tokens", usage, PaymentTerm.IN_ARREARS, billable_metric=self.made["metric"].id)]
        if upfront is not None:
            fee = await self.do(lambda s: create_fee(s, me, now, FeeDraft(product=product.id, name="Platform")))
            prices.append(await self.price("Platform fee", upfront, PaymentTerm.IN_ADVANCE, fee=fee.id))
            self.made["fee price"] = prices[-1]
        draft = {"name": "Pro", "billing_interval": BillingInterval.MONTHLY, "billing_version": 1, **plan}
        plan_draft = PlanDraft(product=product.id, prices=tuple(price.id for price in prices), **draft)
        self.made["plan"] = await self.do(lambda s: create_plan(s, me, now, plan_draft))
        plan_made: models.Plan = self.made["plan"]
        return plan_made

    async def price(self, name: str, unit_price: str, term: PaymentTerm, **target: Any) -> models.Price:
        """Make a price of a metric or a fee."""
        model = StandardPrice(Decimal(unit_price))
        draft = PriceDraft(invoice_display_name=name, payment_term=term, model=model, **target)
        return await self.do(lambda s: create_price(s, self.principal, self.clock.now(), draft))

    async def customer(self, clock_at: datetime | None = None, **draft: Any) -> models.Customer:
        """Make a customer, on a test clock of its own where `clock_at` says where that stands."""
        now, me = self.clock.now(), self.principal
        if clock_at is not None:
            made = await self.do(lambda s: create_clock(s, me, now, TestClockDraft(name="clock", now=clock_at)))
            draft["test_clock"] = made.id
        return await self.do(lambda s: create_customer(s, me, now, CustomerDraft(**{"name": "Acme", **draft})))

    async def subscribe(
        self, customer: models.Customer, plan: models.Plan, **draft: Any
    ) -> tuple[models.Subscription, models.Invoice | None]:
        """Subscribe a customer to a plan."""
        wanted = SubscriptionDraft(customer=customer.id, plan=plan.id, **draft)
        return await self.do(lambda s: create_subscription(s, self.principal, self.clock.now(), wanted))

    async def advance(self, clock_id: str | None, to: datetime) -> list[models.Invoice]:
        """Move a test clock and return the invoices of the way."""
        assert clock_id is not None
        me, now = self.principal, self.clock.now()
        await self.do(lambda s: begin_advance(s, me, now, clock_id, to))
        touched, more = set(), True
        while more:
            done = await self.do(lambda s: step(s, me, now, clock_id, to))
            more = done.more
            touched |= set(done.invoice_ids)
        _, invoices = await self.do(lambda s: arrived(s, me, clock_id, touched))
        return list(invoices)


@asynccontextmanager
async def make_world(database_url: str, timezone: str = "UTC") -> AsyncIterator[World]:
    """Found a merchant on a database, and close the database at the end."""
    start_recording()
    clock = HandClock()
    sessions = Sessions(open_engine(database_url), clock, actor="test")
    try:
        async with sessions.begin() as session:
            merchant = await create_merchant(session, clock.now(), MerchantDraft(name="Merchant", timezone=timezone))
            environments = table_of(models.Environment).c
            live = (environments.merchant_id == merchant.id, environments.kind == EnvironmentKind.LIVE)
            environment_id = (await session.scalars(select(environments.id).where(*live))).one()
        scopes = frozenset({Scope.ALL})
        principal = Principal("key_test", merchant.id, environment_id, EnvironmentKind.LIVE, scopes)
        yield World(sessions, clock, principal)
    finally:
        await sessions.engine.dispose()


async def race(work: Callable[[], Awaitable[T]], callers: int) -> list[T | BaseException]:
    """Start the same work many times at once; return results and exceptions."""
    return await asyncio.gather(*[work() for _ in range(callers)], return_exceptions=True)
