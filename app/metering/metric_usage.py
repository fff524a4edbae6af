"""What was used of one metric over time, by windows and groups, whoever bills it."""

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.aggregation import Aggregation, Tallied, quantity_of
from app.billing.errors import ErrorCode, InvariantBroken, Problems, Refused
from app.billing.filters import Filter, check_dimensions, check_filter, matches
from app.billing.measuring import MetricRules
from app.billing.periods import Period, known_timezone
from app.billing.windows import Window, windows
from app.metering.allowance import Allowance
from app.metering.codec import FIRST_YEAR, LAST_YEAR
from app.metering.facts import load_metrics
from app.metering.usage_pieces import Piece, read_pieces
from app.models import Customer, table_of

GroupKey = tuple[tuple[str, str | None], ...]
#: Groups that `top` may ask for.
MOST_GROUPS = 1000
_EARLIEST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
_LATEST = datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
#: The key of the group that has all that is not among the greatest: no other group has an empty one.
_OTHERS: GroupKey = ()


@dataclass(frozen=True, slots=True)
class MetricUsageQuery:
    """What is asked. Without a customer: all who are not on a test clock. Windows follow the local time of `zone`.

    `filter` leaves events out by their dimensions; `top` puts all but the greatest groups of the whole into one.
    """

    billable_metric_id: str
    start: datetime
    end: datetime
    customer_id: str | None = None
    window: Window | None = None
    group_by: tuple[str, ...] = ()
    zone: str = "UTC"
    filter: Filter = ()
    top: int | None = None


@dataclass(frozen=True, slots=True)
class UsageGroup:
    """The usage of the events that agree in every dimension asked for; a value is None where an event has none.

    The last group may be that of all others, with an empty key.
    """

    key: GroupKey
    value: Decimal

    @property
    def is_other(self) -> bool:
        """Whether it has all that is not among the greatest groups."""
        return self.key == _OTHERS


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


