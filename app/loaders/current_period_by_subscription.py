"""The running periods of subscriptions."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, select

from app import models
from app.billing.periods import Period
from app.db import Sessions
from app.loaders.owner import ANY_KEYS, Owner, owned_by, owned_rows
from app.models import table_of


async def current_period_by_subscription(
    sessions: Sessions, owner: Owner, subscription_ids: Sequence[str]
) -> list[Period | None]:
    """Return the period that runs now in each subscription, at the cadence of its plan."""
    rows = await owned_rows(sessions, owner, _statement, subscription_ids)
    found = {row.subscription_id: Period(row.start_at, row.end_at) for row in rows}
    return [found.get(subscription_id) for subscription_id in subscription_ids]


@cache
def _statement(owner: Owner) -> Select[Any]:
    periods, subscriptions = table_of(models.SubscriptionPeriod), table_of(models.Subscription)
    current = (
        (subscriptions.c.environment_id == periods.c.environment_id)
        & (subscriptions.c.id == periods.c.subscription_id)
        & (subscriptions.c.calendar_number == periods.c.calendar_number)
        & (subscriptions.c.period_number == periods.c.number)
        & (subscriptions.c.billing_interval == periods.c.cadence)
    )
    return (
        select(periods.c.subscription_id, periods.c.start_at, periods.c.end_at)
        .join(subscriptions, current)
        .where(owned_by(owner, periods), periods.c.subscription_id.in_(ANY_KEYS))
    )
