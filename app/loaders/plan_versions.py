"""What belongs to plan versions."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from app import models
from app.db import Sessions
from app.loaders.owner import Owner, owned_by
from app.models import table_of


async def default_version_by_plan(sessions: Sessions, owner: Owner, plan_ids: Sequence[str]) -> list[Row[Any] | None]:
    """Return the version of each plan that new subscriptions get."""
    plans, versions = table_of(models.Plan), table_of(models.PlanVersion)
    same = (plans.c.environment_id == versions.c.environment_id) & (plans.c.id == versions.c.plan_id)
    statement = (
        select(versions)
        .join(plans, same & (plans.c.default_number == versions.c.number))
        .where(owned_by(owner, versions), versions.c.plan_id.in_(plan_ids))
    )
    async with sessions.read() as session:
        found = {row.plan_id: row for row in await session.execute(statement)}
    return [found.get(plan_id) for plan_id in plan_ids]


async def prices_by_plan_version(sessions: Sessions, owner: Owner, version_ids: Sequence[str]) -> list[list[Row[Any]]]:
    """Return the prices of each plan version in the order of its invoices."""
    prices, links = table_of(models.Price), table_of(models.PlanVersionPrice)
    same = (links.c.environment_id == prices.c.environment_id) & (links.c.price_id == prices.c.id)
    statement = (
        select(prices, links.c.plan_version_id)
        .join(links, same)
        .where(owned_by(owner, links), links.c.plan_version_id.in_(version_ids))
        .order_by(links.c.position)
    )
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    async with sessions.read() as session:
        for row in await session.execute(statement):
            found[row.plan_version_id].append(row)
    return [found[version_id] for version_id in version_ids]
