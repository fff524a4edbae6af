"""The server that a competent person writes first with Strawberry and SQLModel.

Types are plain `strawberry.type`s that read ORM instances, children come from async resolvers through DataLoaders, each
load has a session of its own, the view and the schema are Strawberry's as they come. It is neither tuned nor crippled,
and it stays as it is. It answers the documents of `bench.reads` on the product's tables, for one known key and
environment; it has no scopes, cursors, limits or masking of errors, which is in its favour.
"""

import os
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.websockets import WebSocket
from strawberry import Info
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader

from app import models
from app.billing.lifecycle import InvoiceStatus, SubscriptionStatus
from app.billing.periods import BillingInterval

KEY = os.environ["BASELINE_KEY"]
ENVIRONMENT = os.environ["BASELINE_ENVIRONMENT"]
engine = create_async_engine(os.environ["BASELINE_DATABASE_URL"])

for members in (InvoiceStatus, SubscriptionStatus, BillingInterval):
    strawberry.enum(members)


def by_id(model: Any) -> DataLoader[str, Any]:
    """Return a loader of instances by their id."""

    async def load(ids: list[str]) -> Sequence[Any]:
        async with AsyncSession(engine) as session:
            statement = select(model).where(model.environment_id == ENVIRONMENT, model.id.in_(ids))
            found = {row.id: row for row in await session.exec(statement)}
        return [found.get(identifier) for identifier in ids]

    return DataLoader(load)


async def load_default_versions(plan_ids: list[str]) -> Sequence[Any]:
    """Return the default version of each plan."""
    async with AsyncSession(engine) as session:
        statement = (
            select(models.PlanVersion)
            .join(models.Plan, col(models.Plan.id) == models.PlanVersion.plan_id)
            .where(
                models.PlanVersion.environment_id == ENVIRONMENT,
                models.Plan.environment_id == ENVIRONMENT,
                models.Plan.default_number == models.PlanVersion.number,
                col(models.PlanVersion.plan_id).in_(plan_ids),
            )
        )
        found = {version.plan_id: version for version in await session.exec(statement)}
    return [found.get(plan_id) for plan_id in plan_ids]


async def load_prices(version_ids: list[str]) -> Sequence[list[models.Price]]:
    """Return the prices of each plan version."""
    links = models.PlanVersionPrice
    found: dict[str, list[models.Price]] = defaultdict(list)
    async with AsyncSession(engine) as session:
        statement = (
            select(models.Price, links.plan_version_id)
            .join(links, col(links.price_id) == models.Price.id)
            .where(
                links.environment_id == ENVIRONMENT,
                models.Price.environment_id == ENVIRONMENT,
                col(links.plan_version_id).in_(version_ids),
            )
            .order_by(col(links.position))
        )
        for price, version_id in await session.exec(statement):
            found[version_id].append(price)
    return [found[version_id] for version_id in version_ids]


async def load_lines(invoice_ids: list[str]) -> Sequence[list[models.InvoiceLine]]:
    """Return the lines of each invoice."""
    line = models.InvoiceLine
    found: dict[str, list[models.InvoiceLine]] = defaultdict(list)
    async with AsyncSession(engine) as session:
        mine = select(line).where(line.environment_id == ENVIRONMENT, col(line.invoice_id).in_(invoice_ids))
        for row in await session.exec(mine.order_by(col(line.position))):
            found[row.invoice_id].append(row)
    return [found[invoice_id] for invoice_id in invoice_ids]


class Loaders:
    """The loaders of a request."""

    def __init__(self) -> None:
        """Begin with nothing loaded."""
        self.customers = by_id(models.Customer)
        self.plans = by_id(models.Plan)
        self.metrics = by_id(models.BillableMetric)
        self.default_versions = DataLoader(load_default_versions)
        self.prices = DataLoader(load_prices)
        self.lines = DataLoader(load_lines)


async def first_rows(model: type[SQLModel], first: int) -> Sequence[Any]:
    """Return the first rows of a table."""
    async with AsyncSession(engine) as session:
        table: Any = model
        mine = select(table).where(table.environment_id == ENVIRONMENT).order_by(table.id).limit(first)
        return (await session.exec(mine)).all()


@strawberry.type
class Money:
    """An amount of money."""

    amount: Decimal
    currency: str


def money(minor: int, currency: str) -> Money:
    """Return minor units of a currency with two decimals as money."""
    return Money(amount=Decimal(minor).scaleb(-2), currency=currency)


