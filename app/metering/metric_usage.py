"""What was used of one metric over time, by windows and groups, whoever bills it."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.aggregation import Aggregation, MeteredValue, aggregate
from app.billing.errors import ErrorCode, InvariantBroken, Problems, Refused
from app.billing.extraction import UncountedReason
from app.billing.measuring import MetricRules
from app.billing.periods import Period, known_timezone
from app.billing.windows import Window, windows
from app.metering.codec import FIRST_YEAR, LAST_YEAR
from app.metering.facts import LightRow, load_metrics, read_data
from app.models import Customer, MeterEvent, table_of

GroupKey = tuple[tuple[str, str | None], ...]
_EARLIEST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
_LATEST = datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MetricUsageQuery:
    """What is asked. Without a customer: all who are not on a test clock. Windows follow the local time of `zone`."""

    billable_metric_id: str
    start: datetime
    end: datetime
    customer_id: str | None = None
    window: Window | None = None
    group_by: tuple[str, ...] = ()
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class UsageGroup:
    """The usage of the events that agree in every dimension asked for; a value is None where an event has none."""

    key: GroupKey
    value: Decimal


@dataclass(frozen=True, slots=True)
class UsageWindow:
    """The usage of [start, end), in all and by group; a window without usage has 0 and no groups."""

    start: datetime
    end: datetime
    value: Decimal
    groups: tuple[UsageGroup, ...]


@dataclass(frozen=True, slots=True)
class MetricUsage:
    """An answer. `windows` and `groups` are empty where none were asked for.

    `counted_up_to` is there where events that were acknowledged before are not counted yet.
    """

    total: Decimal
    windows: tuple[UsageWindow, ...]
    groups: tuple[UsageGroup, ...]
    counted_up_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Fact:
    timestamp: datetime
    value: MeteredValue
    key: GroupKey


async def metric_usage(session: AsyncSession, environment_id: str, query: MetricUsageQuery) -> MetricUsage:
    """Return the usage of a metric over [start, end); raise Refused with all problems, as in `metric_usages`."""
    [answer] = await metric_usages(session, environment_id, [query])
    if isinstance(answer, Refused):
        raise answer
    return answer


async def metric_usages(
    session: AsyncSession, environment_id: str, queries: Sequence[MetricUsageQuery]
) -> list[MetricUsage | Refused]:
    """Answer queries that differ in their metric only, in their order, in three statements whatever their number.

    Every figure is computed from the events themselves, also where they can't be added up (MAX, UNIQUE_COUNT). An
    event counts whether or not a subscription bills it. Refused, with all problems: a range that is empty ("to") or
    beyond the years of events ("from", "to"), a customer that does not exist, an unknown timezone, dimensions that
    the metric lacks ("groupBy.i"), more than 1,000 windows ("window").
    """
    ids = [query.billable_metric_id for query in queries]
    metrics = {metric.id: metric for metric in await load_metrics(session, environment_id, ids)}
    if len(metrics) < len(set(ids)):
        raise InvariantBroken("The usage of something was asked for that is no metric here.")
    known = await _is_known(session, environment_id, queries[0].customer_id)
    refused = {
        query.billable_metric_id: _refusal(metrics[query.billable_metric_id], query, customer_is_known=known)
        for query in queries
    }
    allowed = [metrics[metric_id] for metric_id, refusal in refused.items() if refusal is None]
    events = await _events(session, environment_id, allowed, queries[0]) if allowed else {}
    return [
        refused[query.billable_metric_id] or _answer(metrics[query.billable_metric_id], query, events)
        for query in queries
    ]


def _answer(metric: MetricRules, query: MetricUsageQuery, events: Mapping[str, Sequence[LightRow]]) -> MetricUsage:
    spans = windows(query.window, query.start, query.end, query.zone) if query.window else ()
    facts = _facts(metric, query, events.get(metric.event_type, ()))
    return MetricUsage(
        total=_total(metric.aggregation, facts),
        windows=_by_window(metric.aggregation, spans, facts, grouped=bool(query.group_by)),
        groups=_by_group(metric.aggregation, facts) if query.group_by else (),
    )


def _refusal(metric: MetricRules, query: MetricUsageQuery, *, customer_is_known: bool) -> Refused | None:
    try:
        _check(metric, query, customer_is_known=customer_is_known)
        if query.window:
            windows(query.window, query.start, query.end, query.zone)
    except Refused as refused:
        return refused
    return None


def _check(metric: MetricRules, query: MetricUsageQuery, *, customer_is_known: bool) -> None:
    problems = Problems()
    if query.start < _EARLIEST:
        problems.add(ErrorCode.OUT_OF_RANGE, "from", f"Must not be before the year {FIRST_YEAR}.")
    if query.end <= query.start:
        problems.add(ErrorCode.OUT_OF_RANGE, "to", "Must be after from.")
    elif query.end > _LATEST:
        problems.add(ErrorCode.OUT_OF_RANGE, "to", f"Must not be after the year {LAST_YEAR}.")
    if not customer_is_known:
        problems.add(ErrorCode.NOT_FOUND, "customerId", "Names no customer that exists here.")
    names = {name for name, _ in metric.group_by}
    for place, name in enumerate(query.group_by):
        if name not in names:
            problems.add(ErrorCode.NOT_FOUND, f"groupBy.{place}", "Names no groupBy dimension of the metric.")
        elif name in query.group_by[:place]:
            problems.add(ErrorCode.INVALID, f"groupBy.{place}", "Is there twice.")
    if not known_timezone(query.zone):
        problems.add(ErrorCode.INVALID, "timezone", "Must be a zone of the IANA database, like Europe/Berlin.")
    problems.raise_if_any()


async def _is_known(session: AsyncSession, environment_id: str, customer_id: str | None) -> bool:
    if customer_id is None:
        return True
    customers = table_of(Customer).c
    statement = select(customers.id).where(customers.environment_id == environment_id, customers.id == customer_id)
    return await session.scalar(statement) is not None


async def _events(
    session: AsyncSession, environment_id: str, metrics: Sequence[MetricRules], query: MetricUsageQuery
) -> dict[str, list[LightRow]]:
    """Read the events of the customers asked for by type, in one statement; those of unknown customers stay out."""
    events, customers = table_of(MeterEvent).c, table_of(Customer).c
    of_customer = (customers.environment_id == events.environment_id) & (customers.id == events.customer_id)
    statement = select(events.id, events.type, events.timestamp, events.data).where(
        events.environment_id == environment_id,
        events.type.in_({metric.event_type for metric in metrics}),
        events.timestamp >= query.start,
        events.timestamp < query.end,
        ~events.voided,
    )
    if query.customer_id is None:
        statement = statement.join(table_of(Customer), of_customer).where(customers.test_clock_id.is_(None))
    else:
        statement = statement.where(events.customer_id == query.customer_id)
    by_type: defaultdict[str, list[LightRow]] = defaultdict(list)
    for row in await session.execute(statement):
        by_type[row.type].append(row)
    return by_type


def _facts(metric: MetricRules, query: MetricUsageQuery, rows: Iterable[LightRow]) -> list[_Fact]:
    facts = []
    for row in rows:
        data = read_data(row.data)
        value = metric.value_of(row.id, row.timestamp, data)
        if not isinstance(value, UncountedReason):
            found = metric.dimensions_of(data) if query.group_by else {}
            facts.append(_Fact(row.timestamp, value, tuple((name, found[name]) for name in query.group_by)))
    return facts


def _total(aggregation: Aggregation, facts: Iterable[_Fact]) -> Decimal:
    return aggregate(aggregation, (fact.value for fact in facts))


def _by_group(aggregation: Aggregation, facts: Iterable[_Fact]) -> tuple[UsageGroup, ...]:
    """Return the groups in the order of their keys, with missing values last."""
    members: defaultdict[GroupKey, list[_Fact]] = defaultdict(list)
    for fact in facts:
        members[fact.key].append(fact)
    keys = sorted(members, key=lambda key: [(value is None, value or "") for _, value in key])
    return tuple(UsageGroup(key, _total(aggregation, members[key])) for key in keys)


def _by_window(
    aggregation: Aggregation, spans: Sequence[Period], facts: Iterable[_Fact], *, grouped: bool
) -> tuple[UsageWindow, ...]:
    members: list[list[_Fact]] = [[] for _ in spans]
    if spans:
        starts = [span.start for span in spans]
        for fact in facts:
            members[bisect_right(starts, fact.timestamp) - 1].append(fact)
    return tuple(
        UsageWindow(
            span.start, span.end, _total(aggregation, inside), _by_group(aggregation, inside) if grouped else ()
        )
        for span, inside in zip(spans, members, strict=True)
    )
