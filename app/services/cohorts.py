"""Moving many subscriptions to a plan version: a cohort, page by page, each by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.changes import ChangeDraft, CohortDraft, check_cohort
from app.billing.errors import ErrorCode, Problems, Refused, UserError
from app.billing.lifecycle import ChangeStatus
from app.models import table_of
from app.services.change_previews import ChangePreview, preview_change
from app.services.changes import change_subscription
from app.services.lookup import require
from app.services.principal import Principal
from app.services.renewals import RENEWING


@dataclass(frozen=True)
class Moved:
    """What became of a subscription of a cohort: its change, what that would come to, or why it can't move."""

    subscription_id: str
    change: models.SubscriptionChange | None = None
    preview: ChangePreview | None = None
    refusals: tuple[UserError, ...] = ()


@dataclass(frozen=True)
class Page:
    """The subscriptions of a page of a cohort, and how many come after it, where that is known."""

    moved: tuple[Moved, ...]
    remaining: int | None


async def migrate_cohort(session: AsyncSession, principal: Principal, now: datetime, draft: CohortDraft) -> Page:
    """Move a page of a cohort to a plan version, each subscription in a part of the transaction of its own.

    Who can't move stays as it is, with the reasons. Who is there already, or about to be, is in no page: the same call
    goes on where another, or one that died, had come to.
    """
    ids, remaining = await _page(session, principal, draft)
    moved = []
    for subscription_id in ids:
        try:
            async with session.begin_nested():
                done = await change_subscription(session, principal, now, _change(draft, subscription_id))
        except Refused as refused:
            moved.append(Moved(subscription_id, refusals=refused.errors))
        else:
            change = done[0]
            assert isinstance(change, models.SubscriptionChange)
            moved.append(Moved(subscription_id, change=change))
    return Page(tuple(moved), remaining)


async def preview_cohort(session: AsyncSession, principal: Principal, now: datetime, draft: CohortDraft) -> Page:
    """Return what `migrate_cohort` would come to for each subscription of the page. Reads only."""
    ids, remaining = await _page(session, principal, draft)
    moved = []
    for subscription_id in ids:
        try:
            preview = await preview_change(session, principal, now, _change(draft, subscription_id))
        except Refused as refused:
            moved.append(Moved(subscription_id, refusals=refused.errors))
        else:
            moved.append(Moved(subscription_id, preview=preview))
    return Page(tuple(moved), remaining)


def moved_again(changes: Sequence[models.SubscriptionChange]) -> Page:
    """Return what an earlier call had moved; how many came after it is not known any more."""
    return Page(tuple(Moved(change.subscription_id, change=change) for change in changes), None)


def _change(draft: CohortDraft, subscription_id: str) -> ChangeDraft:
    return ChangeDraft(subscription=subscription_id, plan_version=draft.plan_version, at=draft.at)


async def _page(session: AsyncSession, principal: Principal, draft: CohortDraft) -> tuple[Sequence[str], int]:
    """Return the subscriptions of a page, in the order of their ids, and how many come after it."""
    environment_id, problems = principal.environment_id, Problems()
    check_cohort(draft, problems)
    version = await require(session, problems, "planVersionId", models.PlanVersion, environment_id, draft.plan_version)
    if version is not None and version.published_at is None:
        message = "the version is a draft: planVersionPublish first"
        problems.add(ErrorCode.PLAN_VERSION_NOT_PUBLISHED, "planVersionId", message)
    if draft.from_version is not None:
        await require(session, problems, "fromPlanVersionId", models.PlanVersion, environment_id, draft.from_version)
    else:
        await _check_ids(session, problems, environment_id, draft.subscriptions or ())
    problems.raise_if_any()
    if draft.from_version is None:
        return draft.subscriptions or (), 0
    return await _of_version(session, environment_id, draft, draft.from_version)


async def _check_ids(session: AsyncSession, problems: Problems, environment_id: str, ids: Sequence[str]) -> None:
    columns = table_of(models.Subscription).c
    mine = (columns.environment_id == environment_id, columns.id.in_(set(ids)))
    known = set(await session.scalars(select(columns.id).where(*mine)))
    for place, subscription_id in enumerate(ids):
        field = f"subscriptionIds.{place}"
        if subscription_id not in known:
            problems.add(ErrorCode.NOT_FOUND, field, f"{field} names no subscription that exists here")
        elif subscription_id in ids[:place]:
            problems.add(ErrorCode.INVALID, field, "the subscription is in the list already")


async def _of_version(
    session: AsyncSession, environment_id: str, draft: CohortDraft, from_version: str
) -> tuple[Sequence[str], int]:
    columns, changes = table_of(models.Subscription).c, table_of(models.SubscriptionChange).c
    about_to = select(changes.id).where(
        changes.environment_id == columns.environment_id,
        changes.subscription_id == columns.id,
        changes.status == ChangeStatus.SCHEDULED,
        changes.plan_version_id == draft.plan_version,
    )
    mine = (
        columns.environment_id == environment_id,
        columns.plan_version_id == from_version,
        columns.status.in_(RENEWING),
        ~about_to.exists(),
    )
    later = () if draft.after is None else (columns.id > draft.after,)
    ids = (await session.scalars(select(columns.id).where(*mine, *later).order_by(columns.id).limit(draft.first))).all()
    if len(ids) < draft.first:
        return ids, 0
    rest = select(func.count()).select_from(models.Subscription).where(*mine, columns.id > ids[-1])
    return ids, (await session.execute(rest)).scalar_one()