@strawberry.type
class BillableMetric:
    """A metric."""

    id: strawberry.ID
    name: str


@strawberry.type
class PriceTarget:
    """What a price is on."""

    @strawberry.field
    async def billable_metric(self, info: Info[Any, None]) -> BillableMetric | None:
        """Load the metric."""
        price: Any = self
        if price.billable_metric_id is None:
            return None
        metric: BillableMetric | None = await info.context["loaders"].metrics.load(price.billable_metric_id)
        return metric


@strawberry.type
class Price:
    """A price."""

    id: strawberry.ID
    invoice_display_name: str

    @strawberry.field
    def target(self) -> PriceTarget:
        """Read the target from the same instance."""
        price: Any = self
        return price  # type: ignore[no-any-return]


@strawberry.type
class PlanVersion:
    """A version of a plan."""

    id: strawberry.ID
    number: int

    @strawberry.field
    async def prices(self, info: Info[Any, None]) -> list[Price]:
        """Load the prices."""
        prices: list[Price] = await info.context["loaders"].prices.load(self.id)
        return prices


@strawberry.type
class Plan:
    """A plan."""

    id: strawberry.ID
    name: str
    billing_interval: BillingInterval

    @strawberry.field
    async def default_version(self, info: Info[Any, None]) -> PlanVersion:
        """Load the version."""
        version: PlanVersion = await info.context["loaders"].default_versions.load(self.id)
        return version


@strawberry.type
class Customer:
    """A customer."""

    id: strawberry.ID
    name: str
    email: str | None


@strawberry.type
class Subscription:
    """A subscription."""

    id: strawberry.ID
    status: SubscriptionStatus
    started_at: datetime
    currency: str
    customer_id: strawberry.Private[str]
    plan_id: strawberry.Private[str]

    @strawberry.field
    async def customer(self, info: Info[Any, None]) -> Customer:
        """Load the customer."""
        customer: Customer = await info.context["loaders"].customers.load(self.customer_id)
        return customer

    @strawberry.field
    async def plan(self, info: Info[Any, None]) -> Plan:
        """Load the plan."""
        plan: Plan = await info.context["loaders"].plans.load(self.plan_id)
        return plan


@strawberry.type
class InvoiceLine:
    """A line of an invoice."""

    id: strawberry.ID
    description: str
    quantity: Decimal
    currency: strawberry.Private[str]
    amount_minor: strawberry.Private[int]

    @strawberry.field
    def amount(self) -> Money:
        """Make money of the columns."""
        return money(self.amount_minor, self.currency)


@strawberry.type
class Invoice:
    """An invoice."""

    id: strawberry.ID
    status: InvoiceStatus
    currency: strawberry.Private[str]
    total_minor: strawberry.Private[int]

    @strawberry.field
    def total(self) -> Money:
        """Make money of the columns."""
        return money(self.total_minor, self.currency)

    @strawberry.field
    async def lines(self, info: Info[Any, None]) -> list[InvoiceLine]:
        """Load the lines."""
        lines: list[InvoiceLine] = await info.context["loaders"].lines.load(self.id)
        return lines


@strawberry.type
class PlanConnection:
    """A page of plans."""

    nodes: list[Plan]


@strawberry.type
class SubscriptionConnection:
    """A page of subscriptions."""

    nodes: list[Subscription]


@strawberry.type
class InvoiceConnection:
    """A page of invoices."""

    nodes: list[Invoice]


@strawberry.type
class Query:
    """The root."""

    @strawberry.field
    async def plans(self, first: int = 20) -> PlanConnection:
        """Load plans."""
        return PlanConnection(nodes=list(await first_rows(models.Plan, first)))

    @strawberry.field
    async def subscriptions(self, first: int = 20) -> SubscriptionConnection:
        """Load subscriptions."""
        return SubscriptionConnection(nodes=list(await first_rows(models.Subscription, first)))

    @strawberry.field
    async def invoices(self, first: int = 20) -> InvoiceConnection:
        """Load invoices."""
        return InvoiceConnection(nodes=list(await first_rows(models.Invoice, first)))


class View(GraphQL[Any, None]):
    """Strawberry's view with a bearer check."""

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Any:
        """Check the key and make the loaders of the request."""
        if request.headers.get("authorization") != f"Bearer {KEY}":
            raise HTTPException(401)
        return {"request": request, "response": response, "loaders": Loaders()}


app = Starlette(routes=[Route("/graphql", View(strawberry.Schema(Query)))])
