"""What a document says that plans which are there already give of features."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog import PlanDraft
from app.billing.catalog.as_code import CatalogNoun
from app.billing.catalog.differences import CatalogAction, CatalogChange, FieldChange
from app.billing.catalog.features import PlanFeatureDraft
from app.billing.entitlements import EntitlementTerms, StaticTerms, terms_from_json, terms_to_json
from app.models import table_of

FIELD = "features"


async def with_features(
    session: AsyncSession, environment_id: str, plans: Sequence[PlanDraft], changes: Sequence[CatalogChange]
) -> list[CatalogChange]:
    """Return changes in which plans that are to give other features than they do get a new version.

    A plan of the document that names no features keeps those it has. One statement, if any plan names some.
    """
    asked = {
        change.id: plans[change.place]
        for change in changes
        if change.noun is CatalogNoun.PLAN and change.id is not None and change.place is not None
    }
    asked = {plan_id: draft for plan_id, draft in asked.items() if draft.features}
    given = await _given(session, environment_id, asked) if asked else {}
    return [
        _with_features(change, given[change.id], asked[change.id].features)
        if change.noun is CatalogNoun.PLAN and change.id in asked
        else change
        for change in changes
    ]


def _with_features(
    change: CatalogChange, before: Sequence[Row[Any]], after: Sequence[PlanFeatureDraft]
) -> CatalogChange:
    if len(before) == len(after) and all(any(_is(row, draft) for row in before) for draft in after):
        return change
    shown = FieldChange(
        field=FIELD,
        before=[
            _item(row.key or row.feature_id, row.price_key or row.price_id, terms_from_json(row.terms))
            for row in before
        ],
        after=[_item(one.feature, one.price, one.terms) for one in after],
    )
    return replace(change, action=CatalogAction.NEW_VERSION, fields=(*change.fields, shown))


def _is(row: Row[Any], draft: PlanFeatureDraft) -> bool:
    terms: EntitlementTerms = terms_from_json(row.terms)
    same_price = row.price_id is None if draft.price is None else draft.price in (row.price_id, row.price_key)
    return draft.feature in (row.feature_id, row.key) and same_price and terms == draft.terms


def _item(feature: str, price: str | None, terms: EntitlementTerms) -> dict[str, Any]:
    if isinstance(terms, StaticTerms):
        return {"featureId": feature, "priceId": price, "terms": {"kind": terms.kind.value, "value": terms.value}}
    return {"featureId": feature, "priceId": price, "terms": terms_to_json(terms)}


async def _given(
    session: AsyncSession, environment_id: str, plan_ids: Collection[str]
) -> defaultdict[str, list[Row[Any]]]:
    """Return what the default versions of plans give, by plan, in its order."""
    tables = (models.Plan, models.PlanVersion, models.PlanFeature, models.Feature, models.Price)
    plans, versions, links, features, prices = (table_of(model).c for model in tables)
    default = (versions.environment_id == plans.environment_id) & (versions.plan_id == plans.id)
    default &= versions.number == plans.default_number
    linked = (links.environment_id == versions.environment_id) & (links.plan_version_id == versions.id)
    named = (features.environment_id == links.environment_id) & (features.id == links.feature_id)
    priced = (prices.environment_id == links.environment_id) & (prices.id == links.price_id)
    statement = (
        select(plans.id, links.feature_id, features.key, links.price_id, prices.key.label("price_key"), links.terms)
        .join(models.PlanVersion, default)
        .join(models.PlanFeature, linked)
        .join(models.Feature, named)
        .outerjoin(models.Price, priced)
        .where(plans.environment_id == environment_id, plans.id.in_(plan_ids))
    )
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    rows: Sequence[Any] = (await session.execute(statement.order_by(plans.id, links.position))).all()
    for row in rows:
        found[row.id].append(row)
    return found
