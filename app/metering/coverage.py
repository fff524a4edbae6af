"""Which subscription bills an event: the oldest of the customer's that covers its timestamp and prices it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.cadences import interval_of
from app.billing.calendars import Calendar
from app.billing.filters import Dimensions, Filter, filter_from_json, matches
from app.billing.lifecycle import SubscriptionStatus
from app.billing.periods import BillingInterval, Period
from app.billing.phases import joined
from app.models import PlanVersionPrice, Price, Subscription, SubscriptionPhase, table_of

#: Calendars whose last window is remembered. Each is what it is for ever, so nothing here can be out of date.
MAX_REMEMBERED: Final = 100_000
_last_windows: dict[tuple[Calendar, BillingInterval], Period] = {}
#: Rows, and values of the filters in them, of which is remembered what was made: some 25 MB at most.
MOST_ROWS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Metered:
    """A price on a metric: which events it takes, and how long its windows are.

    One without a filter takes what the filters of the `others` beside it leave.
    """

    price_id: str
    filter: Filter
    interval: BillingInterval
    others: frozenset[Filter] = frozenset()

    def takes(self, dimensions: Dimensions) -> bool:
        """Tell whether it charges an event with these dimensions."""
        if self.filter:
            return matches(self.filter, dimensions)
        return not any(matches(other, dimensions) for other in self.others)


@dataclass(frozen=True, slots=True)
class Covering:
    """A subscription with the prices on a metric that hold over the span of a calendar: it bills the events in it.

    One that changed is several.
    """

    subscription_id: str
    plan_version_id: str
    calendar: Calendar
    prices: list[Metered]

    def covers(self, instant: datetime) -> bool:
        """Tell whether an instant falls into the span."""
        return self.calendar.covers(instant)

    def price_of(self, instant: datetime, dimensions: Dimensions) -> Metered | None:
        """Return the price that an event falls to, if it falls into the span and any price takes it."""
        if not self.covers(instant):
            return None
        return next((price for price in self.prices if price.takes(dimensions)), None)

    def period_of(self, price: Metered, instant: datetime) -> Period:
        """Return the window of a price that an instant falls into, which may not have begun yet."""
        return window_of(self.calendar, price.interval, instant)


_NONE: Final[Sequence[Covering]] = ()


class Memory:
    """What was made of the rows of customers and metrics: mostly they are the same when the next events come."""

    def __init__(self, most: int = MOST_ROWS) -> None:
        """Remember so many rows, and values of their filters, at most."""
        self._most = most
        self._kept: dict[tuple[str, str], tuple[Sequence[Any], Sequence[Covering], int]] = {}
        #: Rows, and values of their filters, that are kept.
        self.size = 0

    def coverings(self, place: tuple[str, str], rows: Sequence[Any]) -> Sequence[Covering]:
        """Return what the rows come to."""
        rows_before, made, size = self._kept.get(place, ((), (), 0))
        if size and rows_before == rows:
            return made
        made, larger = _made(rows), sum(1 + sum(len(one["in"]) for one in row.filter or ()) for row in rows)
        if self.size - size + larger > self._most:
            self._kept.clear()
            self.size = size = 0
        if larger <= self._most:
            self._kept[place] = rows, made, larger
            self.size += larger - size
        return made


_memory: Final = Memory()


def _made(rows: Sequence[Any]) -> Sequence[Covering]:
    """Return what covers a customer's events for a metric, given the rows of all subscriptions phase by phase."""
    phases: defaultdict[str, dict[int, list[Any]]] = defaultdict(dict)
    for row in rows:
        phases[row.id].setdefault(row.phase_number, []).append(row)
    return [covering for numbered in phases.values() for covering in _of_phases(list(numbered.values()))]


def window_of(calendar: Calendar, interval: BillingInterval, instant: datetime) -> Period:
    """Return the window of a calendar that an instant falls into. The last one of each is remembered, as most do."""
    last = _last_windows.get((calendar, interval))
    if last is None or not last.start <= instant < last.end:
        if len(_last_windows) >= MAX_REMEMBERED:
            _last_windows.clear()
        last = _last_windows[calendar, interval] = calendar.window(interval, instant).part
    return last


class Coverage:
    """The subscriptions that may bill the events of some customers, by customer and metric, oldest first."""

    def __init__(self, rows: Iterable[Any], memory: Memory | None = None) -> None:
        """Take rows of `load_coverage`, ordered by the start and the id of the subscription, then by phase.

        With a memory it is made of what was made of the same rows before.
        """
        listed: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
        for row in rows:
            listed[row.customer_id, row.billable_metric_id].append(row)
        self._covering = {
            place: _made(some) if memory is None else memory.coverings(place, some) for place, some in listed.items()
        }

    def of(self, customer_id: str, billable_metric_id: str) -> Sequence[Covering]:
        """Return the subscriptions of a customer with prices on a metric. A memory returns the same object again."""
        return self._covering.get((customer_id, billable_metric_id), _NONE)

    @property
    def subscription_ids(self) -> frozenset[str]:
        """Every subscription in it."""
        return frozenset(covering.subscription_id for listed in self._covering.values() for covering in listed)

    def of_metric(self, billable_metric_id: str) -> dict[str, Sequence[Covering]]:
        """Return the subscriptions with prices on a metric by customer, each customer's oldest first."""
        found = self._covering.items()
        return {customer_id: listed for (customer_id, metric_id), listed in found if metric_id == billable_metric_id}

    def owner(
        self, customer_id: str, billable_metric_id: str, instant: datetime, dimensions: Dimensions
    ) -> Covering | None:
        """Return the subscription that bills a customer's event of this instant for the metric, if any does."""
        candidates = self.of(customer_id, billable_metric_id)
        return next((covering for covering in candidates if covering.price_of(instant, dimensions)), None)

    def unchanged_around(
        self, customer_id: str, billable_metric_id: str, instant: datetime
    ) -> tuple[datetime, datetime]:
        """Return the span [start, end) around an instant in which the same of the subscriptions cover."""
        start, end = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
        for covering in self.of(customer_id, billable_metric_id):
            for change in (covering.calendar.started_at, covering.calendar.ended_at):
                if change is not None and change <= instant:
                    start = max(start, change)
                elif change is not None:
                    end = min(end, change)
        return start, end

    def oldest(self, customer_id: str, billable_metric_id: str, instant: datetime) -> Covering | None:
        """Return the oldest of a customer's subscriptions with prices on the metric that covers an instant."""
        candidates = self.of(customer_id, billable_metric_id)
        return next((covering for covering in candidates if covering.covers(instant)), None)


