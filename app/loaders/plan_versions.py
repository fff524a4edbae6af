"""What belongs to plan versions."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, select

from app import models
from app.db import Sessions
from app.loaders.owner import ANY_KEYS, Owner, owned_by, owned_rows
from app.models import table_of


async def default_version_by_plan(sessions: Sessions, owner: Owner, plan_ids: Sequence[str]) -> list[Row[Any] | None]:
    """Return the version of each plan that new subscriptions get."""
    found = {row.plan_id: row for row in await owned_rows(sessions, owner, _default_versions, plan_ids)}
    return [found.get(plan_id) for plan_id in plan_ids]


@cache
def _default_versions(owner: Owner) -> Select[Any]:
    plans, versions = table_of(models.Plan), table_of(models.PlanVersion)
    same = (plans.c.environment_id == versions.c.environment_id) & (plans.c.id == versions.c.plan_id)
    return (
        select(versions)
        .join(plans, same & (plans.c.default_number == versions.c.number))
        .where(owned_by(owner, versions), versions.c.plan_id.in_(ANY_KEYS))
    )


async def prices_by_plan_version(sessions: Sessions, owner: Owner, version_ids: Sequence[str]) -> list[list[Row[Any]]]:
    """Return the prices of each plan version in the order of its invoices."""
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in await owned_rows(sessions, owner, _prices, version_ids):
        found[row.plan_version_id].append(row)
    return [found[version_id] for version_id in version_ids]


@cache
def _prices(owner: Owner) -> Select[Any]:
    prices, links = table_of(models.Price), table_of(models.PlanVersionPrice)
    same = (links.c.environment_id == prices.c.environment_id) & (links.c.price_id == prices.c.id)
    return (
        select(prices, links.c.plan_version_id)
        .join(links, same)
        .where(owned_by(owner, links, linked=True), links.c.plan_version_id.in_(ANY_KEYS))
        .order_by(links.c.plan_version_id, links.c.position)
    )


async def features_by_plan_version(
    sessions: Sessions, owner: Owner, version_ids: Sequence[str]
) -> list[list[Row[Any]]]:
    """Return what each plan version gives of features, in its order."""
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in await owned_rows(sessions, owner, _features, version_ids):
        found[row.plan_version_id].append(row)
    return [found[version_id] for version_id in version_ids]


@cache
def _features(owner: Owner) -> Select[Any]:
    table = table_of(models.PlanFeature)
    mine = select(table).where(owned_by(owner, table, linked=True), table.c.plan_version_id.in_(ANY_KEYS))
    return mine.order_by(table.c.plan_version_id, table.c.position)
