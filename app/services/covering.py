"""Which of the units that prices charge are not billed, as grants cover them, or a hard limit is passed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.balance_entries import EntryKind
from app.billing.decimals import exact_difference, exact_sum
from app.billing.grants import TICK
from app.billing.measuring import Metering, MetricRules
from app.billing.periods import Period
from app.metering.coverage import Coverage, load_coverage
from app.metering.units_used import Used
from app.models import table_of
from app.services.metered import metered_of
from app.services.pools import Pool, entitlements_of, fill_pools

NONE = Decimal(0)


class CoverAsked(NamedTuple):
    """A price of a subscription, by which events it takes, over a window."""

    subscription_id: str
    customer_id: str
    metering: Metering
    window: Period


async def units_not_billed(session: AsyncSession, environment_id: str, asked: Sequence[CoverAsked]) -> list[Decimal]:
    """Return how many of the units that each price takes in its window are not billed, in the order of the questions.

    Of a metered feature those are the ones that grants cover, and with a hard limit all. Units are covered in the order
    in which they were used, whatever price takes them. One statement where no metric has a feature.
    """
    pools = await _pools(session, environment_id, asked)
    if not pools:
        return [NONE] * len(asked)
    customers, metrics = {one.customer_id for one in pools}, {one.metric.id for one in pools}
    coverage = await load_coverage(session, environment_id, customers, metrics)
    for pool in pools:
        pool.boundaries = {*pool.boundaries, *_changes(pool, coverage)}
    await fill_pools(session, environment_id, pools)
    takers = [_Takers(pool, asked, coverage) for pool in pools]
    split = {id(one.pool): instants for one in takers if (instants := one.days_to_split())}
    if split:
        again = [pool for pool in pools if id(pool) in split]
        for pool in again:
            pool.boundaries = {*pool.boundaries, *split[id(pool)]}
        await fill_pools(session, environment_id, again)
    found = [NONE] * len(asked)
    for one in takers:
        for place, units in one.taken():
            found[place] = exact_sum((found[place], units))
    return [max(units, NONE) for units in found]


@dataclass(frozen=True, slots=True)
class _Share:
    """How many units of a stretch are billed, of so many. Both are negative where usage was taken back."""

    units: Decimal
    billed: Decimal

    def between(self, before: Decimal, after: Decimal) -> Decimal:
        """Return how many units are not billed of those from one total to the next; over the stretch it adds up."""
        return exact_difference(self._free(after), self._free(before))

    def _free(self, used: Decimal) -> Decimal:
        if self.units < 0:  # what was billed is taken back first
            return min(exact_difference(used, self.billed), NONE)
        return min(used, exact_difference(self.units, self.billed))


class _Takers:
    """What the questions take of the usage of a pool."""

    def __init__(self, pool: Pool, asked: Sequence[CoverAsked], coverage: Coverage) -> None:
        self.pool, self._coverage = pool, coverage
        self._asked = [
            (place, one)
            for place, one in enumerate(asked)
            if (one.customer_id, one.metering.metric.id) == (pool.customer_id, pool.metric.id)
        ]

    def days_to_split(self) -> list[datetime]:
        """Return an instant in each day in which units stop being covered, and which several prices share."""
        found = []
        for used, before, share in self._runs():
            units = exact_sum(one.units for one in used)
            part = share.between(before, exact_sum((before, units)))
            if part not in {NONE, units} and len({self._taker(one) for one in used}) > 1:
                found.append(used[0].at + TICK)
        return found

    def taken(self) -> Iterator[tuple[int, Decimal]]:
        """Yield the place of a question, and units of its that are not billed."""
        for used, before, share in self._runs():
            total = before
            for one in used:
                after = exact_sum((total, one.units))
                part, total = share.between(total, after), after
                place = self._taker(one)
                if place is not None:
                    yield place, part

    def _runs(self) -> Iterator[tuple[Sequence[Used], Decimal, "_Share"]]:
        """Yield what was used at the same time, in order, how many units of its stretch before, and what is free."""
        billed = self._billed()
        for period, some in self.pool.pieces:
            if not any(one.is_active(period.start) for one in self.pool.entitlements):
                continue
            share = _Share(exact_sum(one.units for one in some), billed.get(period.start, NONE))
            before = NONE
            for _, group in groupby(some, key=lambda one: one.at):
                used = list(group)
                yield used, before, share
                before = exact_sum((before, *(one.units for one in used)))

    def _billed(self) -> dict[datetime, Decimal]:
        """Return how many units were used over a limit that is soft, by the start of the span."""
        soft = {one.id for one in self.pool.entitlements if one.bills_overage}
        found: defaultdict[datetime, Decimal] = defaultdict(Decimal)
        for entry in self.pool.burnt().entries:
            if entry.kind is EntryKind.OVERAGE and entry.entitlement_id in soft and entry.since is not None:
                found[entry.since] = exact_sum((found[entry.since], entry.overage_change))
        return found

    def _taker(self, used: Used) -> int | None:
        """Return the place of the question that units fall to."""
        owner = self._coverage.owner(self.pool.customer_id, self.pool.metric.id, used.at, used.dimensions)
        if owner is None:
            return None
        return next(
            (
                place
                for place, one in self._asked
                if one.subscription_id == owner.subscription_id
                and one.window.contains(used.at)
                and one.metering.takes(used.dimensions)
            ),
            None,
        )


async def _pools(session: AsyncSession, environment_id: str, asked: Sequence[CoverAsked]) -> list[Pool]:
    metrics: dict[str, MetricRules] = {one.metering.metric.id: one.metering.metric for one in asked}
    features = table_of(models.Feature).c
    mine = (features.environment_id == environment_id, features.billable_metric_id.in_(metrics))
    statement = select(features.id, features.billable_metric_id).where(*mine)
    by_metric = {row.billable_metric_id: row.id for row in await session.execute(statement)} if metrics else {}
    windows: defaultdict[tuple[str, str], list[Period]] = defaultdict(list)
    for one in asked:
        if one.metering.metric.id in by_metric:
            windows[one.customer_id, one.metering.metric.id].append(one.window)
    if not windows:
        return []
    pairs = {(customer_id, by_metric[metric_id]): (customer_id, metric_id) for customer_id, metric_id in windows}
    rows = await entitlements_of(session, environment_id, sorted(pairs))
    return [
        Pool(
            customer_id,
            metrics[metric_id],
            [metered_of(row) for row in rows[pair]],
            max(window.end for window in windows[customer_id, metric_id]) - TICK,
            reach=min(window.start for window in windows[customer_id, metric_id]),
            boundaries=_bounds(windows[customer_id, metric_id]),
        )
        for pair, (customer_id, metric_id) in pairs.items()
        if rows[pair]
    ]


def _bounds(windows: Iterable[Period]) -> Collection[datetime]:
    return {instant for window in windows for instant in (window.start, window.end)}


def _changes(pool: Pool, coverage: Coverage) -> Iterator[datetime]:
    """Yield when another subscription begins to bill a customer's usage, or stops."""
    for covering in coverage.of_metric(pool.metric.id).get(pool.customer_id, ()):
        yield covering.calendar.started_at
        if covering.calendar.ended_at is not None:
            yield covering.calendar.ended_at
