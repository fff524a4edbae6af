"""Which subscription bills an event: the oldest of the customer's that covers its timestamp and prices it."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.cadences import interval_of
from app.billing.calendars import Calendar
from app.billing.filters import Dimensions, Filter, filter_from_json, matches
from app.billing.lifecycle import SubscriptionStatus
from app.billing.periods import BillingInterval, Period
from app.models import PlanVersionPrice, Price, Subscription, table_of

#: Calendars whose last window is remembered. Each is what it is for ever, so nothing here can be out of date.
MAX_REMEMBERED: Final = 100_000
_last_windows: dict[tuple[Calendar, BillingInterval], Period] = {}


@dataclass(frozen=True, slots=True)
class Metered:
    """A price on a metric: which events it takes, and how long its windows are."""

    price_id: str
    filter: Filter
    interval: BillingInterval


@dataclass(frozen=True, slots=True)
class Covering:
    """A subscription with prices on a metric, and the span [started_at, ended_at) of events it bills; None is open."""

    subscription_id: str
    plan_version_id: str
    ended_at: datetime | None
    calendar: Calendar
    prices: list[Metered]

    def covers(self, instant: datetime) -> bool:
        """Tell whether an instant falls into the subscription's life."""
        return self.calendar.started_at <= instant and (self.ended_at is None or instant < self.ended_at)

    def price_of(self, instant: datetime, dimensions: Dimensions) -> Metered | None:
        """Return the price that an event falls to, if it falls into the subscription's life and any price takes it."""
        if not self.covers(instant):
            return None
        filtered = (price for price in self.prices if price.filter and matches(price.filter, dimensions))
        rest = (price for price in self.prices if not price.filter)
        return next(filtered, next(rest, None))

    def period_of(self, price: Metered, instant: datetime) -> Period:
        """Return the window of a price that an instant falls into, which may not have begun yet."""
        return window_of(self.calendar, price.interval, instant)


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

    def __init__(self, rows: Iterable[Any]) -> None:
        """Take rows of `load_coverage`, ordered by start and id."""
        self._covering: defaultdict[tuple[str, str], dict[str, Covering]] = defaultdict(dict)
        for row in rows:
            calendar = Calendar(row.anchor_at, row.started_at, row.timezone)
            listed = self._covering[row.customer_id, row.billable_metric_id]
            covering = listed.setdefault(row.id, Covering(row.id, row.plan_version_id, row.ended_at, calendar, []))
            interval = interval_of(row.cadence, row.billing_interval)
            assert interval is not None, "what is charged once measures nothing"
            covering.prices.append(Metered(row.price_id, filter_from_json(row.filter), interval))

    @property
    def subscription_ids(self) -> frozenset[str]:
        """Every subscription in it."""
        return frozenset(subscription_id for listed in self._covering.values() for subscription_id in listed)

    def of_metric(self, billable_metric_id: str) -> dict[str, list[Covering]]:
        """Return the subscriptions with prices on a metric by customer, each customer's oldest first."""
        found = self._covering.items()
        return {
            customer_id: list(listed.values())
            for (customer_id, metric_id), listed in found
            if metric_id == billable_metric_id
        }

    def owner(
        self, customer_id: str, billable_metric_id: str, instant: datetime, dimensions: Dimensions
    ) -> Covering | None:
        """Return the subscription that bills a customer's event of this instant for the metric, if any does."""
        candidates = self._covering.get((customer_id, billable_metric_id), {}).values()
        return next((covering for covering in candidates if covering.price_of(instant, dimensions)), None)

    def unchanged_around(
        self, customer_id: str, billable_metric_id: str, instant: datetime
    ) -> tuple[datetime, datetime]:
        """Return the span [start, end) around an instant in which the same of the subscriptions cover."""
        start, end = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
        for covering in self._covering.get((customer_id, billable_metric_id), {}).values():
            for change in (covering.calendar.started_at, covering.ended_at):
                if change is not None and change <= instant:
                    start = max(start, change)
                elif change is not None:
                    end = min(end, change)
        return start, end

    def oldest(self, customer_id: str, billable_metric_id: str, instant: datetime) -> Covering | None:
        """Return the oldest of a customer's subscriptions with prices on the metric that covers an instant."""
        candidates = self._covering.get((customer_id, billable_metric_id), {}).values()
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
    subscriptions, contained, prices = (table_of(model).c for model in (Subscription, PlanVersionPrice, Price))
    was_active = (subscriptions.status != SubscriptionStatus.TERMINATED) | subscriptions.activated_at.is_not(None)
    chosen = customer_ids if isinstance(customer_ids, Select) else set(customer_ids)
    statement = (
        select(
            *(subscriptions[name] for name in ("id", "customer_id", "started_at", "ended_at", "anchor_at")),
            *(subscriptions[name] for name in ("plan_version_id", "billing_interval", "timezone")),
            *(prices[name] for name in ("billable_metric_id", "filter", "cadence")),
            prices.id.label("price_id"),
        )
        .join(
            table_of(PlanVersionPrice),
            (contained.environment_id == subscriptions.environment_id)
            & (contained.plan_version_id == subscriptions.plan_version_id),
        )
        .join(table_of(Price), (prices.environment_id == contained.environment_id) & (prices.id == contained.price_id))
        .where(subscriptions.environment_id == environment_id, subscriptions.customer_id.in_(chosen))
        .where(prices.billable_metric_id.in_(set(billable_metric_ids)), was_active)
        .order_by(subscriptions.started_at, subscriptions.id)
    )
    return Coverage(await session.execute(statement))
