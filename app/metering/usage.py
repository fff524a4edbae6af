"""What was used, counted from the stored events: for invoices here, for a metric over time in `metric_usage`."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.aggregation import MeteredValue
from app.billing.extraction import UncountedReason
from app.metering.coverage import Coverage, load_coverage
from app.metering.facts import CustomerNames, LightRow, MetricRules, load_customers, load_metrics, read_data
from app.metering.metric_usage import MetricUsage, MetricUsageQuery, UsageGroup, UsageWindow, metric_usage
from app.models import MeterEvent, table_of

__all__ = [
    "CountedEvent",
    "MetricUsage",
    "MetricUsageQuery",
    "UsageGroup",
    "UsageRequest",
    "UsageWindow",
    "counted_events",
    "metric_usage",
]


@dataclass(frozen=True, slots=True)
class UsageRequest:
    """What is asked: how much a subscription used of a metric in [start, end)."""

    subscription_id: str
    customer_id: str
    billable_metric_id: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class CountedEvent:
    """An event that counts, with what it counts for and the groups it falls into."""

    event_id: str
    timestamp: datetime
    value: MeteredValue
    dimensions: dict[str, str | None]


async def counted_events(
    session: AsyncSession, environment_id: str, requests: Sequence[UsageRequest]
) -> dict[UsageRequest, list[CountedEvent]]:
    """Answer every request with the events that its subscription bills, in order of (timestamp, id).

    Four statements, whatever the number of requests. Events that were billed already are among them. Between them the
    subscriptions of a customer never share an event of one metric: the oldest that covers it has it.
    """
    answers: dict[UsageRequest, list[CountedEvent]] = {request: [] for request in requests}
    if not answers:
        return {}
    customer_ids = {request.customer_id for request in answers}
    metric_ids = {request.billable_metric_id for request in answers}
    metrics = await load_metrics(session, environment_id, metric_ids)
    customers = await load_customers(session, environment_id, customer_ids)
    coverage = await load_coverage(session, environment_id, customer_ids, metric_ids)
    counting = _Counting(answers, metrics, customers, coverage)
    for row in await _events(session, environment_id, answers, metrics, customers):
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
    ) -> None:
        self.customers = customers
        self.coverage = coverage
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
            asked = self._asked(customer_id, metric, event.timestamp)
            if not asked:
                continue
            data = read_data(event.data) if data is None else data
            value = metric.value_of(event.id, event.timestamp, data)
            if not isinstance(value, UncountedReason):
                counted = CountedEvent(event.id, event.timestamp, value, metric.dimensions_of(data))
                yield from ((request, counted) for request in asked)

    def _asked(self, customer_id: str, metric: MetricRules, instant: datetime) -> list[UsageRequest]:
        requests = self.requests.get((customer_id, metric.id), ())
        within = [request for request in requests if request.start <= instant < request.end]
        owner = self.coverage.owner(customer_id, metric.id, instant) if within else None
        return [request for request in within if owner is not None and request.subscription_id == owner.subscription_id]


async def _events(
    session: AsyncSession,
    environment_id: str,
    requests: Iterable[UsageRequest],
    metrics: Iterable[MetricRules],
    customers: CustomerNames,
) -> Sequence[LightRow]:
    """Read the events of all requests, and perhaps some between them, in one statement over the two indexes."""
    events, asked = table_of(MeterEvent).c, list(requests)
    wanted = select(
        events.id, events.type, events.subject, events.external_subject, events.timestamp, events.data
    ).where(
        events.environment_id == environment_id,
        events.type.in_({metric.event_type for metric in metrics}),
        events.timestamp >= min(request.start for request in asked),
        events.timestamp < max(request.end for request in asked),
    )
    by_subject = wanted.where(events.subject.in_(customers.ids))
    by_external_subject = wanted.where(
        events.subject.is_(None), events.external_subject.in_(set(customers.by_external_id))
    )
    return (await session.execute(union_all(by_subject, by_external_subject))).all()
