"""Archiving catalog objects: they stay with those who use them and take nothing new.

What is not archived refers to nothing that is, so the catalog that is offered is whole.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.errors import ErrorCode, Refused, UserError
from app.ids import prefix_of
from app.models import table_of
from app.models.row import CatalogRow
from app.services.catalog_turn import take_catalog_turn
from app.services.lookup import to_change
from app.services.principal import Principal

CATALOG: Mapping[str, type[CatalogRow]] = {
    "prod": models.Product,
    "bm": models.BillableMetric,
    "fee": models.Fee,
    "feat": models.Feature,
    "price": models.Price,
    "plan": models.Plan,
}
#: Which nouns refer to one, and by which column.
_USERS: Mapping[type[CatalogRow], tuple[tuple[type[CatalogRow], str], ...]] = {
    models.Product: (
        (models.BillableMetric, "product_id"),
        (models.Fee, "product_id"),
        (models.Feature, "product_id"),
        (models.Price, "product_id"),
        (models.Plan, "product_id"),
    ),
    models.BillableMetric: ((models.Price, "billable_metric_id"), (models.Feature, "billable_metric_id")),
    models.Fee: ((models.Price, "fee_id"),),
}
_NAMED = 10


async def archive(session: AsyncSession, principal: Principal, now: datetime, identifier: str) -> CatalogRow:
    """Archive a catalog object by its id; one that is archived already stays as it is.

    IN_USE, with the users' ids, while something that is not archived refers to it.
    """
    row = await _to_change(session, principal, identifier)
    users = await _users(session, row)
    if users:
        named = ", ".join(users[:_NAMED]) + (", …" if len(users) > _NAMED else "")
        raise Refused((UserError(ErrorCode.IN_USE, "id", f"it is used by {named}: archive that first"),))
    row.archived_at = row.archived_at or now
    await session.flush()
    return row


async def restore(session: AsyncSession, principal: Principal, identifier: str) -> CatalogRow:
    """Take a catalog object back from the archive. ARCHIVED, with the ids, where what it refers to is still there."""
    row = await _to_change(session, principal, identifier)
    archived = await _archived_needs(session, row)
    if archived:
        message = f"it needs {', '.join(archived[:_NAMED])}, archived too: restore that first"
        raise Refused((UserError(ErrorCode.ARCHIVED, "id", message),))
    row.archived_at = None
    await session.flush()
    return row


async def _to_change(session: AsyncSession, principal: Principal, identifier: str) -> CatalogRow:
    model = CATALOG.get(prefix_of(identifier) or "")
    if model is None:
        message = "id names nothing of the catalog; keys of different nouns may be the same, so give the id"
        raise Refused((UserError(ErrorCode.NOT_FOUND, "id", message),))
    await take_catalog_turn(session, principal.environment_id)
    return await to_change(session, model, principal.environment_id, identifier)


async def _users(session: AsyncSession, row: CatalogRow) -> list[str]:
    """Return the ids of what refers to a row and is not archived."""
    found: list[str] = []
    for model, column in _USERS.get(type(row), ()):
        columns = table_of(model).c
        mine = (columns.environment_id == row.environment_id, columns[column] == row.id, columns.archived_at.is_(None))
        found += await session.scalars(select(columns.id).where(*mine).order_by(columns.id).limit(_NAMED + 1))
    if isinstance(row, models.Price | models.Feature):
        of_price = isinstance(row, models.Price)
        plans = table_of(models.Plan).c
        links = table_of(models.PlanVersionPrice if of_price else models.PlanFeature).c
        is_linked = (links.price_id if of_price else links.feature_id) == row.id
        offered = select(plans.id).where(plans.environment_id == row.environment_id, is_linked)
        offered = offered.where(plans.archived_at.is_(None), *_offers(plans, links)).order_by(plans.id)
        found += await session.scalars(offered.limit(_NAMED + 1))
    return found


async def _archived_needs(session: AsyncSession, row: CatalogRow) -> list[str]:
    """Return the ids of what a row refers to and is archived."""
    found: list[str] = []
    for model in (models.Product, models.BillableMetric, models.Fee):
        needed = getattr(row, f"{table_of(model).name}_id", None)
        if needed is None:
            continue
        columns = table_of(model).c
        mine = (columns.environment_id == row.environment_id, columns.id == needed)
        found += await session.scalars(select(columns.id).where(*mine, columns.archived_at.is_not(None)))
    if isinstance(row, models.Plan):
        plans = table_of(models.Plan).c
        linked = ((models.Price, models.PlanVersionPrice), (models.Feature, models.PlanFeature))
        for item, link in linked:
            items, links = table_of(item).c, table_of(link).c
            same = and_(items.environment_id == links.environment_id, items.id == links[f"{table_of(item).name}_id"])
            offered = select(items.id).where(plans.environment_id == row.environment_id, plans.id == row.id)
            offered = offered.where(same, *_offers(plans, links))
            found += await session.scalars(offered.where(items.archived_at.is_not(None)).order_by(items.id))
    return found


def _offers(plans: Any, links: Any) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that the default version of a plan contains what is linked."""
    versions = table_of(models.PlanVersion).c
    return (
        versions.environment_id == plans.environment_id,
        versions.plan_id == plans.id,
        versions.number == plans.default_number,
        links.environment_id == versions.environment_id,
        links.plan_version_id == versions.id,
    )
