"""How customers stand with features: whether they may use them, and of metered ones how much is left."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.balance_entries import Entry
from app.billing.burn_down import BurnDown
from app.billing.decimals import exact_sum
from app.billing.entitlements import FeatureKind, terms_from_json
from app.billing.errors import ErrorCode, Problems
from app.billing.grants import NEVER, NONE, TICK, next_change
from app.billing.periods import Period
from app.metering.facts import load_metrics
from app.models import table_of
from app.services.customer_time import read_customers_now
from app.services.customers import find_customer
from app.services.lookup import require
from app.services.metered import metered_of
from app.services.pools import Pool, entitlements_of, fill_pools, total_used

#: The instants that can be asked for: these, and up to so far ahead.
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
FURTHEST: Final = timedelta(days=731)
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
    runs (of the oldest), and how that came about. `static_value` is that of the oldest. `changes_at` is when it becomes
    another by itself, if nothing is used or changed.
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
    changes_at: datetime | None = None


async def standings(
    session: AsyncSession, environment_id: str, asked: Sequence[Asked], since: datetime | None = None
) -> list[Standing | None]:
    """Answer questions in their order; None for a feature that is none. With `since` the way from there on is known.

    The number of statements is the same for any number of questions, and less where nothing is metered.
    """
    features = await _features(session, environment_id, {one.feature_id for one in asked})
    pairs = sorted({(one.customer_id, one.feature_id) for one in asked})
    entitlements = await entitlements_of(session, environment_id, pairs)
    metric_ids = {row.billable_metric_id for row in features.values() if row.billable_metric_id is not None}
    metrics = {one.id: one for one in await load_metrics(session, environment_id, metric_ids)} if metric_ids else {}
    pools = {
        one: Pool(
            one.customer_id,
            metrics[features[one.feature_id].billable_metric_id],
            [metered_of(row) for row in entitlements[one.customer_id, one.feature_id]],
            one.at,
            since,
        )
        for one in asked
        if one.feature_id in features and features[one.feature_id].kind is FeatureKind.METERED
    }
    await fill_pools(session, environment_id, list(pools.values()))
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
    theirs = await read_customers_now(session, found, now)
    at = at or theirs
    if not EARLIEST <= at <= theirs + FURTHEST:
        problems.add(ErrorCode.OUT_OF_RANGE, "at", "Must lie at most 2 years ahead, and not before the year 2000.")
    problems.raise_if_any()
    [standing] = await standings(session, environment_id, [Asked(found.id, row.id, at)])
    assert standing is not None
    return standing


async def next_use(session: AsyncSession, environment_id: str, standing: Standing) -> datetime | None:
    """Return the first instant after that of a standing at which a use is reported already; None where none is."""
    metric_id = standing.feature.billable_metric_id
    if metric_id is None:
        return None
    events, metrics = table_of(models.MeterEvent).c, table_of(models.BillableMetric).c
    event_type = select(metrics.event_type).where(metrics.environment_id == environment_id, metrics.id == metric_id)
    mine = (events.environment_id == environment_id, events.customer_id == standing.asked.customer_id)
    ahead = (events.type == event_type.scalar_subquery(), events.timestamp > standing.asked.at)
    first: datetime | None = await session.scalar(select(func.min(events.timestamp)).where(*mine, *ahead))
    return first


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
    session: AsyncSession, environment_id: str, entitlement_ids: Sequence[str], span: Period, now: datetime
) -> dict[str, list[Entry]]:
    """Return the entries of metered entitlements from the start of a span to its end, or two years ahead."""
    start, end = span.start, span.end
    asked = await _asked_of(session, environment_id, entitlement_ids, now)
    pools = {_not_after(one, end) for one in asked.values()}
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    for burnt in await _burnt(session, environment_id, pools, start - TICK):
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


def _not_after(asked: Asked, end: datetime) -> Asked:
    """Return the same question for an instant, two years ahead at most."""
    return asked._replace(at=max(min(end, asked.at + FURTHEST), EARLIEST))


def _standing(asked: Asked, feature: Row[Any], rows: Sequence[Row[Any]], pool: Pool | None) -> Standing:
    active = [row for row in rows if row.started_at <= asked.at and (row.ended_at is None or asked.at < row.ended_at)]
    if pool is None:
        value = getattr(terms_from_json(active[0].terms), "value", None) if active else None
        instants = [instant for row in rows for instant in (row.started_at, row.ended_at) if instant is not None]
        changes_at = min((instant for instant in instants if instant > asked.at), default=None)
        return Standing(asked, feature, active, access=bool(active), static_value=value, changes_at=changes_at)
    burnt = pool.burnt()
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
        usage=total_used(pool.pieces, begun or NEVER),
        overage=overage,
        period=period,
        burnt=burnt,
        is_soft=any(one.terms.is_soft_limit for one in metered),
        changes_at=next_change(pool.entitlements, pool.grants, asked.at),
    )


async def _features(session: AsyncSession, environment_id: str, ids: Collection[str]) -> dict[str, Row[Any]]:
    features = table_of(models.Feature)
    mine = (features.c.environment_id == environment_id, features.c.id.in_(ids))
    return {row.id: row for row in await session.execute(select(features).where(*mine))}
