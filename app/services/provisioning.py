"""The entitlements that a subscription gives: with its activation or its trial, at a change, and at its end."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.entitlements import MeteredTerms, terms_from_json
from app.billing.handover import hand_over
from app.ids import new_id
from app.models import table_of
from app.services.metered import metered_of
from app.services.plan_features import features_of_version

_table = table_of(models.Entitlement)
_columns = _table.c


async def provision(session: AsyncSession, subscription: models.Subscription, at: datetime, now: datetime) -> None:
    """Bring the entitlements of a locked subscription to what its plan version gives from an instant on.

    What is given as before goes on. Where the terms of metered units change, what was given stays until the running
    usage period ends, and if there is more of it now, the difference is given at once (decision 0026).
    """
    given = await _given(session, subscription)
    for template in await features_of_version(session, subscription.environment_id, subscription.plan_version_id):
        own = given.pop(template.feature_id, [])
        before = [one for one in own if one.started_at < at and one.ended_at != one.started_at]
        # What began at this very instant never was.
        begun = [one for one in own if one.started_at == at]
        for one in begun:
            one.ended_at = at
        if before and _goes_on(before[-1], template, at):
            before[-1].ended_at = None  # a trial's end may have ended it, or another change at this instant
            _replace(before[:-1], before[-1], at)
            continue
        new = begun[-1] if begun else _entitlement(subscription, template, at, now)
        session.add(new)
        new.terms, new.anchor_at, new.ended_at = template.terms, subscription.anchor_at, None
        new.first_issue = _replace(before, new, at)
    for former in (former for own in given.values() for former in own):
        if former.ended_at is None or former.ended_at > at:
            former.ended_at = at
    await session.flush()


async def end_entitlements(session: AsyncSession, environment_id: str, ended: Mapping[str, datetime]) -> None:
    """End what some subscriptions give, each at an instant. One statement for each instant."""
    for instant in sorted(set(ended.values())):
        ids = [subscription_id for subscription_id, at in ended.items() if at == instant]
        mine = (_columns.environment_id == environment_id, _columns.subscription_id.in_(ids))
        running = or_(_columns.ended_at.is_(None), _columns.ended_at > instant)
        await session.execute(update(_table).where(*mine, running).values(ended_at=instant))


async def _given(session: AsyncSession, subscription: models.Subscription) -> dict[str, list[models.Entitlement]]:
    """Return all that a subscription ever gave, by feature, in the order in which it did."""
    mine = (_columns.environment_id == subscription.environment_id, _columns.subscription_id == subscription.id)
    rows = await session.scalars(select(models.Entitlement).where(*mine).order_by(_columns.started_at, _columns.id))
    given: defaultdict[str, list[models.Entitlement]] = defaultdict(list)
    for row in rows:
        given[row.feature_id].append(row)
    return given


def _goes_on(last: models.Entitlement, template: models.PlanFeature, at: datetime) -> bool:
    """Tell whether an entitlement that is given until an instant is what a version gives."""
    is_given = last.ended_at is None or last.ended_at >= at
    return is_given and terms_from_json(last.terms) == terms_from_json(template.terms)


def _entitlement(
    subscription: models.Subscription,
    template: models.PlanFeature,
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
    )


def _replace(before: Sequence[models.Entitlement], new: models.Entitlement, at: datetime) -> Decimal | None:
    """End what an entitlement replaces; return what it begins with, None for all that its terms issue."""
    if not isinstance(terms_from_json(new.terms), MeteredTerms):
        for former in before:
            if former.ended_at is None or former.ended_at > at:
                former.ended_at = at
        return None
    handover = hand_over([metered_of(former) for former in before], metered_of(new), at)
    for former in before:
        former.ended_at = handover.ends.get(former.id, former.ended_at)
    return handover.first_issue
