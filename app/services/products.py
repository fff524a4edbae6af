"""Products: what is sold."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog import ProductDraft, check_product
from app.billing.errors import Problems
from app.ids import new_id
from app.services.catalog_turn import take_catalog_turn
from app.services.lookup import refuse_taken_key, to_change
from app.services.principal import Principal


async def create_product(
    session: AsyncSession, principal: Principal, now: datetime, draft: ProductDraft
) -> models.Product:
    """Create a product."""
    await take_catalog_turn(session, principal.environment_id)
    await _check(session, principal.environment_id, draft)
    product = models.Product(
        environment_id=principal.environment_id, id=new_id("prod"), created_at=now, **_columns(draft)
    )
    session.add(product)
    await session.flush()
    return product


async def update_product(
    session: AsyncSession, principal: Principal, reference: str, changes: Mapping[str, Any]
) -> models.Product:
    """Change a product's key, name, description or metadata."""
    await take_catalog_turn(session, principal.environment_id)
    product = await to_change(session, models.Product, principal.environment_id, reference)
    current = ProductDraft(
        key=product.key, name=product.name, description=product.description, metadata=product.details
    )
    draft = replace(current, **changes)
    await _check(session, principal.environment_id, draft, product.id)
    product.sqlmodel_update(_columns(draft))
    await session.flush()
    return product


async def _check(session: AsyncSession, environment_id: str, draft: ProductDraft, own_id: str = "") -> None:
    problems = Problems()
    check_product(draft, problems)
    await refuse_taken_key(session, problems, models.Product, environment_id, draft.key, own_id)
    problems.raise_if_any()


def _columns(draft: ProductDraft) -> dict[str, Any]:
    return {"key": draft.key, "name": draft.name, "description": draft.description, "details": draft.metadata}
