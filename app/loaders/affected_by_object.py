"""Who is affected by a change of the catalog."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from app import models
from app.billing.catalog.as_code import CatalogNoun
from app.billing.lifecycle import SubscriptionStatus
from app.db import Sessions
from app.loaders.owner import Owner, owned_by
from app.models import table_of

#: How many customers are named; all are counted.
NAMED = 10


@dataclass(frozen=True, slots=True)
class Affected:
    """The live subscriptions that a catalog object has a part in, and whose they are."""

    subscription_count: int
    customer_ids: Sequence[str]


async def affected_by_object(
    sessions: Sessions, owner: Owner, noun: CatalogNoun, object_ids: Sequence[str]
) -> list[Affected]:
    """Return who has a live subscription that each object of a noun has a part in, in two statements."""
    live = _live(owner, noun, object_ids).subquery()
    counted = select(live.c.object_id, func.count(live.c.id.distinct())).group_by(live.c.object_id)
    customers = select(live.c.object_id, live.c.customer_id).distinct().subquery()
    place = func.row_number().over(partition_by=customers.c.object_id, order_by=customers.c.customer_id)
    placed = select(customers, place.label("place")).subquery()
    named = select(placed.c.object_id, placed.c.customer_id).where(placed.c.place <= NAMED).order_by(placed.c.place)
    async with sessions.read() as session:
        counts: dict[str, int] = dict((await session.execute(counted)).all())
        found = defaultdict(list)
        for object_id, customer_id in await session.execute(named):
            found[object_id].append(customer_id)
    return [Affected(counts.get(object_id, 0), found[object_id]) for object_id in object_ids]


def _live(owner: Owner, noun: CatalogNoun, object_ids: Sequence[str]) -> Select[Any]:
    subscriptions = table_of(models.Subscription)
    statement = select(subscriptions.c.id, subscriptions.c.customer_id)
    of = {CatalogNoun.PRODUCT: subscriptions.c.product_id, CatalogNoun.PLAN: subscriptions.c.plan_id}.get(noun)
    if of is None:
        links, prices = table_of(models.PlanVersionPrice), table_of(models.Price)
        contained = (links.c.environment_id == subscriptions.c.environment_id) & (
            links.c.plan_version_id == subscriptions.c.plan_version_id
        )
        same = (prices.c.environment_id == links.c.environment_id) & (prices.c.id == links.c.price_id)
        statement = statement.join(links, contained).join(prices, same)
        columns = {CatalogNoun.BILLABLE_METRIC: prices.c.billable_metric_id, CatalogNoun.FEE: prices.c.fee_id}
        of = columns.get(noun, prices.c.id)
    return statement.add_columns(of.label("object_id")).where(
        owned_by(owner, subscriptions),
        of.in_(object_ids),
        subscriptions.c.status != SubscriptionStatus.TERMINATED,
    )
