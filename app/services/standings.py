"""How customers stand with features: whether they may use them, and of metered ones how much is left."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.burn_down import BurnDown, Entry, burn_down, change_points, forgotten_until
from app.billing.decimals import exact_sum
from app.billing.entitlements import FeatureKind, terms_from_json
from app.billing.errors import Problems
from app.billing.grants import NONE, GivenGrant, MeteredEntitlement
from app.billing.measuring import MetricRules
from app.billing.periods import Period
from app.metering.facts import load_metrics
from app.metering.units_used import UnitsAsked, Used, read_units
from app.models import table_of
from app.services.customer_time import read_customers_now
from app.services.customers import find_customer
from app.services.lookup import require
from app.services.metered import grant_of, metered_of

_TICK: Final = timedelta(microseconds=1)
_entitlements = table_of(models.Entitlement).c
_grants = table_of(models.Grant).c


class Asked(NamedTuple):
    """How a customer stands with a feature at an instant, what was used at it included."""

    customer_id: str
    feature_id: str
    at: datetime


@dataclass(frozen=True)
class Standing:
    """How a customer stands with a feature. `entitlements` are those active at the instant, the oldest first.

    Of a metered one: the balance and the overage of all together, what was used since the usage period began that
    runs (of the oldest), and how that came about. `static_value` is that of the oldest.
    """

    asked: Asked
    feature: Row[Any]
    entitlements: Sequence[Row[Any]]
    access: bool
    static_value: Any = None
    balance: Decimal | None = None
    usage: Decimal | None = None
    overage: Decimal | None = None
    period: Period | None = None
    burnt: BurnDown | None = None
    is_soft: bool = False


async def standings(
    session: AsyncSession, environment_id: str, asked: Sequence[Asked], since: datetime | None = None
) -> list[Standing | None]:
    """Answer questions in their order; None for a feature that is none. With `since` the way from there on is known.

    The number of statements is the same for any number of questions, and less where nothing is metered.
    """
    features = await _features(session, environment_id, {one.feature_id for one in asked})
    entitlements = await _load(session, environment_id, asked)
    metric_ids = {row.billable_metric_id for row in features.values() if row.billable_metric_id is not None}
    metrics = {one.id: one for one in await load_metrics(session, environment_id, metric_ids)} if metric_ids else {}
    pools = {
        one: _Pool([metered_of(row) for row in entitlements[one.customer_id, one.feature_id]])
        for one in asked
        if one.feature_id in features and features[one.feature_id].kind is FeatureKind.METERED
    }
    await _fill(
        session,
        environment_id,
        pools,
        {one: metrics[features[one.feature_id].billable_metric_id] for one in pools},
        since,
    )
    return [
        _standing(one, features[one.feature_id], entitlements[one.customer_id, one.feature_id], pools.get(one))
        if one.feature_id in features
        else None
        for one in asked
    ]


async def access_now(
    session: AsyncSession,
    problems: Problems,
    environment_id: str,
    customer: tuple[str | None, str | None],
    feature: str,
    at: datetime | None,
    now: datetime,
) -> Standing:
    """Return how a customer, given by its id or your own id of it, stands with a feature, given by its id or key.

    Refused where either is none. Without an instant it is now, in the customer's time.
    """
    found = await find_customer(session, problems, environment_id, *customer)
    row = await require(session, problems, "featureKey", models.Feature, environment_id, feature)
    problems.raise_if_any()
    assert found is not None
    assert row is not None
    at = at or await read_customers_now(session, found, now)
    [standing] = await standings(session, environment_id, [Asked(found.id, row.id, at)])
    assert standing is not None
    return standing


async def left_of(
    session: AsyncSession, environment_id: str, entitlement_ids: Sequence[str], now: datetime
) -> dict[str, tuple[Decimal, Decimal]]:
    """Return the balance and the overage of metered entitlements now, each in its customer's time."""
    asked = await _asked_of(session, environment_id, entitlement_ids, now)
    found = {}
    for burnt in await _burnt(session, environment_id, set(asked.values()), None):
        for one in burnt.entitlements:
            found[one.id] = (burnt.balances.get(one.id, NONE), burnt.overages.get(one.id, NONE))
    return found


async def history_of(
    session: AsyncSession, environment_id: str, entitlement_ids: Sequence[str], start: datetime, end: datetime
) -> dict[str, list[Entry]]:
    """Return the entries of metered entitlements from an instant to another."""
    asked = await _asked_of(session, environment_id, entitlement_ids, end)
    pools = {one._replace(at=end) for one in asked.values()}
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    for burnt in await _burnt(session, environment_id, pools, start):
        for entry in burnt.entries:
            if start <= entry.at:
                found[entry.entitlement_id].append(entry)
    return found


async def _burnt(
    session: AsyncSession, environment_id: str, asked: Collection[Asked], since: datetime | None
) -> list[BurnDown]:
    """Return the burn-downs of what is metered."""
    found = await standings(session, environment_id, list(asked), since) if asked else []
    return [one.burnt for one in found if one is not None and one.burnt is not None]


