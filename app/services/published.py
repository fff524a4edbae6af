"""What published plan versions use: it can't change any more, as invoices are made of it."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.models import table_of

_links = table_of(models.PlanVersionPrice)
_versions = table_of(models.PlanVersion).c
_prices = table_of(models.Price)


async def published_prices(session: AsyncSession, environment_id: str) -> set[str]:
    """Return the ids of all prices that a published plan version contains."""
    return set(await session.scalars(_published(environment_id)))


async def published_metrics(session: AsyncSession, environment_id: str) -> set[str]:
    """Return the ids of all metrics that a price of a published plan version charges for."""
    return set(await session.scalars(_priced(environment_id)))


async def is_published(session: AsyncSession, price: models.Price) -> bool:
    """Tell whether a published plan version contains a price."""
    mine = _published(price.environment_id).where(_links.c.price_id == price.id)
    return await session.scalar(mine.limit(1)) is not None


async def is_billed(session: AsyncSession, metric: models.BillableMetric) -> bool:
    """Tell whether a price of a published plan version charges for a metric."""
    mine = _priced(metric.environment_id).where(_prices.c.billable_metric_id == metric.id)
    return await session.scalar(mine.limit(1)) is not None


def _published(environment_id: str) -> Select[Any]:
    same = (_versions.environment_id == _links.c.environment_id) & (_versions.id == _links.c.plan_version_id)
    published = select(_links.c.price_id).join(table_of(models.PlanVersion), same)
    return published.where(_links.c.environment_id == environment_id, _versions.published_at.is_not(None)).distinct()


def _priced(environment_id: str) -> Select[Any]:
    contained = _published(environment_id)
    return (
        select(_prices.c.billable_metric_id)
        .where(_prices.c.environment_id == environment_id, _prices.c.id.in_(contained))
        .where(_prices.c.billable_metric_id.is_not(None))
        .distinct()
    )
