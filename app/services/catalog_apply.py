"""Catalog as code: making the catalog that is there the one that a document wants, in one transaction."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.catalog import PlanDraft, PriceDraft
from app.billing.catalog.as_code import SECTIONS, CatalogDraft, CatalogNoun, Draft
from app.billing.catalog.differences import ARCHIVED, CatalogAction, CatalogChange, compare
from app.billing.catalog.document import check_document, in_document_order
from app.billing.errors import Problems, Refused, UserError
from app.services.archiving import archive, restore
from app.services.billable_metrics import create_billable_metric, update_billable_metric
from app.services.catalog_features import FIELD as FEATURES
from app.services.catalog_features import with_features
from app.services.catalog_state import CatalogState, load_catalog
from app.services.catalog_turn import take_catalog_turn
from app.services.fees import create_fee, update_fee
from app.services.merchants import get_merchant
from app.services.plan_versions import publish_version
from app.services.plans import create_plan, update_plan
from app.services.prices import create_price, update_price
from app.services.principal import Principal
from app.services.products import create_product, update_product

#: The way from the input to the document, for the paths of problems.
ROOT = "catalog"

_CREATE: Mapping[CatalogNoun, Callable[..., Awaitable[Any]]] = {
    CatalogNoun.PRODUCT: create_product,
    CatalogNoun.BILLABLE_METRIC: create_billable_metric,
    CatalogNoun.FEE: create_fee,
    CatalogNoun.PRICE: create_price,
    CatalogNoun.PLAN: create_plan,
}
_UPDATE: Mapping[CatalogNoun, Callable[..., Awaitable[Any]]] = {
    CatalogNoun.PRODUCT: update_product,
    CatalogNoun.BILLABLE_METRIC: update_billable_metric,
    CatalogNoun.FEE: update_fee,
    CatalogNoun.PRICE: update_price,
    CatalogNoun.PLAN: update_plan,
}
#: What changes otherwise than by an update: by a new version, by the archive.
_NOT_UPDATED = {"priceIds", FEATURES, ARCHIVED.field}
_CAPITAL = re.compile("([A-Z])")
#: Further problems of a document are not listed.
MAX_PROBLEMS = 1000


async def plan_catalog(session: AsyncSession, principal: Principal, wanted: CatalogDraft) -> list[CatalogChange]:
    """Return what `apply_catalog` would do, or raise what it would; on a session that sees one snapshot."""
    return (await _planned(session, principal, wanted))[1]


async def rehearse_catalog(session: AsyncSession, principal: Principal, now: datetime, wanted: CatalogDraft) -> None:
    """Raise what `apply_catalog` would; what it did is undone.

    What the plans of a document give of features is looked up when they are made, so a plan of it alone misses that.
    """
    async with session.begin_nested() as attempt:
        await apply_catalog(session, principal, now, wanted)
        await attempt.rollback()


async def apply_catalog(
    session: AsyncSession, principal: Principal, now: datetime, wanted: CatalogDraft
) -> list[CatalogChange]:
    """Make the catalog the one that is wanted; return what happened to each object. A second time nothing happens.

    What has a key and is left out is archived; what has no key stays as it is. Raises Refused with all problems, under
    their paths in the input; then nothing was done.
    """
    await take_catalog_turn(session, principal.environment_id)
    wanted, changes = await _planned(session, principal, wanted)
    done = []
    for change in changes:
        draft = None if change.place is None else wanted.of(change.noun)[change.place]
        try:
            identifier = await _do(session, principal, now, change, draft)
        except Refused as refused:
            raise Refused(tuple(_placed(error, change) for error in refused.errors)) from refused
        done.append(replace(change, id=identifier))
    return done


def _placed(error: UserError, change: CatalogChange) -> UserError:
    """Return a problem that was met while a change was made, under the path of its object in the input."""
    path = ".".join([ROOT, SECTIONS[change.noun], *([] if change.place is None else [str(change.place)])])
    return replace(error, field=path if error.field is None or change.place is None else f"{path}.{error.field}")


async def _planned(
    session: AsyncSession, principal: Principal, wanted: CatalogDraft
) -> tuple[CatalogDraft, list[CatalogChange]]:
    state = await load_catalog(session, principal.environment_id)
    merchant = await get_merchant(session, principal.merchant_id)
    wanted = _settled(wanted, state, merchant.default_currency)
    problems = Problems()
    check_document(wanted, state.without_key(), problems)
    changes = compare(state.with_key(), wanted, problems)
    changes = await with_features(session, principal.environment_id, wanted.plans, changes)
    if problems.errors:
        found = in_document_order(wanted, problems.errors)[:MAX_PROBLEMS]
        raise Refused(tuple(replace(error, field=f"{ROOT}.{error.field}") for error in found))
    return wanted, changes


def _settled(wanted: CatalogDraft, state: CatalogState, currency: str) -> CatalogDraft:
    """Return the document with the merchant's currency where it names none, and keys in the place of ids."""

    def named(noun: CatalogNoun, reference: str | None) -> Any:
        return reference and state.reference(noun, reference)

    def priced(draft: PriceDraft) -> PriceDraft:
        metric, fee = named(CatalogNoun.BILLABLE_METRIC, draft.billable_metric), named(CatalogNoun.FEE, draft.fee)
        return replace(draft, billable_metric=metric, fee=fee, currency=draft.currency or currency)

    def packaged(draft: PlanDraft) -> PlanDraft:
        prices = tuple(named(CatalogNoun.PRICE, price) for price in draft.prices)
        product = named(CatalogNoun.PRODUCT, draft.product)
        return replace(draft, product=product, currency=draft.currency or currency, prices=prices)

    product = CatalogNoun.PRODUCT
    metrics = [replace(draft, product=named(product, draft.product)) for draft in wanted.billable_metrics]
    fees = [replace(draft, product=named(product, draft.product)) for draft in wanted.fees]
    prices, plans = [priced(draft) for draft in wanted.prices], [packaged(draft) for draft in wanted.plans]
    return CatalogDraft(products=wanted.products, billable_metrics=metrics, fees=fees, prices=prices, plans=plans)


async def _do(
    session: AsyncSession, principal: Principal, now: datetime, change: CatalogChange, draft: Draft | None
) -> str:
    """Do one change and return the object's id."""
    action, noun, identifier = change.action, change.noun, change.id
    if action is CatalogAction.CREATE:
        return str((await _CREATE[noun](session, principal, now, draft)).id)
    assert identifier is not None
    if action is CatalogAction.ARCHIVE:
        await archive(session, principal, now, identifier)
        return identifier
    names = [_CAPITAL.sub(r"_\1", item.field).lower() for item in change.fields if item.field not in _NOT_UPDATED]
    if names:
        await _UPDATE[noun](session, principal, identifier, {name: getattr(draft, name) for name in names})
    if action is CatalogAction.NEW_VERSION:
        assert isinstance(draft, PlanDraft)
        await publish_version(session, principal, now, identifier, draft.prices, draft.features or None)
    if ARCHIVED in change.fields:
        await restore(session, principal, identifier)
    return identifier
