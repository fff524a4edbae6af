"""Features: what plans give access to."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.features import FeatureDraft, check_burnable, check_feature
from app.billing.entitlements import FeatureKind
from app.billing.errors import ErrorCode, Problems
from app.ids import new_id
from app.models import table_of
from app.services.catalog_turn import take_catalog_turn
from app.services.lookup import refuse_taken_key, require_open, to_change
from app.services.principal import Principal


async def create_feature(
    session: AsyncSession, principal: Principal, now: datetime, draft: FeatureDraft
) -> models.Feature:
    """Create a feature of a product. The units of a metric belong to one metered feature alone."""
    await take_catalog_turn(session, principal.environment_id)
    environment_id, problems = principal.environment_id, Problems()
    product = await require_open(session, problems, "productId", models.Product, environment_id, draft.product)
    check_feature(draft, problems)
    await refuse_taken_key(session, problems, models.Feature, environment_id, draft.key)
    metric = None
    if draft.kind is FeatureKind.METERED and draft.billable_metric is not None:
        metric = await _metric(session, problems, environment_id, product, draft.billable_metric)
    problems.raise_if_any()
    assert product is not None
    feature = models.Feature(
        environment_id=environment_id,
        id=new_id("feat"),
        created_at=now,
        product_id=product.id,
        kind=draft.kind,
        billable_metric_id=None if metric is None else metric.id,
        **_changeable(draft),
    )
    session.add(feature)
    await session.flush()
    return feature


async def update_feature(
    session: AsyncSession, principal: Principal, reference: str, changes: Mapping[str, Any]
) -> models.Feature:
    """Change what a feature is called; its kind and its metric stay."""
    await take_catalog_turn(session, principal.environment_id)
    environment_id, problems = principal.environment_id, Problems()
    feature = await to_change(session, models.Feature, environment_id, reference)
    draft = replace(_draft(feature), **changes)
    check_feature(draft, problems)
    await refuse_taken_key(session, problems, models.Feature, environment_id, draft.key, feature.id)
    problems.raise_if_any()
    feature.sqlmodel_update(_changeable(draft))
    await session.flush()
    return feature


async def _metric(
    session: AsyncSession, problems: Problems, environment_id: str, product: models.Product | None, reference: str
) -> models.BillableMetric | None:
    field = "billableMetricId"
    metric = await require_open(session, problems, field, models.BillableMetric, environment_id, reference)
    if metric is None:
        return None
    check_burnable(metric.aggregation, problems)
    if product is not None and metric.product_id != product.id:
        problems.add(ErrorCode.PRODUCT_MISMATCH, field, "the metric belongs to another product than the feature")
    features = table_of(models.Feature).c
    mine = (features.environment_id == environment_id, features.billable_metric_id == metric.id)
    other = await session.scalar(select(features.id).where(*mine))
    if other is not None:
        problems.add(ErrorCode.TAKEN, field, f"the units of the metric belong to the feature {other}")
    return metric


def _draft(feature: models.Feature) -> FeatureDraft:
    assert feature.key is not None, "a feature has a key"
    return FeatureDraft(
        key=feature.key,
        product=feature.product_id,
        name=feature.name,
        description=feature.description,
        kind=feature.kind,
        billable_metric=feature.billable_metric_id,
        metadata=feature.details,
    )


def _changeable(draft: FeatureDraft) -> dict[str, Any]:
    return {"key": draft.key, "name": draft.name, "description": draft.description, "details": draft.metadata}