async def metric_usages(
    session: AsyncSession, environment_id: str, queries: Sequence[MetricUsageQuery], allowance: Allowance
) -> list[MetricUsage | Refused]:
    """Answer queries that differ in their metric only, in their order, in five statements whatever their number.

    Every figure is computed from the events themselves, also where they can't be added up (MAX, UNIQUE_COUNT). An
    event counts whether or not a subscription bills it. Refused, with all problems: a range that is empty ("to") or
    beyond the years of events ("from", "to"), a customer that does not exist, an unknown timezone, dimensions that
    the metric lacks ("groupBy.i"), more than 1,000 windows ("window"), more events to read than are allowed ("to").
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
    answers = await _answers(session, environment_id, allowed, queries[0], allowance) if allowed else {}
    return [refused[query.billable_metric_id] or answers[query.billable_metric_id] for query in queries]


async def _answers(
    session: AsyncSession,
    environment_id: str,
    metrics: Sequence[MetricRules],
    query: MetricUsageQuery,
    allowance: Allowance,
) -> Mapping[str, MetricUsage | Refused]:
    spans = windows(query.window, query.start, query.end, query.zone) if query.window else ()
    boundaries = [span.start for span in spans]
    span = Period(query.start, query.end)
    try:
        pieces = await read_pieces(session, environment_id, metrics, query.customer_id, span, boundaries, allowance)
    except Refused as refusal:
        return {metric.id: refusal for metric in metrics}
    return await asyncio.to_thread(
        lambda: {metric.id: _answer(metric, query, spans, pieces[metric.id]) for metric in metrics}
    )


def _answer(
    metric: MetricRules, query: MetricUsageQuery, spans: Sequence[Period], pieces: Iterable[Piece]
) -> MetricUsage:
    taken = [piece for piece in pieces if matches(query.filter, piece.dimensions)]
    keyed = _keyed(metric.aggregation, query, taken)
    return MetricUsage(
        total=_total(metric.aggregation, taken),
        windows=_by_window(metric.aggregation, spans, keyed, grouped=bool(query.group_by)),
        groups=_by_group(metric.aggregation, keyed) if query.group_by else (),
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
    _check_groups({name for name, _ in metric.group_by}, query, problems)
    if not known_timezone(query.zone):
        problems.add(ErrorCode.INVALID, "timezone", "Must be a zone of the IANA database, like Europe/Berlin.")
    problems.raise_if_any()


def _check_groups(names: Collection[str], query: MetricUsageQuery, problems: Problems) -> None:
    for place, name in enumerate(query.group_by):
        if name not in names:
            problems.add(ErrorCode.NOT_FOUND, f"groupBy.{place}", "Names no groupBy dimension of the metric.")
        elif name in query.group_by[:place]:
            problems.add(ErrorCode.INVALID, f"groupBy.{place}", "Is there twice.")
    check_filter(query.filter, problems, "filter")
    check_dimensions(query.filter, names, problems, "filter")
    if query.top is not None and not query.group_by:
        problems.add(ErrorCode.INVALID, "top", "Is for groups: give groupBy too.")
    elif query.top is not None and not 1 <= query.top <= MOST_GROUPS:
        problems.add(ErrorCode.OUT_OF_RANGE, "top", f"Must be 1 to {MOST_GROUPS:,}.")


async def _is_known(session: AsyncSession, environment_id: str, customer_id: str | None) -> bool:
    if customer_id is None:
        return True
    customers = table_of(Customer).c
    statement = select(customers.id).where(customers.environment_id == environment_id, customers.id == customer_id)
    return await session.scalar(statement) is not None


_Keyed = tuple[GroupKey, Piece]


def _keyed(aggregation: Aggregation, query: MetricUsageQuery, pieces: Sequence[Piece]) -> list[_Keyed]:
    """Return each piece with its group; all but the greatest groups of the whole are one, where `top` says so."""
    keyed = [(tuple((name, piece.dimensions[name]) for name in query.group_by), piece) for piece in pieces]
    if query.top is None:
        return keyed
    groups = sorted(_by_group(aggregation, keyed), key=lambda group: -group.value)
    greatest = {group.key for group in groups[: query.top]}
    return [(key if key in greatest else _OTHERS, piece) for key, piece in keyed]


def _total(aggregation: Aggregation, pieces: Iterable[Piece]) -> Decimal:
    """Add up pieces; texts that were told apart count once each."""
    tallied, texts = Tallied(), set()
    for piece in pieces:
        tallied = tallied.plus(piece.tallied)
        if piece.text is not None:
            texts.add(piece.text)
    return quantity_of(aggregation, tallied._replace(distinct_count=len(texts)) if texts else tallied)


def _by_group(aggregation: Aggregation, keyed: Iterable[_Keyed]) -> tuple[UsageGroup, ...]:
    """Return the groups in the order of their keys, with missing values last, and all others behind them."""
    members: defaultdict[GroupKey, list[Piece]] = defaultdict(list)
    for key, piece in keyed:
        members[key].append(piece)
    keys = sorted(members, key=lambda key: (key == _OTHERS, [(value is None, value or "") for _, value in key]))
    return tuple(UsageGroup(key, _total(aggregation, members[key])) for key in keys)


def _by_window(
    aggregation: Aggregation, spans: Sequence[Period], keyed: Iterable[_Keyed], *, grouped: bool
) -> tuple[UsageWindow, ...]:
    members: list[list[_Keyed]] = [[] for _ in spans]
    if spans:
        starts = [span.start for span in spans]
        for key, piece in keyed:
            members[bisect_right(starts, piece.timestamp) - 1].append((key, piece))
    return tuple(
        UsageWindow(
            span.start,
            span.end,
            _total(aggregation, (piece for _, piece in inside)),
            _by_group(aggregation, inside) if grouped else (),
        )
        for span, inside in zip(spans, members, strict=True)
    )
