"""What subscriptions had agreed to before they changed."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import SubscriptionPhase, table_of


async def load_phases(
    session: AsyncSession, environment_id: str, subscription_ids: Collection[str]
) -> dict[str, list[Row[Any]]]:
    """Return the former phases of some subscriptions, each one's in their order. One statement, none for none."""
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    if subscription_ids:
        phases = table_of(SubscriptionPhase)
        mine = (phases.c.environment_id == environment_id, phases.c.subscription_id.in_(subscription_ids))
        for row in await session.execute(select(phases).where(*mine).order_by(phases.c.number)):
            found[row.subscription_id].append(row)
    return found
