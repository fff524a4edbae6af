"""Usage that comes after the last invoice of a subscription: that of a day goes on one supplementary invoice."""

from collections.abc import Collection
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.lifecycle import SubscriptionStatus
from app.billing.periods import instant_of
from app.due import Due, DueKind, schedule
from app.models import Customer, Subscription, TestClock, table_of


async def note_supplements(session: AsyncSession, environment_id: str, subscription_ids: Collection[str]) -> None:
    """Let the late usage of those subscriptions that ended be billed when the day is over, in their time and zone.

    One statement, and one more where any has ended.
    """
    subscriptions, customers, clocks = (table_of(model).c for model in (Subscription, Customer, TestClock))
    of_customer = (customers.environment_id == subscriptions.environment_id) & (
        customers.id == subscriptions.customer_id
    )
    of_clock = (clocks.environment_id == customers.environment_id) & (clocks.id == customers.test_clock_id)
    ended = (
        select(subscriptions.id, subscriptions.timezone, customers.test_clock_id, clocks.now)
        .join(Customer, of_customer)
        .outerjoin(TestClock, of_clock)
        .where(subscriptions.environment_id == environment_id, subscriptions.id.in_(set(subscription_ids)))
        .where(subscriptions.status == SubscriptionStatus.TERMINATED)
    )
    real: datetime = session.info["at"]
    due = [
        Due(DueKind.SUPPLEMENT, row.id, end_of_day(row.now or real, row.timezone), row.test_clock_id)
        for row in await session.execute(ended)
    ]
    if due:
        await schedule(session, environment_id, due, real)


def end_of_day(instant: datetime, timezone: str) -> datetime:
    """Return when the local day of an instant ends."""
    place = ZoneInfo(timezone)
    midnight = instant.astimezone(place).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    return instant_of(midnight + timedelta(days=1), place)
