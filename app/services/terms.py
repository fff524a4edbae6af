"""What a subscription agreed to: the prices of its plan version with what they measure, read set-based."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.cadences import interval_of
from app.billing.extraction import GroupBy
from app.billing.filters import Filter, filter_from_json
from app.billing.lifecycle import PaymentTerm
from app.billing.measuring import Metering, MetricRules
from app.billing.periods import BillingInterval
from app.billing.price_models import PriceModel, model_from_json
from app.models import table_of


@dataclass(frozen=True)
class Term:
    """One price as it is billed. `metering` and `unit` are None for a fee; `interval` is None for what is charged once.

    `quantity` is of a fee. Bounds are in major units.
    """

    price_id: str
    description: str
    payment_term: PaymentTerm
    currency: str
    model: PriceModel
    quantity: Decimal
    interval: BillingInterval | None
    is_obligation: bool
    period_minimum: Decimal | None
    period_maximum: Decimal | None
    unit: str | None
    metering: Metering | None


async def terms_by_version(
    session: AsyncSession, environment_id: str, version_ids: Collection[str]
) -> dict[str, list[Term]]:
    """Return the terms of each plan version in the order of its prices. One statement."""
    links, prices = table_of(models.PlanVersionPrice).c, table_of(models.Price).c
    versions, plans = table_of(models.PlanVersion).c, table_of(models.Plan).c
    statement = (
        _priced()
        .add_columns(links.plan_version_id, plans.billing_interval)
        .join(
            models.PlanVersionPrice,
            (links.environment_id == prices.environment_id) & (links.price_id == prices.id),
        )
        .join(
            models.PlanVersion,
            (versions.environment_id == links.environment_id) & (versions.id == links.plan_version_id),
        )
        .join(models.Plan, (plans.environment_id == versions.environment_id) & (plans.id == versions.plan_id))
        .where(links.environment_id == environment_id, links.plan_version_id.in_(version_ids))
        .order_by(links.position)
    )
    terms: dict[str, list[Term]] = defaultdict(list)
    for row in await session.execute(statement):
        terms[row.plan_version_id].append(_term(row, row.billing_interval))
    return {version_id: _beside_each_other(listed) for version_id, listed in terms.items()}


async def terms_of_prices(
    session: AsyncSession, environment_id: str, price_ids: Collection[str], interval: BillingInterval
) -> list[Term]:
    """Return the terms of some prices as a plan of an interval would have them, in the order of the ids."""
    prices = table_of(models.Price).c
    statement = _priced().where(prices.environment_id == environment_id, prices.id.in_(price_ids))
    found = {row.id: _term(row, interval) for row in await session.execute(statement)}
    return _beside_each_other([found[price_id] for price_id in price_ids])


def _beside_each_other(terms: list[Term]) -> list[Term]:
    """Tell each metered term the filters of the other prices of its metric, as one without takes what they leave."""
    filters: dict[str, list[Filter]] = defaultdict(list)
    for term in terms:
        if term.metering is not None and term.metering.filter:
            filters[term.metering.metric.id].append(term.metering.filter)
    return [term if term.metering is None else _among(term, term.metering, filters) for term in terms]


def _among(term: Term, metering: Metering, filters: dict[str, list[Filter]]) -> Term:
    if metering.filter:
        return term
    return replace(term, metering=replace(metering, others=tuple(filters[metering.metric.id])))


def _priced() -> Select[Any]:
    prices, metrics = table_of(models.Price).c, table_of(models.BillableMetric).c
    measured = ("event_type", "aggregation", "value_property", "group_by", "event_from", "unit")
    return select(table_of(models.Price), *(metrics[name] for name in measured)).outerjoin(
        models.BillableMetric,
        (metrics.environment_id == prices.environment_id) & (metrics.id == prices.billable_metric_id),
    )


def _term(row: Row[Any], interval: BillingInterval) -> Term:
    return Term(
        price_id=row.id,
        description=row.invoice_display_name,
        payment_term=row.payment_term,
        currency=row.currency,
        model=model_from_json(row.pricing),
        quantity=Decimal(1) if row.quantity is None else row.quantity,
        interval=interval_of(row.cadence, interval),
        is_obligation=row.is_obligation,
        period_minimum=row.period_minimum,
        period_maximum=row.period_maximum,
        unit=row.unit,
        metering=None if row.billable_metric_id is None else _metering(row),
    )


def _metering(row: Row[Any]) -> Metering:
    metric = MetricRules(
        id=row.billable_metric_id,
        event_type=row.event_type,
        aggregation=row.aggregation,
        value_property=row.value_property,
        group_by=tuple(GroupBy(**item) for item in row.group_by),
        event_from=row.event_from,
    )
    return Metering(metric, filter_from_json(row.filter))
