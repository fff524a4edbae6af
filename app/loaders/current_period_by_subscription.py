"""The running periods of subscriptions."""

from collections.abc import Sequence

from sqlalchemy import select

from app import models
from app.billing.periods import Period
from app.db import Sessions
from app.loaders.owner import Owner, owned_by
from app.models import table_of


async def current_period_by_subscription(
    sessions: Sessions, owner: Owner, subscription_ids: Sequence[str]
) -> list[Period | None]:
    """Return the period that runs now in each subscription, at the cadence of its plan."""
    periods, subscriptions = table_of(models.SubscriptionPeriod), table_of(models.Subscription)
    current = (
        (subscriptions.c.environment_id == periods.c.environment_id)
        & (subscriptions.c.id == periods.c.subscription_id)
        & (subscriptions.c.period_number == periods.c.number)
        & (subscriptions.c.billing_interval == periods.c.cadence)
    )
    statement = (
        select(periods.c.subscription_id, periods.c.start_at, periods.c.end_at)
        .join(subscriptions, current)
        .where(owned_by(owner, periods), periods.c.subscription_id.in_(subscription_ids))
    )
    async with sessions.read() as session:
        found = {row.subscription_id: Period(row.start_at, row.end_at) for row in await session.execute(statement)}
    return [found.get(subscription_id) for subscription_id in subscription_ids]
