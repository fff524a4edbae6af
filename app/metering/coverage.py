"""Which subscription bills an event: for each metric, the oldest of the customer's that covers its timestamp."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.lifecycle import SubscriptionStatus
from app.billing.periods import BillingInterval, Period, period_containing
from app.models import PlanVersionPrice, Price, Subscription, table_of


@dataclass(frozen=True, slots=True)
class Covering:
    """A subscription with a price on a metric, and the span [started_at, ended_at) of events it bills; None is open."""

    subscription_id: str
    started_at: datetime
    ended_at: datetime | None
    anchor_at: datetime
    interval: BillingInterval
    zone: str

    def covers(self, instant: datetime) -> bool:
        """Tell whether an event of this instant falls into the subscription's life."""
        return self.started_at <= instant and (self.ended_at is None or instant < self.ended_at)

    def period_of(self, instant: datetime) -> Period:
        """Return the billing period an instant falls into, which may not have begun yet."""
        return period_containing(self.anchor_at, self.interval, instant, self.zone)


class Coverage:
    """The subscriptions that may bill the events of some customers, by customer and metric, oldest first."""

    def __init__(self, rows: Iterable[Any]) -> None:
        """Take rows of `load_coverage`, ordered by start and id."""
        self._covering: defaultdict[tuple[str, str], list[Covering]] = defaultdict(list)
        for row in rows:
            covering = Covering(row.id, row.started_at, row.ended_at, row.anchor_at, row.billing_interval, row.timezone)
            self._covering[row.customer_id, row.billable_metric_id].append(covering)

    @property
    def subscription_ids(self) -> frozenset[str]:
        """Every subscription in it."""
        return frozenset(covering.subscription_id for listed in self._covering.values() for covering in listed)

    def owner(self, customer_id: str, billable_metric_id: str, instant: datetime) -> Covering | None:
        """Return the subscription that bills the customer's events of this instant for the metric, if any does."""
        candidates = self._covering.get((customer_id, billable_metric_id), ())
        return next((covering for covering in candidates if covering.covers(instant)), None)


async def load_coverage(
    session: AsyncSession, environment_id: str, customer_ids: Collection[str], billable_metric_ids: Collection[str]
) -> Coverage:
    """Read, in one statement, which subscriptions of the customers have prices on the metrics.

    A pending subscription covers, as it is billed once active. One that ended without ever being active does not.
    """
    subscriptions, contained, prices = (table_of(model).c for model in (Subscription, PlanVersionPrice, Price))
    was_active = (subscriptions.status != SubscriptionStatus.TERMINATED) | subscriptions.activated_at.is_not(None)
    statement = (
        select(
            *(subscriptions[name] for name in ("id", "customer_id", "started_at", "ended_at", "anchor_at")),
            *(subscriptions[name] for name in ("billing_interval", "timezone")),
            prices.billable_metric_id,
        )
        .distinct()
        .join(
            table_of(PlanVersionPrice),
            (contained.environment_id == subscriptions.environment_id)
            & (contained.plan_version_id == subscriptions.plan_version_id),
        )
        .join(table_of(Price), (prices.environment_id == contained.environment_id) & (prices.id == contained.price_id))
        .where(subscriptions.environment_id == environment_id, subscriptions.customer_id.in_(set(customer_ids)))
        .where(prices.billable_metric_id.in_(set(billable_metric_ids)), was_active)
        .order_by(subscriptions.started_at, subscriptions.id)
    )
    return Coverage(await session.execute(statement))
