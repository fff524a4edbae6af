"""Catalog as code: making the catalog that is there the one that a document wants, in one transaction."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog import PlanDraft, PriceDraft
from app.billing.catalog.as_code import SECTIONS, CatalogDraft, CatalogNoun, Draft
from app.billing.catalog.differences import CatalogAction, CatalogChange, compare
from app.billing.catalog.document import check_document, in_document_order
from app.billing.errors import Problems, Refused
from app.models import table_of
from app.services.archiving import archive, restore
from app.services.billable_metrics import create_billable_metric, update_billable_metric
from app.services.catalog_state import CatalogState, load_catalog
from app.services.fees import create_fee, update_fee
from app.services.merchants import get_merchant
from app.services.plans import create_plan, publish_version, update_plan
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
#: What the update of a noun takes, by the names of its draft.
_CHANGEABLE: Mapping[CatalogNoun, Sequence[str]] = {
    CatalogNoun.PRODUCT: ("name", "description", "metadata"),
    CatalogNoun.BILLABLE_METRIC: (
        *("name", "description", "unit"),
        *("event_type", "aggregation", "value_property", "group_by", "event_from"),
    ),
    CatalogNoun.FEE: ("name", "description"),
    CatalogNoun.PRICE: ("invoice_display_name", "payment_term", "currency", "model", "quantity"),
    CatalogNoun.PLAN: ("name", "description"),
}


async def apply_catalog(
    session: AsyncSession, principal: Principal, now: datetime, wanted: CatalogDraft, *, dry_run: bool
) -> list[CatalogChange]:
    """Make the catalog the one that is wanted; return what happened to each object. A second time nothing happens.

    What has a key and is left out is archived; what has no key stays as it is. With `dry_run` everything is done and
    taken back, so that what is shown is what would happen. Raises Refused with all problems, under their paths in the
    input; then nothing was done.
    """
    await _take_turn(session, principal.environment_id)
    state = await load_catalog(session, principal.environment_id)
    merchant = await get_merchant(session, principal.merchant_id)
    wanted = _settled(wanted, state, merchant.default_currency)
    changes = _planned(wanted, state)
    async with session.begin_nested() as savepoint:
        done = await _carry_out(session, principal, now, wanted, changes)
        if dry_run:
            await savepoint.rollback()
    # What a dry run created has no id that could be found again.
    return changes if dry_run else done


async def _take_turn(session: AsyncSession, environment_id: str) -> None:
    """Let one catalog of an environment be applied at a time, without holding up what refers to the environment."""
    mine = select(models.Environment).where(table_of(models.Environment).c.id == environment_id)
    await session.execute(mine.with_for_update(key_share=True))


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


def _planned(wanted: CatalogDraft, state: CatalogState) -> list[CatalogChange]:
    problems = Problems()
    check_document(wanted, state.without_key(), problems)
    changes = compare({noun: state.existing(noun) for noun in CatalogNoun}, wanted, problems)
    if problems.errors:
        ordered = Problems()
        for error in in_document_order(wanted, problems.errors):
            ordered.add(error.code, f"{ROOT}.{error.field}", error.message)
        ordered.raise_if_any()
    return changes


async def _carry_out(
    session: AsyncSession, principal: Principal, now: datetime, wanted: CatalogDraft, changes: Sequence[CatalogChange]
) -> list[CatalogChange]:
    done, problems = [], Problems()
    for change in changes:
        draft = wanted.of(change.noun)[change.place] if change.place >= 0 else None
        try:
            identifier = await _do(session, principal, now, change, draft)
        except Refused as refused:
            _note(change, refused, problems)
        else:
            done.append(replace(change, id=identifier))
    problems.raise_if_any()
    return done


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
    elif action is not CatalogAction.UNTOUCHED:
        values = {name: getattr(draft, name) for name in _CHANGEABLE[noun]}
        await _UPDATE[noun](session, principal, identifier, values)
        if action is CatalogAction.NEW_VERSION:
            assert isinstance(draft, PlanDraft)
            await publish_version(session, principal, now, identifier, draft.prices)
        if action is not CatalogAction.CHANGE:
            await restore(session, principal, identifier)
    return identifier


def _note(change: CatalogChange, refused: Refused, problems: Problems) -> None:
    """Note why an object was refused, under its path; what the document leaves out has that of its section."""
    section = f"{ROOT}.{SECTIONS[change.noun]}"
    for error in refused.errors:
        if change.place < 0:
            problems.add(error.code, section, f'"{change.key}" is left out, which archives it: {error.message}')
        else:
            field = "" if error.field == "id" else f".{error.field}"
            problems.add(error.code, f"{ROOT}.{change.path}{field}", error.message)
