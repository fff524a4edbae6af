"""What a subscription agreed to: the prices of its plan version with what they measure, read set-based."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.aggregation import Aggregation
from app.billing.lifecycle import PaymentTerm
from app.billing.price_models import PriceModel, model_from_json
from app.models import table_of


@dataclass(frozen=True)
class Term:
    """One price as it is billed. `billable_metric_id`, `aggregation` and `unit` are None for a fee."""

    price_id: str
    description: str
    payment_term: PaymentTerm
    currency: str
    model: PriceModel
    quantity: Decimal
    billable_metric_id: str | None
    aggregation: Aggregation | None
    unit: str | None


async def terms_by_version(
    session: AsyncSession, environment_id: str, version_ids: Collection[str]
) -> dict[str, list[Term]]:
    """Return the terms of each plan version in the order of its prices. One statement."""
    links, prices = table_of(models.PlanVersionPrice).c, table_of(models.Price).c
    statement = (
        _priced()
        .add_columns(links.plan_version_id)
        .join(
            models.PlanVersionPrice,
            (links.environment_id == prices.environment_id) & (links.price_id == prices.id),
        )
        .where(links.environment_id == environment_id, links.plan_version_id.in_(version_ids))
        .order_by(links.position)
    )
    terms: dict[str, list[Term]] = defaultdict(list)
    for row in await session.execute(statement):
        terms[row.plan_version_id].append(_term(row))
    return terms


async def terms_by_price(session: AsyncSession, environment_id: str, price_ids: Collection[str]) -> dict[str, Term]:
    """Return the terms of single prices. One statement."""
    prices = table_of(models.Price).c
    statement = _priced().where(prices.environment_id == environment_id, prices.id.in_(price_ids))
    return {row.id: _term(row) for row in await session.execute(statement)}


def _priced() -> Select[Any]:
    prices, metrics = table_of(models.Price).c, table_of(models.BillableMetric).c
    return select(table_of(models.Price), metrics.aggregation, metrics.unit).outerjoin(
        models.BillableMetric,
        (metrics.environment_id == prices.environment_id) & (metrics.id == prices.billable_metric_id),
    )


def _term(row: Row[Any]) -> Term:
    return Term(
        price_id=row.id,
        description=row.invoice_display_name,
        payment_term=row.payment_term,
        currency=row.currency,
        model=model_from_json(row.pricing),
        quantity=Decimal(1) if row.quantity is None else row.quantity,
        billable_metric_id=row.billable_metric_id,
        aggregation=row.aggregation,
        unit=row.unit,
    )
