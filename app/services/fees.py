"""Fees: what is charged without measuring."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog import FeeDraft, check_fee
from app.billing.errors import Problems
from app.ids import new_id
from app.services.lookup import refuse_taken_key, require_open, to_change
from app.services.principal import Principal


async def create_fee(session: AsyncSession, principal: Principal, now: datetime, draft: FeeDraft) -> models.Fee:
    """Create a fee of a product."""
    environment_id, problems = principal.environment_id, Problems()
    product = await require_open(session, problems, "productId", models.Product, environment_id, draft.product)
    check_fee(draft, problems)
    await refuse_taken_key(session, problems, models.Fee, environment_id, draft.key)
    problems.raise_if_any()
    assert product is not None
    fee = models.Fee(
        environment_id=environment_id, id=new_id("fee"), created_at=now, product_id=product.id, **_columns(draft)
    )
    session.add(fee)
    await session.flush()
    return fee


async def update_fee(
    session: AsyncSession, principal: Principal, reference: str, changes: Mapping[str, Any]
) -> models.Fee:
    """Change what a fee is called."""
    environment_id, problems = principal.environment_id, Problems()
    fee = await to_change(session, models.Fee, environment_id, reference)
    current = FeeDraft(key=fee.key, product=fee.product_id, name=fee.name, description=fee.description)
    draft = replace(current, **changes)
    check_fee(draft, problems)
    await refuse_taken_key(session, problems, models.Fee, environment_id, draft.key, fee.id)
    problems.raise_if_any()
    fee.sqlmodel_update(_columns(draft))
    await session.flush()
    return fee


def _columns(draft: FeeDraft) -> dict[str, Any]:
    return {"key": draft.key, "name": draft.name, "description": draft.description}
