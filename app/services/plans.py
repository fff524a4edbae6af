"""Plans: how prices are packaged. How their versions come about is in plan_versions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.anchors import anchor_from_json, anchor_to_json
from app.billing.catalog import PlanDraft, check_plan
from app.billing.catalog.plans import MAX_PRICES, check_in_plan
from app.billing.errors import ErrorCode, Problems
from app.ids import new_id
from app.models import table_of
from app.services.catalog_turn import take_catalog_turn
from app.services.lookup import refuse_taken_key, require_open, to_change
from app.services.merchants import get_merchant
from app.services.plan_features import fitting_features, link_features
from app.services.prices import check_price_target, draft_of
from app.services.principal import Principal


async def create_plan(session: AsyncSession, principal: Principal, now: datetime, draft: PlanDraft) -> models.Plan:
    """Create a plan with version 1, published and default, holding the given prices in the given order."""
    await take_catalog_turn(session, principal.environment_id)
    environment_id, problems = principal.environment_id, Problems()
    product = await require_open(session, problems, "productId", models.Product, environment_id, draft.product)
    check_plan(draft, problems)
    currency = draft.currency or (await get_merchant(session, principal.merchant_id)).default_currency
    prices = await fitting_prices(session, problems, environment_id, draft, product, currency)
    product_id = None if product is None else product.id
    features = await fitting_features(session, problems, environment_id, draft.features, product_id, prices)
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
        billing_anchor=anchor_to_json(draft.billing_anchor),
        tax_behavior=draft.tax_behavior,
        default_number=1,
        **_changeable(draft),
    )
    session.add(plan)
    await session.flush()
    version = await add_version(session, plan, 1, now, prices, published_at=now)
    await link_features(session, version, now, features)
    return plan


async def update_plan(
    session: AsyncSession, principal: Principal, reference: str, changes: Mapping[str, Any]
) -> models.Plan:
    """Change what a plan is called; its interval, currency and prices stay."""
    await take_catalog_turn(session, principal.environment_id)
    environment_id, problems = principal.environment_id, Problems()
    plan = await to_change(session, models.Plan, environment_id, reference)
    draft = replace(draft_of_plan(plan), **changes)
    check_plan(draft, problems)
    await refuse_taken_key(session, problems, models.Plan, environment_id, draft.key, plan.id)
    problems.raise_if_any()
    plan.sqlmodel_update(_changeable(draft))
    await session.flush()
    return plan


async def add_version(
    session: AsyncSession,
    plan: models.Plan,
    number: int,
    now: datetime,
    prices: Sequence[models.Price],
    *,
    published_at: datetime | None,
) -> models.PlanVersion:
    """Add a version of a plan that holds these prices, which must fit it, in this order; None leaves it a draft."""
    owner: dict[str, Any] = {"environment_id": plan.environment_id, "created_at": now}
    version = models.PlanVersion(**owner, id=new_id("pver"), plan_id=plan.id, number=number, published_at=published_at)
    session.add(version)
    await session.flush()
    await link_prices(session, version, now, prices)
    return version


async def link_prices(
    session: AsyncSession, version: models.PlanVersion, now: datetime, prices: Sequence[models.Price]
) -> None:
    """Let a version that has no prices hold these, in this order."""
    owner: dict[str, Any] = {"environment_id": version.environment_id, "created_at": now}
    session.add_all(
        models.PlanVersionPrice(
            **owner, id=new_id("pvp"), plan_version_id=version.id, price_id=price.id, position=position
        )
        for position, price in enumerate(prices)
    )
    await session.flush()


async def default_version(session: AsyncSession, plan: models.Plan) -> models.PlanVersion:
    """Return the version that new subscriptions to a plan get."""
    columns = table_of(models.PlanVersion).c
    mine = (columns.environment_id == plan.environment_id, columns.plan_id == plan.id)
    return (await session.scalars(select(models.PlanVersion).where(*mine, columns.number == plan.default_number))).one()


async def fitting_prices(
    session: AsyncSession,
    problems: Problems,
    environment_id: str,
    draft: PlanDraft,
    product: models.Product | None,
    currency: str,
) -> list[models.Price]:
    """Return the prices, each of which must exist, be of the product, in the currency and fit the plan's others."""
    prices: list[models.Price] = []
    interval = draft.billing_interval
    named = await prices_by_reference(session, environment_id, draft.prices[:MAX_PRICES])
    metrics = await _metrics_of(session, environment_id, named.values())
    for position, reference in enumerate(draft.prices[:MAX_PRICES]):
        field, price = f"priceIds.{position}", named.get(reference)
        if price is None:
            note_absent_price(problems, field)
            continue
        if price.archived_at is not None:
            problems.add(ErrorCode.ARCHIVED, field, f"{field} names a price that is archived")
        if product is not None and price.product_id != product.id:
            problems.add(ErrorCode.PRODUCT_MISMATCH, field, "the price belongs to another product than the plan")
        if price.currency != currency:
            message = f"the price is in {price.currency}, the plan in {currency}"
            problems.add(ErrorCode.CURRENCY_MISMATCH, field, message)
        check_in_plan(draft_of(price), [draft_of(earlier) for earlier in prices], interval, problems, field)
        _check_metric(price, metrics, problems, field)
        prices.append(price)
    return prices


def note_absent_price(problems: Problems, field: str) -> None:
    """Note that a field names no price."""
    problems.add(ErrorCode.NOT_FOUND, field, f"{field} names no price")


async def prices_by_reference(
    session: AsyncSession, environment_id: str, references: Sequence[str]
) -> dict[str, models.Price]:
    """Return the prices that are named by their ids or keys, each under all its names."""
    columns = table_of(models.Price).c
    named = or_(columns.id.in_(references), columns.key.in_(references))
    found = await session.scalars(select(models.Price).where(columns.environment_id == environment_id, named))
    # A key never reads as an id, so a reference is the one or the other.
    return {name: price for price in found for name in (price.id, price.key) if name is not None}


async def _metrics_of(
    session: AsyncSession, environment_id: str, prices: Iterable[models.Price]
) -> dict[str, models.BillableMetric]:
    columns = table_of(models.BillableMetric).c
    ids = {price.billable_metric_id for price in prices if price.billable_metric_id is not None}
    mine = (columns.environment_id == environment_id, columns.id.in_(ids))
    return {metric.id: metric for metric in await session.scalars(select(models.BillableMetric).where(*mine))}


def _check_metric(
    price: models.Price, metrics: Mapping[str, models.BillableMetric], problems: Problems, field: str
) -> None:
    """Note if a price no longer goes with its metric, which could change while no version billed it."""
    metric = metrics.get(price.billable_metric_id or "")
    if metric is None:
        return
    found = Problems()
    check_price_target(draft_of(price), metric, found)
    for error in found.errors:
        problems.add(ErrorCode.INVALID, field, f"the price does not go with its metric: {error.field}: {error.message}")


def draft_of_plan(plan: models.Plan) -> PlanDraft:
    """Return a plan as a draft that would make it, but for its prices."""
    return PlanDraft(
        key=plan.key,
        product=plan.product_id,
        name=plan.name,
        description=plan.description,
        billing_interval=plan.billing_interval,
        currency=plan.currency,
        billing_version=plan.billing_version,
        billing_anchor=anchor_from_json(plan.billing_anchor),
        tax_behavior=plan.tax_behavior,
        prices=("unchanged",),
    )


def _changeable(draft: PlanDraft) -> dict[str, Any]:
    return {"key": draft.key, "name": draft.name, "description": draft.description}
