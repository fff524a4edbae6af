"""Plan versions: drafts, which change and go, and published ones, of which each can be a plan's default."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog import check_plan
from app.billing.catalog.features import PlanFeatureDraft
from app.billing.catalog.plans import MAX_PRICES, PlanVersionDraft, PublicationDraft, check_prices
from app.billing.errors import ErrorCode, Problems
from app.models import table_of
from app.services.catalog_turn import take_catalog_turn
from app.services.lookup import find, must_lock, require, require_open, to_change
from app.services.plan_features import (
    FittingFeature,
    check_kept,
    features_of_version,
    fitting_features,
    kept_features,
    link_features,
    refuse_archived_features,
)
from app.services.plans import (
    add_version,
    default_version,
    draft_of_plan,
    fitting_prices,
    link_prices,
    note_absent_price,
    prices_by_reference,
)
from app.services.principal import Principal

#: What mutations call the version that they are about.
FIELD = "planVersionId"


async def create_plan_version(
    session: AsyncSession, principal: Principal, now: datetime, draft: PlanVersionDraft
) -> models.PlanVersion:
    """Create a draft of a plan's next version. A plan may have several; nobody can subscribe to one."""
    await take_catalog_turn(session, principal.environment_id)
    problems = Problems()
    plan = await require_open(session, problems, "planId", models.Plan, principal.environment_id, draft.plan)
    if plan is None:
        await _check_named(session, problems, principal.environment_id, draft.prices)
        problems.raise_if_any()
    assert plan is not None
    prices = await _fitting(session, problems, plan, draft.prices)
    features = await _features(session, problems, plan, draft.features, prices)
    problems.raise_if_any()
    version = await add_version(session, plan, await _next_number(session, plan), now, prices, published_at=None)
    await link_features(session, version, now, features)
    return version


async def update_plan_version(
    session: AsyncSession,
    principal: Principal,
    now: datetime,
    identifier: str,
    prices: Sequence[str],
    features: Sequence[PlanFeatureDraft] | None = None,
) -> models.PlanVersion:
    """Give a draft other prices, each by id or key, in this order, and other features where any are given."""
    await take_catalog_turn(session, principal.environment_id)
    problems, named = Problems(), tuple(prices)
    version, plan = await _version_and_plan(session, problems, principal.environment_id, identifier)
    _refuse_published(problems, version)
    if plan is None:
        await _check_named(session, problems, principal.environment_id, named)
        problems.raise_if_any()
    assert plan is not None
    assert version is not None
    _refuse_archived(problems, plan)
    rows = await _fitting(session, problems, plan, named)
    if features is None:
        fitting = await kept_features(session, plan.environment_id, version.id, rows)
        await check_kept(session, problems, plan.environment_id, fitting, rows)
    else:
        fitting = await fitting_features(session, problems, plan.environment_id, features, plan.product_id, rows)
    problems.raise_if_any()
    await link_features(session, version, now, fitting)
    if [price.id for price in rows] != [price.id for price in await prices_of_version(session, version)]:
        await _unlink_prices(session, version)
        await link_prices(session, version, now, rows)
    return version


async def delete_plan_version(session: AsyncSession, principal: Principal, identifier: str) -> models.Plan:
    """Delete a draft; return the plan that it was of. Its number is free again if no later version has come."""
    await take_catalog_turn(session, principal.environment_id)
    problems = Problems()
    version, plan = await _version_and_plan(session, problems, principal.environment_id, identifier)
    _refuse_published(problems, version)
    problems.raise_if_any()
    assert plan is not None
    assert version is not None
    await _unlink_prices(session, version)
    for feature in await features_of_version(session, version.environment_id, version.id):
        await session.delete(feature)
    await session.flush()
    await session.delete(version)
    await session.flush()
    return plan


async def publish_plan_version(
    session: AsyncSession, principal: Principal, now: datetime, draft: PublicationDraft
) -> models.PlanVersion:
    """Publish a draft, which never changes from then on, and make it the default unless that is not wanted.

    All that was checked when the draft was made is checked again, as its prices and the catalog could change since.
    """
    await take_catalog_turn(session, principal.environment_id)
    problems = Problems()
    version, plan = await _version_and_plan(session, problems, principal.environment_id, draft.plan_version)
    _refuse_published(problems, version)
    problems.raise_if_any()
    assert plan is not None
    assert version is not None
    _refuse_archived(problems, plan)
    await _check_again(session, problems, plan, version)
    problems.raise_if_any()
    version.published_at = now
    if draft.make_default:
        await _offer(session, plan, version)
    await session.flush()
    return version


async def make_plan_version_default(session: AsyncSession, principal: Principal, identifier: str) -> models.PlanVersion:
    """Let new subscriptions to a plan get a published version of it, an earlier one too. Those there keep theirs."""
    await take_catalog_turn(session, principal.environment_id)
    problems = Problems()
    version, plan = await _version_and_plan(session, problems, principal.environment_id, identifier)
    problems.raise_if_any()
    assert plan is not None
    assert version is not None
    _refuse_archived(problems, plan)
    if version.published_at is None:
        message = "the version is a draft: planVersionPublish makes it the default"
        problems.add(ErrorCode.PLAN_VERSION_NOT_PUBLISHED, FIELD, message)
    _refuse_archived_prices(problems, await prices_of_version(session, version))
    await refuse_archived_features(session, problems, version, FIELD)
    problems.raise_if_any()
    await _offer(session, plan, version)
    return version


