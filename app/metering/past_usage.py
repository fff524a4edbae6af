"""What all customers used of a metric in a span of the past, and which of their subscriptions bills it."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.aggregation import MeteredValue
from app.billing.extraction import UncountedReason, unit_price
from app.billing.filters import Dimensions
from app.billing.measuring import MetricRules
from app.billing.periods import Period
from app.metering.coverage import Coverage
from app.metering.facts import LightRow, read_data
from app.metering.usage import billed_subscriptions
from app.models import Customer, MeterEvent, table_of

#: Rows that are read at a time, so that other requests are served between them.
_AT_A_TIME = 1000


@dataclass(frozen=True, slots=True)
class PastEvents:
    """Which events are meant: those of a metric in a span; `customers` is a condition on the customers' columns."""

    environment_id: str
    metric: MetricRules
    span: Period
    customers: ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class PastEvent:
    """An event that counts, and the unit price it carries at each path that was asked for.

    `billed_by` is the subscription that bills it, `covered_by` the one that would if its prices took every event.
    """

    event_id: str
    timestamp: datetime
    value: MeteredValue
    dimensions: Dimensions
    unit_prices: Mapping[str, Decimal | None]
    billed_by: str | None
    covered_by: str | None


async def count_past_events(session: AsyncSession, asked: PastEvents, most: int) -> int:
    """Return how many events `past_usage` would read, but no more than one above `most`. One statement."""
    events = _statement(asked, table_of(MeterEvent).c.id).limit(most + 1).subquery()
    return (await session.execute(select(func.count()).select_from(events))).scalar_one()


async def past_usage(
    session: AsyncSession, asked: PastEvents, coverage: Coverage, unit_price_paths: Collection[str]
) -> dict[str, list[PastEvent]]:
    """Return the events of each customer in order of (timestamp, id). Two statements.

    They are billed as in `counted_events`: by the subscription that was billed for them, else by the oldest that covers
    and prices them.
    """
    events = table_of(MeterEvent).c
    billed = await billed_subscriptions(session, _chosen(asked), [asked.metric.id])
    reading = _Reading(asked.metric, coverage, billed, unit_price_paths)
    by_customer: defaultdict[str, list[PastEvent]] = defaultdict(list)
    columns = (events.id, events.timestamp, events.data, table_of(Customer).c.id.label("customer_id"))
    result = await session.stream(_statement(asked, *columns))
    async for rows in result.partitions(_AT_A_TIME):
        for row in rows:
            event = reading.read(row)
            if event is not None:
                by_customer[row.customer_id].append(event)
    for listed in by_customer.values():
        listed.sort(key=lambda event: (event.timestamp, event.event_id))
    return by_customer


@dataclass(frozen=True, slots=True)
class _Reading:
    """What each event is read with."""

    metric: MetricRules
    coverage: Coverage
    billed: Mapping[tuple[str, str], str]
    unit_price_paths: Collection[str]

    def read(self, row: LightRow) -> PastEvent | None:
        """Return what an event counts for; None where that is nothing."""
        data, metric = read_data(row.data), self.metric
        value = metric.value_of(row.id, row.timestamp, data)
        if isinstance(value, UncountedReason):
            return None
        dimensions = metric.dimensions_of(data)
        billed_by = self.billed.get((row.id, metric.id))
        if billed_by is None:
            owner = self.coverage.owner(row.customer_id, metric.id, row.timestamp, dimensions)
            billed_by = None if owner is None else owner.subscription_id
        covered_by = billed_by
        if billed_by is None:
            oldest = self.coverage.oldest(row.customer_id, metric.id, row.timestamp)
            covered_by = None if oldest is None else oldest.subscription_id
        prices = {path: unit_price(path, data) for path in self.unit_price_paths}
        return PastEvent(row.id, row.timestamp, value, dimensions, prices, billed_by, covered_by)


def _chosen(asked: PastEvents) -> ColumnElement[bool]:
    events = table_of(MeterEvent).c
    return (
        (events.environment_id == asked.environment_id)
        & (events.type == asked.metric.event_type)
        & (events.timestamp >= asked.span.start)
        & (events.timestamp < asked.span.end)
        & ~events.voided
    )


def _statement(asked: PastEvents, *columns: ColumnElement[Any]) -> Select[Any]:
    """Select the events of the customers that are meant."""
    events, customers = table_of(MeterEvent).c, table_of(Customer).c
    of_customer = (customers.environment_id == events.environment_id) & (customers.id == events.customer_id)
    joined = select(*columns).select_from(table_of(MeterEvent)).join(table_of(Customer), of_customer)
    return joined.where(_chosen(asked), asked.customers)
