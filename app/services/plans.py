"""Plans and their versions: how prices are packaged."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog import PlanDraft, check_plan
from app.billing.errors import ErrorCode, Problems
from app.ids import new_id
from app.models import table_of
from app.services.lookup import find, refuse_taken_key, require_open, to_change
from app.services.merchants import get_merchant
from app.services.principal import Principal


async def create_plan(session: AsyncSession, principal: Principal, now: datetime, draft: PlanDraft) -> models.Plan:
    """Create a plan with version 1, published and default, holding the given prices in the given order."""
    environment_id, problems = principal.environment_id, Problems()
    product = await require_open(session, problems, "productId", models.Product, environment_id, draft.product)
    check_plan(draft, problems)
    currency = draft.currency or (await get_merchant(session, principal.merchant_id)).default_currency
    prices = await _fitting_prices(session, problems, environment_id, draft, product, currency)
    await refuse_taken_key(session, problems, models.Plan, environment_id, draft.key)
    problems.raise_if_any()
    assert product is not None
    plan = models.Plan(
        environment_id=environment_id,
        id=new_id("plan"),
        created_at=now,
        product_id=product.id,
        billing_interval=draft.billing_interval,
        currency=currency,
        billing_version=draft.billing_version,
        default_number=1,
        **_changeable(draft),
    )
    session.add(plan)
    await session.flush()
    await _add_version(session, plan, 1, now, prices)
    return plan


async def publish_version(
    session: AsyncSession, principal: Principal, now: datetime, reference: str, prices: Sequence[str]
) -> models.PlanVersion:
    """Publish a version of a plan with these prices, each by id or key, in this order, and make it the default.

    New subscriptions get it; those that are there keep theirs.
    """
    environment_id, problems = principal.environment_id, Problems()
    plan = await to_change(session, models.Plan, environment_id, reference)
    product = await find(session, models.Product, environment_id, plan.product_id)
    draft = replace(_draft(plan), prices=tuple(prices))
    check_plan(draft, problems)
    rows = await _fitting_prices(session, problems, environment_id, draft, product, plan.currency)
    problems.raise_if_any()
    columns = table_of(models.PlanVersion).c
    mine = (columns.environment_id == environment_id, columns.plan_id == plan.id)
    latest = await session.scalar(select(func.max(columns.number)).where(*mine))
    version = await _add_version(session, plan, (latest or 0) + 1, now, rows)
    plan.default_number = version.number
    await session.flush()
    return version


async def update_plan(
    session: AsyncSession, principal: Principal, reference: str, changes: Mapping[str, Any]
) -> models.Plan:
    """Change what a plan is called; its interval, currency and prices stay."""
    environment_id, problems = principal.environment_id, Problems()
    plan = await to_change(session, models.Plan, environment_id, reference)
    draft = replace(_draft(plan), **changes)
    check_plan(draft, problems)
    await refuse_taken_key(session, problems, models.Plan, environment_id, draft.key, plan.id)
    problems.raise_if_any()
    plan.sqlmodel_update(_changeable(draft))
    await session.flush()
    return plan


async def _add_version(
    session: AsyncSession, plan: models.Plan, number: int, now: datetime, prices: Sequence[models.Price]
) -> models.PlanVersion:
    owner: dict[str, Any] = {"environment_id": plan.environment_id, "created_at": now}
    version = models.PlanVersion(**owner, id=new_id("pver"), plan_id=plan.id, number=number, published_at=now)
    session.add(version)
    await session.flush()
    session.add_all(
        models.PlanVersionPrice(
            **owner, id=new_id("pvp"), plan_version_id=version.id, price_id=price.id, position=position
        )
        for position, price in enumerate(prices)
    )
    await session.flush()
    return version


async def _fitting_prices(
    session: AsyncSession,
    problems: Problems,
    environment_id: str,
    draft: PlanDraft,
    product: models.Product | None,
    currency: str,
) -> list[models.Price]:
    """Return the prices, each of which must exist, be of the product, in the currency and alone on its target."""
    prices: list[models.Price] = []
    for position, reference in enumerate(draft.prices):
        field = f"priceIds.{position}"
        price = await require_open(session, problems, field, models.Price, environment_id, reference)
        if price is None:
            continue
        if product is not None and price.product_id != product.id:
            problems.add(ErrorCode.PRODUCT_MISMATCH, field, "the price belongs to another product than the plan")
        if price.currency != currency:
            message = f"the price is in {price.currency}, the plan in {currency}"
            problems.add(ErrorCode.CURRENCY_MISMATCH, field, message)
        if any(_same_target(price, earlier) for earlier in prices):
            message = "another price of this plan has the same metric or fee already, so it would be charged twice"
            problems.add(ErrorCode.INVALID, field, message)
        prices.append(price)
    return prices


def _same_target(one: models.Price, other: models.Price) -> bool:
    return (one.billable_metric_id, one.fee_id) == (other.billable_metric_id, other.fee_id)


def _draft(plan: models.Plan) -> PlanDraft:
    return PlanDraft(
        key=plan.key,
        product=plan.product_id,
        name=plan.name,
        description=plan.description,
        billing_interval=plan.billing_interval,
        currency=plan.currency,
        billing_version=plan.billing_version,
        prices=("unchanged",),
    )


def _changeable(draft: PlanDraft) -> dict[str, Any]:
    return {"key": draft.key, "name": draft.name, "description": draft.description}
