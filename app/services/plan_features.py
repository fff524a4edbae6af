"""What plan versions give of features."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.features import PlanFeatureDraft, check_kind, check_plan_features
from app.billing.entitlements import EntitlementTerms, terms_from_json, terms_to_json
from app.billing.errors import ErrorCode, Problems
from app.billing.price_models import model_from_json, needs_events
from app.ids import new_id
from app.models import table_of
from app.services.lookup import require_open


class FittingFeature(NamedTuple):
    """What a version of a plan is to give: a feature, the id of the price it comes with, if any, and the terms."""

    feature_id: str
    price_id: str | None
    terms: EntitlementTerms


async def fitting_features(
    session: AsyncSession,
    problems: Problems,
    environment_id: str,
    drafts: Sequence[PlanFeatureDraft],
    product_id: str | None,
    prices: Sequence[models.Price],
) -> list[FittingFeature]:
    """Return what a version that holds some prices is to give, noting all that does not fit it."""
    found = Problems()
    check_plan_features(drafts, found)
    fitting: list[FittingFeature] = []
    for place, draft in enumerate(drafts if not found.errors else ()):
        path = f"features.{place}"
        feature = await require_open(session, found, f"{path}.featureId", models.Feature, environment_id, draft.feature)
        price = _price(draft, prices, found, f"{path}.priceId")
        if feature is None:
            continue
        if product_id is not None and feature.product_id != product_id:
            message = "the feature belongs to another product than the plan"
            found.add(ErrorCode.PRODUCT_MISMATCH, f"{path}.featureId", message)
        check_kind(draft.terms, feature.kind, found, f"{path}.terms")
        metric_id = feature.billable_metric_id
        if any(
            one.billable_metric_id == metric_id and needs_events(model_from_json(one.pricing))
            for one in prices
            if metric_id
        ):
            message = "a price of the metric looks at each event, so no units of it can be covered by grants"
            found.add(ErrorCode.INVALID, f"{path}.featureId", message)
        if metric_id is not None and price is not None and price.billable_metric_id != metric_id:
            found.add(ErrorCode.INVALID, f"{path}.priceId", "the price charges for another metric than the feature's")
        if feature.id in [one.feature_id for one in fitting]:
            found.add(ErrorCode.INVALID, f"{path}.featureId", "The feature is in the list already.")
        fitting.append(FittingFeature(feature.id, None if price is None else price.id, draft.terms))
    for error in found.errors:
        problems.add(error.code, error.field, error.message)
    return fitting


async def check_kept(
    session: AsyncSession,
    problems: Problems,
    environment_id: str,
    features: Sequence[FittingFeature],
    prices: Sequence[models.Price],
) -> None:
    """Note if a price does not go with the features that a version gives without having been asked to."""
    columns = table_of(models.Feature).c
    ids = [one.feature_id for one in features]
    mine = (columns.environment_id == environment_id, columns.id.in_(ids), columns.billable_metric_id.is_not(None))
    metrics = {
        row.billable_metric_id: row.key
        for row in await session.execute(select(columns.billable_metric_id, columns.key).where(*mine))
    }
    for place, price in enumerate(prices):
        if price.billable_metric_id in metrics and needs_events(model_from_json(price.pricing)):
            message = (
                f"the version gives units of {metrics[price.billable_metric_id]}, and this price looks at each event"
            )
            problems.add(ErrorCode.INVALID, f"priceIds.{place}", message)


async def refuse_archived_features(
    session: AsyncSession, problems: Problems, version: models.PlanVersion, field: str
) -> None:
    """Note the archived features of a version: what is offered gives none."""
    features, links = table_of(models.Feature).c, table_of(models.PlanFeature).c
    same = (links.environment_id == features.environment_id) & (links.feature_id == features.id)
    mine = (features.environment_id == version.environment_id, links.plan_version_id == version.id)
    statement = select(features.id).join(models.PlanFeature, same).where(*mine, features.archived_at.is_not(None))
    if archived := list(await session.scalars(statement.order_by(features.id))):
        message = f"it gives {', '.join(archived)}, archived: catalogRestore that first"
        problems.add(ErrorCode.ARCHIVED, field, message)


def _price(
    draft: PlanFeatureDraft, prices: Iterable[models.Price], problems: Problems, path: str
) -> models.Price | None:
    if draft.price is None:
        return None
    price = next((one for one in prices if draft.price in (one.id, one.key)), None)
    if price is None:
        problems.add(ErrorCode.NOT_FOUND, path, "names no price of this version")
    return price


async def features_of_version(session: AsyncSession, environment_id: str, version_id: str) -> list[models.PlanFeature]:
    """Return what a version gives, in its order."""
    columns = table_of(models.PlanFeature).c
    mine = (columns.environment_id == environment_id, columns.plan_version_id == version_id)
    return list(await session.scalars(select(models.PlanFeature).where(*mine).order_by(columns.position)))


async def link_features(
    session: AsyncSession, version: models.PlanVersion, now: datetime, features: Sequence[FittingFeature]
) -> None:
    """Let a version give these features in place of those it gives."""
    for row in await features_of_version(session, version.environment_id, version.id):
        await session.delete(row)
    await session.flush()
    session.add_all(
        models.PlanFeature(
            environment_id=version.environment_id,
            id=new_id("pft"),
            created_at=now,
            plan_version_id=version.id,
            feature_id=one.feature_id,
            price_id=one.price_id,
            position=position,
            terms=terms_to_json(one.terms),
        )
        for position, one in enumerate(features)
    )
    await session.flush()


async def kept_features(
    session: AsyncSession, environment_id: str, version_id: str, prices: Iterable[models.Price]
) -> list[FittingFeature]:
    """Return what a version gives, for another that holds some prices. What came with one it lacks comes by itself."""
    ids = {price.id for price in prices}
    return [
        FittingFeature(row.feature_id, row.price_id if row.price_id in ids else None, terms_from_json(row.terms))
        for row in await features_of_version(session, environment_id, version_id)
    ]
