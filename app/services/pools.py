"""Metered entitlements of one customer to one feature, with their grants and what was used: read for many at once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.burn_down import BurnDown, burn_down, change_points
from app.billing.decimals import exact_sum
from app.billing.grants import TICK, GivenGrant, MeteredEntitlement, forgotten_until
from app.billing.measuring import MetricRules
from app.billing.periods import Period
from app.metering.units_used import UnitsAsked, Used, read_units
from app.models import table_of
from app.services.metered import grant_of

_entitlements = table_of(models.Entitlement).c
_grants = table_of(models.Grant).c
#: A customer and a feature.
Pair = tuple[str, str]


@dataclass
class Pool:
    """Metered entitlements, the oldest first, which share what is used of a metric up to an instant, that included.

    What happens is told apart at the `boundaries` besides, and known from `reach` on, or at the end alone. It is
    followed from `since`, a reset that leaves nothing of what was before, or from the beginning.
    """

    customer_id: str
    metric: MetricRules
    entitlements: Sequence[MeteredEntitlement]
    at: datetime
    reach: datetime | None = None
    since: datetime | None = None
    boundaries: Collection[datetime] = ()
    grants: Sequence[GivenGrant] = ()
    pieces: Sequence[tuple[Period, Sequence[Used]]] = ()

    def burnt(self) -> BurnDown:
        """Return how the entitlements stand."""
        used = [(period, exact_sum(one.units for one in some)) for period, some in self.pieces]
        return burn_down(self.entitlements, self.grants, used, self.at, self.since)

    def question(self) -> UnitsAsked | None:
        """Return what is to be known of usage; nothing where nothing is given by then."""
        points = {
            at
            for at in change_points(self.entitlements, self.grants, self.at)
            if self.since is None or self.since <= at
        }
        points.update(at for at in self.boundaries if points and min(points) < at <= self.at)
        if not points:
            return None
        ordered = sorted(points)
        return UnitsAsked(self.customer_id, self.metric, Period(ordered[0], self.at + TICK), ordered)


async def fill_pools(session: AsyncSession, environment_id: str, pools: Sequence[Pool]) -> None:
    """Read the grants of pools, and what was used. Three statements at most, whatever the number of pools."""
    owned = [one.id for pool in pools for one in pool.entitlements]
    grants = await _load_grants(session, environment_id, owned)
    asked = []
    for pool in pools:
        pool.grants = [grant for entitlement in pool.entitlements for grant in grants[entitlement.id]]
        pool.since = forgotten_until(pool.entitlements, min(pool.reach or pool.at, pool.at))
        if (question := pool.question()) is not None:
            asked.append((pool, question))
    used = await read_units(session, environment_id, [question for _, question in asked]) if asked else []
    for (pool, question), units in zip(asked, used, strict=True):
        pool.pieces = _pieces(question, units)


def _pieces(question: UnitsAsked, used: Sequence[Used]) -> list[tuple[Period, Sequence[Used]]]:
    """Return what was used between each two boundaries, which begin with the start of the span."""
    pieces, place = [], 0
    for start, end in pairwise([*question.boundaries, question.span.end]):
        first = place
        while place < len(used) and used[place].at < end:
            place += 1
        pieces.append((Period(start, end), used[first:place]))
    return pieces


async def entitlements_of(
    session: AsyncSession, environment_id: str, pairs: Iterable[Pair]
) -> defaultdict[Pair, list[Row[Any]]]:
    """Return the entitlements of customers to features, the oldest first. One statement."""
    wanted = set(pairs)
    found: defaultdict[Pair, list[Row[Any]]] = defaultdict(list)
    if not wanted:
        return found
    customers, features = zip(*wanted, strict=True)
    those = (_entitlements.customer_id.in_(set(customers)), _entitlements.feature_id.in_(set(features)))
    statement = select(table_of(models.Entitlement)).where(_entitlements.environment_id == environment_id, *those)
    for row in await session.execute(statement.order_by(_entitlements.started_at, _entitlements.id)):
        if (row.customer_id, row.feature_id) in wanted:
            found[row.customer_id, row.feature_id].append(row)
    return found


async def _load_grants(
    session: AsyncSession, environment_id: str, entitlement_ids: Sequence[str]
) -> Mapping[str, list[GivenGrant]]:
    found: defaultdict[str, list[GivenGrant]] = defaultdict(list)
    if entitlement_ids:
        mine = (_grants.environment_id == environment_id, _grants.entitlement_id.in_(entitlement_ids))
        paid = _grants.effective_at.is_not(None)
        for row in await session.execute(select(table_of(models.Grant)).where(*mine, paid).order_by(_grants.id)):
            found[row.entitlement_id].append(grant_of(row))
    return found


def total_used(pieces: Iterable[tuple[Period, Sequence[Used]]], since: datetime) -> Decimal:
    """Return what was used in the pieces that begin at an instant or later."""
    return exact_sum(one.units for period, some in pieces if period.start >= since for one in some)