async def _asked_of(
    session: AsyncSession, environment_id: str, entitlement_ids: Sequence[str], now: datetime
) -> dict[str, Asked]:
    """Return which customer and feature entitlements are of, and what time it is for that customer."""
    customers, clocks = table_of(models.Customer).c, table_of(models.TestClock).c
    of_customer = (customers.environment_id == _entitlements.environment_id) & (
        customers.id == _entitlements.customer_id
    )
    of_clock = (clocks.environment_id == customers.environment_id) & (clocks.id == customers.test_clock_id)
    statement = (
        select(_entitlements.id, _entitlements.customer_id, _entitlements.feature_id, clocks.now)
        .join(models.Customer, of_customer)
        .outerjoin(models.TestClock, of_clock)
        .where(_entitlements.environment_id == environment_id, _entitlements.id.in_(entitlement_ids))
    )
    rows = await session.execute(statement)
    return {row.id: Asked(row.customer_id, row.feature_id, row.now or now) for row in rows}


@dataclass
class _Pool:
    """Metered entitlements of one customer to one feature, which share what is used."""

    entitlements: Sequence[MeteredEntitlement]
    grants: Sequence[GivenGrant] = ()
    pieces: Sequence[tuple[Period, Decimal]] = ()
    since: datetime | None = None


async def _fill(
    session: AsyncSession,
    environment_id: str,
    pools: dict[Asked, _Pool],
    metrics: dict[Asked, MetricRules],
    since: datetime | None,
) -> None:
    """Read the grants of pools, and what was used."""
    owned = [one.id for pool in pools.values() for one in pool.entitlements]
    grants = await _load_grants(session, environment_id, owned)
    questions = {}
    for one, pool in pools.items():
        pool.grants = [grant for entitlement in pool.entitlements for grant in grants[entitlement.id]]
        pool.since = forgotten_until(pool.entitlements, min(since or one.at, one.at))
        points = [at for at in change_points(pool.entitlements, pool.grants, one.at) if at >= (pool.since or at)]
        if points:
            span = Period(points[0], one.at + _TICK)
            questions[one] = UnitsAsked(one.customer_id, metrics[one], span, points)
    used = await read_units(session, environment_id, list(questions.values())) if questions else []
    for (one, question), units in zip(questions.items(), used, strict=True):
        pools[one].pieces = _pieces(question, units)


def _pieces(question: UnitsAsked, used: Sequence[Used]) -> list[tuple[Period, Decimal]]:
    """Return what was used between each two boundaries, which begin with the start of the span."""
    bounds = [*question.boundaries, question.span.end]
    pieces, place = [], 0
    for start, end in pairwise(bounds):
        units = []
        while place < len(used) and used[place][0] < end:
            units.append(used[place][1])
            place += 1
        pieces.append((Period(start, end), exact_sum(units)))
    return pieces


def _standing(asked: Asked, feature: Row[Any], rows: Sequence[Row[Any]], pool: _Pool | None) -> Standing:
    active = [row for row in rows if row.started_at <= asked.at and (row.ended_at is None or asked.at < row.ended_at)]
    if pool is None:
        value = getattr(terms_from_json(active[0].terms), "value", None) if active else None
        return Standing(asked, feature, active, access=bool(active), static_value=value)
    burnt = burn_down(pool.entitlements, pool.grants, pool.pieces, asked.at, pool.since)
    balance, overage = exact_sum(burnt.balances.values()), exact_sum(burnt.overages.values())
    metered = [one for one in pool.entitlements if one.is_active(asked.at)]
    period = metered[0].period(asked.at) if metered else None
    begun = None if not metered else metered[0].started_at if period is None else period.start
    return Standing(
        asked=asked,
        feature=feature,
        entitlements=active,
        access=bool(metered) and (balance > 0 or any(one.terms.is_soft_limit for one in metered)),
        balance=balance,
        usage=exact_sum(units for piece, units in pool.pieces if begun is not None and piece.start >= begun),
        overage=overage,
        period=period,
        burnt=burnt,
        is_soft=any(one.terms.is_soft_limit for one in metered),
    )


async def _features(session: AsyncSession, environment_id: str, ids: Collection[str]) -> dict[str, Row[Any]]:
    features = table_of(models.Feature)
    mine = (features.c.environment_id == environment_id, features.c.id.in_(ids))
    return {row.id: row for row in await session.execute(select(features).where(*mine))}


async def _load(
    session: AsyncSession, environment_id: str, asked: Sequence[Asked]
) -> defaultdict[tuple[str, str], list[Row[Any]]]:
    """Return the entitlements of customers to features that begin by the instant asked for, the oldest first."""
    pairs = {(one.customer_id, one.feature_id) for one in asked}
    those = or_(
        *(and_(_entitlements.customer_id == one, _entitlements.feature_id == other) for one, other in sorted(pairs))
    )
    latest = max(one.at for one in asked)
    mine = (_entitlements.environment_id == environment_id, those, _entitlements.started_at <= latest)
    order = (_entitlements.started_at, _entitlements.id)
    found: defaultdict[tuple[str, str], list[Row[Any]]] = defaultdict(list)
    statement = select(table_of(models.Entitlement)).where(*mine).order_by(*order)
    for row in await session.execute(statement):
        found[row.customer_id, row.feature_id].append(row)
    return found


async def _load_grants(
    session: AsyncSession, environment_id: str, entitlement_ids: Sequence[str]
) -> defaultdict[str, list[GivenGrant]]:
    found: defaultdict[str, list[GivenGrant]] = defaultdict(list)
    if entitlement_ids:
        mine = (_grants.environment_id == environment_id, _grants.entitlement_id.in_(entitlement_ids))
        for row in await session.execute(select(table_of(models.Grant)).where(*mine).order_by(_grants.id)):
            found[row.entitlement_id].append(grant_of(row))
    return found
