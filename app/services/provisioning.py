"""The entitlements that a subscription gives: with its activation or its trial, at a change, and at its end."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.decimals import exact_difference, exact_sum
from app.billing.entitlements import EntitlementTerms, MeteredTerms, terms_from_json
from app.billing.grants import MeteredEntitlement
from app.ids import new_id
from app.models import table_of
from app.services.metered import metered_of
from app.services.plan_features import features_of_version

_table = table_of(models.Entitlement)
_columns = _table.c
NONE = Decimal(0)


async def provision(session: AsyncSession, subscription: models.Subscription, at: datetime, now: datetime) -> None:
    """Bring the entitlements of a locked subscription to what its plan version gives from an instant on.

    What is given as before goes on. Where the terms of metered units change, what was given stays until the running
    usage period ends, and if there is more of it now, the difference is given at once (decision 0026).
    """
    held = await _held(session, subscription, at)
    for template in await features_of_version(session, subscription.environment_id, subscription.plan_version_id):
        own = held.pop(template.feature_id, [])
        last = own[-1] if own else None
        if last is not None and last.terms == template.terms:
            last.ended_at = None  # a trial's end may have ended it, or another change at this instant
            _replace(own[:-1], template, last.anchor_at, at)
        elif last is not None and last.started_at == at:
            # What began at this very instant never was.
            last.terms, last.ended_at, last.anchor_at = template.terms, None, subscription.anchor_at
            last.first_issue = _replace(own[:-1], template, subscription.anchor_at, at)
        else:
            first_issue = _replace(own, template, subscription.anchor_at, at)
            session.add(_entitlement(subscription, template, first_issue, at, now))
    for former in (former for own in held.values() for former in own):
        former.ended_at = at
    await session.flush()


async def end_entitlements(session: AsyncSession, environment_id: str, ended: Mapping[str, datetime]) -> None:
    """End what some subscriptions give, each at an instant. One statement for each instant."""
    for instant in sorted(set(ended.values())):
        ids = [subscription_id for subscription_id, at in ended.items() if at == instant]
        mine = (_columns.environment_id == environment_id, _columns.subscription_id.in_(ids))
        running = or_(_columns.ended_at.is_(None), _columns.ended_at > instant)
        await session.execute(update(_table).where(*mine, running).values(ended_at=instant))


async def _held(
    session: AsyncSession, subscription: models.Subscription, at: datetime
) -> dict[str, list[models.Entitlement]]:
    """Return what goes on at an instant, or ended just there, by feature, in the order in which it was given."""
    mine = (
        _columns.environment_id == subscription.environment_id,
        _columns.subscription_id == subscription.id,
        or_(_columns.ended_at.is_(None), _columns.ended_at >= at),
    )
    rows = await session.scalars(select(models.Entitlement).where(*mine).order_by(_columns.started_at, _columns.id))
    held: defaultdict[str, list[models.Entitlement]] = defaultdict(list)
    for row in rows:
        held[row.feature_id].append(row)
    return held


def _entitlement(
    subscription: models.Subscription,
    template: models.PlanFeature,
    first_issue: Decimal | None,
    at: datetime,
    now: datetime,
) -> models.Entitlement:
    return models.Entitlement(
        environment_id=subscription.environment_id,
        id=new_id("ent"),
        created_at=now,
        customer_id=subscription.customer_id,
        feature_id=template.feature_id,
        subscription_id=subscription.id,
        terms=template.terms,
        started_at=at,
        anchor_at=subscription.anchor_at,
        timezone=subscription.timezone,
        first_issue=first_issue,
    )


def _replace(
    own: Sequence[models.Entitlement], template: models.PlanFeature, anchor_at: datetime, at: datetime
) -> Decimal | None:
    """End what is replaced; return what the new one begins with, None for all that its terms issue.

    What has the same usage periods goes on until the running one ends, and what it gave for that is not given again.
    """
    new, given = terms_from_json(template.terms), []
    for former in own:
        running = _running(former, new, anchor_at, at)
        if running is None:
            former.ended_at = at
            continue
        period = running.period(at)
        if former.ended_at is None or former.ended_at == at:
            former.ended_at = None if period is None else period.end
        given.append(running.issue(running.started_at if period is None else period.start))
    if not given or not isinstance(new, MeteredTerms):
        return None
    return max(exact_difference(new.issue_after_reset or NONE, exact_sum(given)), NONE)


def _running(
    former: models.Entitlement, new: EntitlementTerms, anchor_at: datetime, at: datetime
) -> MeteredEntitlement | None:
    """Return a metered entitlement in the middle of a usage period which another with the same periods takes over."""
    old = terms_from_json(former.terms)
    if not isinstance(old, MeteredTerms) or not isinstance(new, MeteredTerms) or former.started_at >= at:
        return None
    if old.usage_period is not new.usage_period:
        return None
    if old.usage_period is not None and former.anchor_at != anchor_at:
        return None
    running = replace(metered_of(former), ended_at=None)
    period = running.period(at)
    return None if period is not None and period.start == at else running
