"""What of the catalog is in use: it can't change any more, as invoices and receipts are made of it."""

from typing import Any

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.models import table_of

_links = table_of(models.PlanVersionPrice).c
_versions = table_of(models.PlanVersion).c
_prices = table_of(models.Price).c
_metrics = table_of(models.BillableMetric).c
_events = table_of(models.MeterEvent).c


async def used_prices(session: AsyncSession, environment_id: str) -> set[str]:
    """Return the ids of all prices that a published plan version contains."""
    return set(await session.scalars(_used_prices(environment_id)))


async def used_metrics(session: AsyncSession, environment_id: str) -> set[str]:
    """Return the ids of all metrics that a published plan version bills, or that events are there for."""
    return set(await session.scalars(_used_metrics(environment_id)))


async def is_price_used(session: AsyncSession, price: models.Price) -> bool:
    """Tell whether a published plan version contains a price."""
    return await session.scalar(_used_prices(price.environment_id).where(_prices.id == price.id)) is not None


async def is_metric_used(session: AsyncSession, metric: models.BillableMetric) -> bool:
    """Tell whether a published plan version bills a metric, or events are there for it."""
    return await session.scalar(_used_metrics(metric.environment_id).where(_metrics.id == metric.id)) is not None


def _used_prices(environment_id: str) -> Select[Any]:
    return select(_prices.id).where(_prices.environment_id == environment_id, _is_published())


def _used_metrics(environment_id: str) -> Select[Any]:
    mine = (_prices.environment_id == _metrics.environment_id, _prices.billable_metric_id == _metrics.id)
    billed = exists().where(*mine, _is_published())
    counted = exists().where(_events.environment_id == _metrics.environment_id, _events.type == _metrics.event_type)
    return select(_metrics.id).where(_metrics.environment_id == environment_id, or_(billed, counted))


def _is_published() -> ColumnElement[bool]:
    """Return the condition that a published version contains the price of the statement around it."""
    return exists().where(
        _links.environment_id == _prices.environment_id,
        _links.price_id == _prices.id,
        _versions.environment_id == _links.environment_id,
        _versions.id == _links.plan_version_id,
        _versions.published_at.is_not(None),
    )