async def publish_version(
    session: AsyncSession,
    principal: Principal,
    now: datetime,
    reference: str,
    prices: Sequence[str],
    given: Sequence[PlanFeatureDraft] | None = None,
) -> models.PlanVersion:
    """Publish a version of a plan with these prices, each by id or key, in this order, and make it the default.

    It gives these features, or those of the default version where that is None. New subscriptions get it; those that
    are there keep theirs. Drafts of the plan stay drafts.
    """
    await take_catalog_turn(session, principal.environment_id)
    problems = Problems()
    plan = await to_change(session, models.Plan, principal.environment_id, reference)
    rows = await _fitting(session, problems, plan, tuple(prices))
    features = await _features(session, problems, plan, given, rows)
    problems.raise_if_any()
    version = await add_version(session, plan, await _next_number(session, plan), now, rows, published_at=now)
    await link_features(session, version, now, features)
    plan.default_number = version.number
    await session.flush()
    return version


async def _features(
    session: AsyncSession,
    problems: Problems,
    plan: models.Plan,
    drafts: Sequence[PlanFeatureDraft] | None,
    prices: Sequence[models.Price],
) -> list[FittingFeature]:
    """Return the features that a new version gives: those asked for, or those of the plan's default version."""
    if drafts is None:
        default = await default_version(session, plan)
        kept = await kept_features(session, plan.environment_id, default.id, prices)
        await check_kept(session, problems, plan.environment_id, kept, prices)
        return kept
    return await fitting_features(session, problems, plan.environment_id, drafts, plan.product_id, prices)


async def _version_and_plan(
    session: AsyncSession, problems: Problems, environment_id: str, identifier: str
) -> tuple[models.PlanVersion | None, models.Plan | None]:
    version = await require(session, problems, FIELD, models.PlanVersion, environment_id, identifier)
    plan = None if version is None else await find(session, models.Plan, environment_id, version.plan_id)
    return version, plan


async def _offer(session: AsyncSession, plan: models.Plan, version: models.PlanVersion) -> None:
    plan = await must_lock(session, models.Plan, plan.environment_id, plan.id)
    plan.default_number = version.number
    await session.flush()


async def _next_number(session: AsyncSession, plan: models.Plan) -> int:
    columns = table_of(models.PlanVersion).c
    mine = (columns.environment_id == plan.environment_id, columns.plan_id == plan.id)
    return (await session.scalar(select(func.max(columns.number)).where(*mine)) or 0) + 1


async def prices_of_version(session: AsyncSession, version: models.PlanVersion) -> list[models.Price]:
    """Return the prices that a version holds, in the order of its invoices."""
    prices, links = table_of(models.Price).c, table_of(models.PlanVersionPrice).c
    contained = (links.environment_id == prices.environment_id) & (links.price_id == prices.id)
    mine = (links.environment_id == version.environment_id, links.plan_version_id == version.id)
    statement = select(models.Price).join(models.PlanVersionPrice, contained).where(*mine).order_by(links.position)
    return list(await session.scalars(statement))


async def _unlink_prices(session: AsyncSession, version: models.PlanVersion) -> None:
    columns = table_of(models.PlanVersionPrice).c
    mine = (columns.environment_id == version.environment_id, columns.plan_version_id == version.id)
    for link in await session.scalars(select(models.PlanVersionPrice).where(*mine)):
        await session.delete(link)
    await session.flush()


async def _fitting(
    session: AsyncSession, problems: Problems, plan: models.Plan, prices: tuple[str, ...]
) -> list[models.Price]:
    """Return the prices, noting all that is wrong with a version of the plan that would hold them."""
    draft = replace(draft_of_plan(plan), prices=prices)
    check_plan(draft, problems)
    product = await find(session, models.Product, plan.environment_id, plan.product_id)
    return await fitting_prices(session, problems, plan.environment_id, draft, product, plan.currency)


async def _check_again(
    session: AsyncSession, problems: Problems, plan: models.Plan, version: models.PlanVersion
) -> None:
    """Note what is wrong with what a draft holds and gives, each by its id, as the input names the draft alone."""
    rows, found = await prices_of_version(session, version), Problems()
    prices = [price.id for price in rows]
    await _fitting(session, found, plan, tuple(prices))
    kept = await kept_features(session, plan.environment_id, version.id, rows)
    await check_kept(session, found, plan.environment_id, kept, rows)
    await refuse_archived_features(session, problems, version, FIELD)
    for error in found.errors:
        place = (error.field or "").removeprefix("priceIds.")
        problems.add(error.code, FIELD, f"{prices[int(place)]}: {error.message}" if place.isdigit() else error.message)


async def _check_named(
    session: AsyncSession, problems: Problems, environment_id: str, references: tuple[str, ...]
) -> None:
    """Note what is wrong with a list of prices, of whatever plan."""
    check_prices(references, problems)
    named = await prices_by_reference(session, environment_id, references[:MAX_PRICES])
    for place, reference in enumerate(references[:MAX_PRICES]):
        if reference not in named:
            note_absent_price(problems, f"priceIds.{place}")


def _refuse_published(problems: Problems, version: models.PlanVersion | None) -> None:
    if version is not None and version.published_at is not None:
        message = "the version is published and never changes: planVersionCreate makes a draft of the next one"
        problems.add(ErrorCode.PLAN_VERSION_NOT_DRAFT, FIELD, message)


def _refuse_archived(problems: Problems, plan: models.Plan) -> None:
    if plan.archived_at is not None:
        message = f"the plan is archived and takes nothing new: catalogRestore {plan.id} first"
        problems.add(ErrorCode.ARCHIVED, FIELD, message)


def _refuse_archived_prices(problems: Problems, prices: Sequence[models.Price]) -> None:
    """Note the archived prices of a version: a default version is offered, and what is offered has none."""
    archived = [price.id for price in prices if price.archived_at is not None]
    if archived:
        message = f"it holds {', '.join(archived)}, archived: catalogRestore that first"
        problems.add(ErrorCode.ARCHIVED, FIELD, message)