async def load_coverage(
    session: AsyncSession,
    environment_id: str,
    customer_ids: Collection[str] | Select[tuple[str]],
    billable_metric_ids: Collection[str],
) -> Coverage:
    """Read, in one statement, which subscriptions of the customers have prices on the metrics.

    Customers are given by their ids, or by a statement that selects these, where there may be any number of them.
    A pending subscription covers, as it is billed once active. One that ended without ever being active does not.
    """
    given: dict[str, Any] = {"environment_id": environment_id, "billable_metric_ids": list(set(billable_metric_ids))}
    if isinstance(customer_ids, Select):
        return Coverage((await session.execute(_covered(customer_ids), given)).all())
    given["customer_ids"] = list(set(customer_ids))
    return Coverage((await session.execute(_COVERED, given)).all(), _memory)


def _priced(agreed: Any, number: str, start: ColumnElement[datetime], end: ColumnElement[Any]) -> Select[Any]:
    """Select what subscriptions agreed to, now or in a former phase, with their prices."""
    subscriptions, contained, prices = (table_of(model).c for model in (Subscription, PlanVersionPrice, Price))
    return (
        select(
            *(subscriptions[name] for name in ("id", "customer_id", "started_at", "timezone")),
            *(agreed[name] for name in ("plan_version_id", "billing_interval", "anchor_at", "calendar_number")),
            agreed[number].label("phase_number"),
            start.label("start_at"),
            end.label("end_at"),
            *(prices[name] for name in ("billable_metric_id", "filter", "cadence")),
            prices.id.label("price_id"),
            contained.position,
        )
        .join(
            table_of(PlanVersionPrice),
            (contained.environment_id == agreed.environment_id) & (contained.plan_version_id == agreed.plan_version_id),
        )
        .join(table_of(Price), (prices.environment_id == contained.environment_id) & (prices.id == contained.price_id))
    )


def _covered(customer_ids: Any) -> Select[Any]:
    """Select what may cover the events of some customers; environment and metrics are given when it is executed."""
    environment_id: BindParameter[str] = bindparam("environment_id")
    subscriptions, phases = table_of(Subscription).c, table_of(SubscriptionPhase).c
    now = _priced(subscriptions, "phase_number", subscriptions.phase_started_at, subscriptions.ending_at)
    before = _priced(phases, "number", phases.start_at, phases.end_at).join(
        table_of(Subscription),
        (subscriptions.environment_id == phases.environment_id) & (subscriptions.id == phases.subscription_id),
    )
    was_active = (subscriptions.status != SubscriptionStatus.TERMINATED) | subscriptions.activated_at.is_not(None)
    mine = (subscriptions.environment_id == environment_id, subscriptions.customer_id.in_(customer_ids), was_active)
    priced = table_of(Price).c.billable_metric_id.in_(bindparam("billable_metric_ids", expanding=True))
    listed = union_all(*(statement.where(*mine, priced) for statement in (now, before))).subquery()
    return select(listed).order_by(listed.c.started_at, listed.c.id, listed.c.phase_number, listed.c.position)


#: For customers given by their ids. It is made once, as that takes longer than to read a few rows.
_COVERED: Final = _covered(bindparam("customer_ids", expanding=True))


def _of_phases(phases: Sequence[Sequence[Any]]) -> list[Covering]:
    """Return what covers the events that one metric measures of one subscription, given its rows phase by phase."""
    calendars = [
        Calendar(first.anchor_at, first.start_at, first.timezone, first.end_at, first.calendar_number)
        for first, *_ in phases
    ]
    metered = [_metered(rows) for rows in phases]
    versions: dict[Metered, str] = {}
    for rows, prices in zip(phases, metered, strict=True):
        versions = dict.fromkeys(prices, rows[0].plan_version_id) | versions
    return [
        Covering(phases[0][0].id, versions[prices[0]], calendar, prices)
        for calendar, prices in joined(zip(calendars, metered, strict=True))
    ]


def _metered(rows: Sequence[Any]) -> list[Metered]:
    filters = [filter_from_json(row.filter) for row in rows]
    found = []
    for row, own in zip(rows, filters, strict=True):
        interval = interval_of(row.cadence, row.billing_interval)
        assert interval is not None, "what is charged once measures nothing"
        others = frozenset() if own else frozenset(filter(None, filters))
        found.append(Metered(row.price_id, own, interval, others))
    return found
