"""Prices: what a metric or a fee costs."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog import PriceDraft, check_price
from app.billing.errors import ErrorCode, Problems
from app.billing.price_models import model_from_json, model_to_json
from app.ids import new_id
from app.services.lookup import refuse_taken_key, require_open, to_change
from app.services.merchants import get_merchant
from app.services.principal import Principal
from app.services.published import is_published

#: What a price charges, by the names of its draft and of the API.
CHARGES = {
    "invoice_display_name": "invoiceDisplayName",
    "payment_term": "paymentTerm",
    "currency": "currency",
    "model": "model",
    "quantity": "quantity",
}


async def create_price(session: AsyncSession, principal: Principal, now: datetime, draft: PriceDraft) -> models.Price:
    """Create a price of one metric or one fee, in the merchant's currency unless it names another."""
    environment_id, problems = principal.environment_id, Problems()
    target = await _require_target(session, problems, environment_id, draft)
    check_price(draft, problems)
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
    environment_id, problems = principal.environment_id, Problems()
    price = await to_change(session, models.Price, environment_id, reference)
    current = _draft(price)
    draft = replace(current, **changes)
    check_price(draft, problems)
    await refuse_taken_key(session, problems, models.Price, environment_id, draft.key, price.id)
    changed = [field for name, field in CHARGES.items() if getattr(draft, name) != getattr(current, name)]
    if changed and await is_published(session, price):
        for field in changed:
            message = "a published plan version uses this price, so what its invoices say can't change"
            problems.add(ErrorCode.IN_USE, field, message)
    problems.raise_if_any()
    price.sqlmodel_update(_columns(draft))
    await session.flush()
    return price


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
    }


def _draft(price: models.Price) -> PriceDraft:
    return PriceDraft(
        key=price.key,
        billable_metric=price.billable_metric_id,
        fee=price.fee_id,
        invoice_display_name=price.invoice_display_name,
        payment_term=price.payment_term,
        currency=price.currency,
        model=model_from_json(price.pricing),
        quantity=price.quantity,
    )
