"""The entitlements that a subscription gives: with its activation or its trial, at a change, and at its end."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.decimals import exact_difference, exact_sum
from app.billing.entitlements import MeteredTerms, terms_from_json
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
        former = held.pop(template.feature_id, None)
        if former is not None and former.terms == template.terms:
            former.ended_at = None  # a trial's end may have ended it
        elif former is not None and former.started_at == at:
            _alter(former, template)
        else:
            first_issue = None if former is None else _replace(former, template, at)
            session.add(_entitlement(subscription, template, first_issue, at, now))
    for former in held.values():
        if former.ended_at is None:
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
) -> dict[str, models.Entitlement]:
    """Return what goes on at an instant, or ended with a trial there, by feature: of each the last that was given."""
    mine = (
        _columns.environment_id == subscription.environment_id,
        _columns.subscription_id == subscription.id,
        or_(_columns.ended_at.is_(None), _columns.ended_at >= at),
    )
    rows = await session.scalars(select(models.Entitlement).where(*mine).order_by(_columns.started_at, _columns.id))
    return {row.feature_id: row for row in rows}


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


def _replace(former: models.Entitlement, template: models.PlanFeature, at: datetime) -> Decimal | None:
    """End what is replaced; return what the new one begins with, None for all that its terms issue."""
    old, new = terms_from_json(former.terms), terms_from_json(template.terms)
    if not isinstance(old, MeteredTerms) or not isinstance(new, MeteredTerms):
        former.ended_at = at
        return None
    period = metered_of(former).period(at)
    if period is not None and period.start == at:
        former.ended_at = at
        return None
    former.ended_at = None if period is None else period.end
    return _more(new, old)


def _alter(former: models.Entitlement, template: models.PlanFeature) -> None:
    """Let an entitlement that begins at the very instant of a change be the one of the other terms."""
    old, new = terms_from_json(former.terms), terms_from_json(template.terms)
    if former.first_issue is not None and isinstance(old, MeteredTerms) and isinstance(new, MeteredTerms):
        difference = exact_difference(new.issue_after_reset or NONE, old.issue_after_reset or NONE)
        former.first_issue = max(exact_sum((former.first_issue, difference)), NONE)
    former.terms = template.terms


def _more(new: MeteredTerms, old: MeteredTerms) -> Decimal:
    return max(exact_difference(new.issue_after_reset or NONE, old.issue_after_reset or NONE), NONE)
