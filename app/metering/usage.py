"""What was used, counted from the stored events: for invoices here, for a metric over time in `metric_usage`."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.extraction import UncountedReason, unit_price
from app.billing.filters import Dimensions
from app.billing.measuring import MetricRules, ReadEvent
from app.metering.coverage import Coverage, load_coverage
from app.metering.facts import CustomerNames, LightRow, load_customers, load_metrics, read_data
from app.metering.metric_usage import (
    MetricUsage,
    MetricUsageQuery,
    UsageGroup,
    UsageWindow,
    metric_usage,
    metric_usages,
)
from app.models import Invoice, InvoiceLine, InvoiceLineEvent, MeterEvent, table_of

__all__ = [
    "CountedEvent",
    "MetricUsage",
    "MetricUsageQuery",
    "UsageGroup",
    "UsageRequest",
    "UsageWindow",
    "counted_events",
    "metric_usage",
    "metric_usages",
]


@dataclass(frozen=True, slots=True)
class UsageRequest:
    """What is asked: how much a subscription used of a metric in [start, end).

    Where events carry prices of their own, `unit_price_property` says where.
    """

    subscription_id: str
    customer_id: str
    billable_metric_id: str
    start: datetime
    end: datetime
    unit_price_property: str | None = None


@dataclass(frozen=True, slots=True)
class CountedEvent(ReadEvent):
    """An event that counts, as a price reads it, with the groups it falls into."""

    event_id: str
    timestamp: datetime
    dimensions: dict[str, str | None]


async def counted_events(
    session: AsyncSession, environment_id: str, requests: Sequence[UsageRequest]
) -> dict[UsageRequest, list[CountedEvent]]:
    """Answer every request with the events that its subscription bills, in order of (timestamp, id).

    Five statements, whatever the number of requests. Subscriptions never share an event of one metric: the one that was
    billed for it keeps it, whoever the customer is called since; else the oldest that covers it has it.
    """
    answers: dict[UsageRequest, list[CountedEvent]] = {request: [] for request in requests}
    if not answers:
        return {}
    customer_ids = {request.customer_id for request in answers}
    metric_ids = {request.billable_metric_id for request in answers}
    metrics = await load_metrics(session, environment_id, metric_ids)
    customers = await load_customers(session, environment_id, customer_ids)
    coverage = await load_coverage(session, environment_id, customer_ids, metric_ids)
    selected = _selection(environment_id, answers, metrics, customers)
    billed = await billed_subscriptions(session, selected.by_subject | selected.by_external_subject, metric_ids)
    counting = _Counting(answers, metrics, customers, coverage, billed)
    for row in await _events(session, selected):
        for request, counted in counting.count(row):
            answers[request].append(counted)
    for counted_of_request in answers.values():
        counted_of_request.sort(key=lambda counted: (counted.timestamp, counted.event_id))
    return answers


class _Counting:
    """The look-up tables with which each event finds the requests it answers."""

    def __init__(
        self,
        requests: Iterable[UsageRequest],
        metrics: Iterable[MetricRules],
        customers: CustomerNames,
        coverage: Coverage,
        billed: Mapping[tuple[str, str], str],
    ) -> None:
        self.customers = customers
        self.coverage = coverage
        self.billed = billed
        self.metrics: defaultdict[str, list[MetricRules]] = defaultdict(list)
        for metric in metrics:
            self.metrics[metric.event_type].append(metric)
        self.requests: defaultdict[tuple[str, str], list[UsageRequest]] = defaultdict(list)
        for request in requests:
            self.requests[request.customer_id, request.billable_metric_id].append(request)

    def count(self, event: LightRow) -> Iterator[tuple[UsageRequest, CountedEvent]]:
        """Yield the requests that an event answers, with what it counts for."""
        customer_id = self.customers.resolve(event.subject, event.external_subject)
        if customer_id is None:
            return
        data: dict[str, object] | None = None
        for metric in self.metrics[event.type]:
            asked = self._asked(customer_id, metric, event)
            if not asked:
                continue
            data = read_data(event.data) if data is None else data
            value, groups = metric.value_of(event.id, event.timestamp, data), metric.dimensions_of(data)
            if isinstance(value, UncountedReason):
                continue
            owner_id = self._owner(customer_id, metric, event, groups)
            for request in asked:
                if request.subscription_id == owner_id:
                    path = request.unit_price_property
                    price = None if path is None else unit_price(path, data)
                    yield request, CountedEvent(value, price, event.id, event.timestamp, groups)

    def _asked(self, customer_id: str, metric: MetricRules, event: LightRow) -> list[UsageRequest]:
        requests = self.requests.get((customer_id, metric.id), ())
        return [request for request in requests if request.start <= event.timestamp < request.end]

    def _owner(self, customer_id: str, metric: MetricRules, event: LightRow, groups: Dimensions) -> str | None:
        billed = self.billed.get((event.id, metric.id))
        if billed is not None:
            return billed
        owner = self.coverage.owner(customer_id, metric.id, event.timestamp, groups)
        return None if owner is None else owner.subscription_id


@dataclass(frozen=True, slots=True)
class _Selection:
    """Which events may answer the requests: by the customer's id, or by the merchant's own id for it."""

    by_subject: ColumnElement[bool]
    by_external_subject: ColumnElement[bool]


def _selection(
    environment_id: str, requests: Iterable[UsageRequest], metrics: Iterable[MetricRules], customers: CustomerNames
) -> _Selection:
    events, asked = table_of(MeterEvent).c, list(requests)
    spans = and_(
        events.environment_id == environment_id,
        events.type.in_({metric.event_type for metric in metrics}),
        events.timestamp >= min(request.start for request in asked),
        events.timestamp < max(request.end for request in asked),
    )
    external = events.subject.is_(None) & events.external_subject.in_(set(customers.by_external_id))
    return _Selection(spans & events.subject.in_(customers.ids), spans & external)


async def _events(session: AsyncSession, selected: _Selection) -> Sequence[LightRow]:
    """Read the events of all requests, and perhaps some between them, in one statement over the two indexes."""
    events = table_of(MeterEvent).c
    wanted = select(events.id, events.type, events.subject, events.external_subject, events.timestamp, events.data)
    both = union_all(wanted.where(selected.by_subject), wanted.where(selected.by_external_subject))
    return (await session.execute(both)).all()


async def billed_subscriptions(
    session: AsyncSession, chosen: ColumnElement[bool], metric_ids: Collection[str]
) -> dict[tuple[str, str], str]:
    """Return, by event and metric, the subscription that was billed for each chosen event, where one was.

    `chosen` is a condition on meter events, their environment included.
    """
    assigned, lines, invoices, events = (
        table_of(model).c for model in (InvoiceLineEvent, InvoiceLine, Invoice, MeterEvent)
    )
    statement = (
        select(assigned.event_id, assigned.billable_metric_id, invoices.subscription_id)
        .join(MeterEvent, (events.environment_id == assigned.environment_id) & (events.id == assigned.event_id))
        .join(InvoiceLine, (lines.environment_id == assigned.environment_id) & (lines.id == assigned.invoice_line_id))
        .join(Invoice, (invoices.environment_id == lines.environment_id) & (invoices.id == lines.invoice_id))
        .where(assigned.billable_metric_id.in_(metric_ids), chosen)
    )
    rows = await session.execute(statement)
    return {(row.event_id, row.billable_metric_id): row.subscription_id for row in rows}
