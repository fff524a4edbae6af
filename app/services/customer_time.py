"""What time it is for a customer."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.services.lookup import must_lock


async def read_customers_now(session: AsyncSession, customer: models.Customer, now: datetime) -> datetime:
    """Return what `customers_now` does without its lock, for those who write nothing."""
    if customer.test_clock_id is None:
        return now
    return (await session.get_one(models.TestClock, (customer.environment_id, customer.test_clock_id))).now


async def customers_now(session: AsyncSession, customer: models.Customer, now: datetime) -> datetime:
    """Return the time of the customer's test clock, whose row is locked, or `now`."""
    if customer.test_clock_id is None:
        return now
    return (await must_lock(session, models.TestClock, customer.environment_id, customer.test_clock_id)).now
