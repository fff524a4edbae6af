"""Prices: what a metric or a fee costs."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog import PriceDraft, check_price
from app.billing.catalog.prices import CHARGES, check_target
from app.billing.errors import ErrorCode, Problems
from app.billing.filters import filter_from_json, filter_to_json
from app.billing.price_models import model_from_json, model_to_json
from app.ids import new_id
from app.services.catalog_turn import take_catalog_turn
from app.services.catalog_use import is_price_used
from app.services.lookup import refuse_taken_key, require_open, to_change
from app.services.merchants import get_merchant
from app.services.principal import Principal


async def create_price(session: AsyncSession, principal: Principal, now: datetime, draft: PriceDraft) -> models.Price:
    """Create a price of one metric or one fee, in the merchant's currency unless it names another."""
    await take_catalog_turn(session, principal.environment_id)
    environment_id, problems = principal.environment_id, Problems()
    target = await _require_target(session, problems, environment_id, draft)
    check_price(draft, problems)
    if target is not None:
        check_price_target(draft, target, problems)
    await refuse_taken_key(session, problems, models.Price, environment_id, draft.key)
    problems.raise_if_any()
    assert target is not None
    merchant = await get_merchant(session, principal.merchant_id)
    price = models.Price(
        environment_id=environment_id,
        id=new_id("price"),
        created_at=now,
        product_id=target.product_id,
        billable_metric_id=target.id if draft.billable_metric else None,
        fee_id=target.id if draft.fee else None,
        **_columns(replace(draft, currency=draft.currency or merchant.default_currency)),
    )
    session.add(price)
    await session.flush()
    return price


async def update_price(
    session: AsyncSession, principal: Principal, reference: str, changes: Mapping[str, Any]
) -> models.Price:
    """Change a price's key, and what it charges while no published plan version uses it. Its target stays."""
    await take_catalog_turn(session, principal.environment_id)
    environment_id, problems = principal.environment_id, Problems()
    price = await to_change(session, models.Price, environment_id, reference)
    current = draft_of(price)
    draft = replace(current, **changes)
    check_price(draft, problems)
    check_price_target(draft, await _target_of(session, price), problems)
    await refuse_taken_key(session, problems, models.Price, environment_id, draft.key, price.id)
    changed = [field for name, field in CHARGES.items() if getattr(draft, name) != getattr(current, name)]
    if changed and await is_price_used(session, price):
        for field in changed:
            message = "a published plan version uses this price, so what its invoices say can't change"
            problems.add(ErrorCode.IN_USE, field, message)
    problems.raise_if_any()
    price.sqlmodel_update(_columns(draft))
    await session.flush()
    return price


def check_price_target(draft: PriceDraft, target: models.BillableMetric | models.Fee, problems: Problems) -> None:
    """Note what of a price does not go with the metric or fee that it charges."""
    if isinstance(target, models.BillableMetric):
        check_target(draft, target.aggregation, {item["name"] for item in target.group_by}, problems)
    else:
        check_target(draft, None, (), problems)


async def _target_of(session: AsyncSession, price: models.Price) -> models.BillableMetric | models.Fee:
    if price.billable_metric_id is not None:
        return await session.get_one(models.BillableMetric, (price.environment_id, price.billable_metric_id))
    return await session.get_one(models.Fee, (price.environment_id, price.fee_id))


async def _require_target(
    session: AsyncSession, problems: Problems, environment_id: str, draft: PriceDraft
) -> models.BillableMetric | models.Fee | None:
    if draft.billable_metric is not None:
        field, reference = "target.billableMetricId", draft.billable_metric
        return await require_open(session, problems, field, models.BillableMetric, environment_id, reference)
    return await require_open(session, problems, "target.feeId", models.Fee, environment_id, draft.fee or "")


def _columns(draft: PriceDraft) -> dict[str, Any]:
    return {
        "key": draft.key,
        "invoice_display_name": draft.invoice_display_name,
        "payment_term": draft.payment_term,
        "currency": draft.currency,
        "pricing": model_to_json(draft.model),
        "quantity": draft.quantity,
        "filter": filter_to_json(draft.filter),
        "cadence": draft.cadence,
        "is_obligation": draft.is_obligation,
        "period_minimum": draft.period_minimum,
        "period_maximum": draft.period_maximum,
    }


def draft_of(price: models.Price) -> PriceDraft:
    """Return a price as a draft that would make it, with ids for what it refers to."""
    return PriceDraft(
        key=price.key,
        billable_metric=price.billable_metric_id,
        fee=price.fee_id,
        invoice_display_name=price.invoice_display_name,
        payment_term=price.payment_term,
        currency=price.currency,
        model=model_from_json(price.pricing),
        quantity=price.quantity,
        filter=filter_from_json(price.filter),
        cadence=price.cadence,
        is_obligation=price.is_obligation,
        period_minimum=price.period_minimum,
        period_maximum=price.period_maximum,
    )
