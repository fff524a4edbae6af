"""Billable metrics: how usage is measured."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog import BillableMetricDraft, check_billable_metric
from app.billing.catalog.metrics import MEASURES
from app.billing.errors import ErrorCode, Problems
from app.billing.extraction import GroupBy
from app.ids import new_id
from app.metering.jobs import schedule_job
from app.models import UsageJobKind
from app.services.catalog_turn import take_catalog_turn
from app.services.catalog_use import is_metric_used
from app.services.lookup import refuse_taken_key, require_open, to_change
from app.services.principal import Principal


async def create_billable_metric(
    session: AsyncSession, principal: Principal, now: datetime, draft: BillableMetricDraft
) -> models.BillableMetric:
    """Create a metric of a product. It counts stored events too, from `event_from` on."""
    await take_catalog_turn(session, principal.environment_id)
    environment_id, problems = principal.environment_id, Problems()
    product = await require_open(session, problems, "productId", models.Product, environment_id, draft.product)
    check_billable_metric(draft, problems)
    await refuse_taken_key(session, problems, models.BillableMetric, environment_id, draft.key)
    problems.raise_if_any()
    assert product is not None
    metric = models.BillableMetric(
        environment_id=environment_id,
        id=new_id("bm"),
        created_at=now,
        product_id=product.id,
        **_columns(draft),
    )
    session.add(metric)
    await session.flush()
    await schedule_job(session, environment_id, UsageJobKind.METRIC, metric.id, now)
    return metric


async def update_billable_metric(
    session: AsyncSession, principal: Principal, reference: str, changes: Mapping[str, Any]
) -> models.BillableMetric:
    """Change a metric. What it measures stays once it is used: invoices and receipts are made of it."""
    await take_catalog_turn(session, principal.environment_id)
    environment_id, problems = principal.environment_id, Problems()
    metric = await to_change(session, models.BillableMetric, environment_id, reference)
    current = _draft(metric)
    draft = replace(current, **changes)
    check_billable_metric(draft, problems)
    await refuse_taken_key(session, problems, models.BillableMetric, environment_id, draft.key, metric.id)
    changed = [field for name, field in MEASURES.items() if getattr(draft, name) != getattr(current, name)]
    if changed and await is_metric_used(session, metric):
        for field in changed:
            message = "events are there for this metric, or a plan bills it, so what it measures can't change"
            problems.add(ErrorCode.IN_USE, field, message)
    problems.raise_if_any()
    metric.sqlmodel_update(_columns(draft))
    await session.flush()
    if changed:
        await schedule_job(session, environment_id, UsageJobKind.METRIC, metric.id, session.info["at"])
    return metric


def _draft(metric: models.BillableMetric) -> BillableMetricDraft:
    return BillableMetricDraft(
        key=metric.key,
        product=metric.product_id,
        name=metric.name,
        description=metric.description,
        unit=metric.unit,
        event_type=metric.event_type,
        aggregation=metric.aggregation,
        value_property=metric.value_property,
        group_by=tuple(GroupBy(**item) for item in metric.group_by),
        event_from=metric.event_from,
    )


def _columns(draft: BillableMetricDraft) -> dict[str, Any]:
    return {
        "key": draft.key,
        "name": draft.name,
        "description": draft.description,
        "unit": draft.unit,
        "event_type": draft.event_type,
        "aggregation": draft.aggregation,
        "value_property": draft.value_property,
        "group_by": [{"name": item.name, "path": item.path} for item in draft.group_by],
        "event_from": draft.event_from,
    }
