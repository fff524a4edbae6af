"""What an event counts for: whose it is, which metrics measure it, and in which period of which price."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.aggregation import MeteredValue
from app.billing.extraction import UncountedReason
from app.billing.filters import Dimensions
from app.billing.measuring import MetricRules
from app.metering.coverage import Coverage, Covering, load_coverage
from app.metering.facts import CustomerNames, load_customers, load_metrics_of_types, read_data
from app.metering.index_text import index_text

_DAY: Final = timedelta(days=1)
_json: Final = msgspec.json.Encoder()


class Fact(NamedTuple):
    """A stored event, as far as counting looks at it. `customer_id` is None where it is not known yet."""

    number: int
    id: str
    type: str
    timestamp: datetime
    data: str
    customer_id: str | None
    revision: int = 0


class Span(NamedTuple):
    """What a counter adds up: the window [start, end) of a price, a month that nobody is billed for, or a day."""

    key: str
    customer_id: str
    metric: MetricRules
    start: datetime
    end: datetime
    subscription_id: str | None = None
    price_id: str | None = None
    dimensions: str | None = None


class Place(NamedTuple):
    """Where a customer's events with the same dimensions are added up while [start, end) lasts, and these cover it."""

    period: Span
    day: Span
    start: datetime
    end: datetime
    coverings: Sequence[Covering]

    def is_of(self, metric: MetricRules, coverings: Sequence[Covering]) -> bool:
        """Tell whether it was made for the same."""
        return self.day.metric is metric and self.coverings is coverings


#: Places that are remembered, by customer, metric and dimensions, unless these have more characters, as they may have
#: any number: some 10 MB at most. And metrics: what is equal is made to be the same.
MOST_PLACES: Final = 10_000
LONGEST_DIMENSIONS: Final = 200
_places: dict[tuple[Any, ...], Place] = {}
_metrics: dict[str, MetricRules] = {}


def _same(metric: MetricRules) -> MetricRules:
    if _metrics.get(metric.id) != metric:
        if len(_metrics) >= MOST_PLACES:
            _metrics.clear()
        _metrics[metric.id] = metric
    return _metrics[metric.id]


class Count(NamedTuple):
    """That a metric counts a fact, for what, and which counters it is added to."""

    fact: Fact
    value: MeteredValue
    place: Place


class Decision(NamedTuple):
    """All that a fact counts for; `reason` says why that is nothing, or why nobody is billed for any of it."""

    fact: Fact
    counts: Sequence[Count]
    reason: UncountedReason | None


class Deciding:
    """The look-up tables with which each fact of an environment is decided on."""

    def __init__(self, metrics: Iterable[MetricRules], coverage: Coverage) -> None:
        """Take the metrics that may measure the facts, and what covers their customers."""
        self.metrics: defaultdict[str, list[MetricRules]] = defaultdict(list)
        for metric in metrics:
            self.metrics[metric.event_type].append(_same(metric))
        self.coverage = coverage
        #: Those with long dimensions, while these facts are decided on.
        self._places: dict[tuple[Any, ...], Place] = {}

    def decide(self, fact: Fact) -> Decision:
        """Return what a fact counts for."""
        metrics = self.metrics.get(fact.type, ())
        if not metrics:
            return Decision(fact, (), UncountedReason.NO_METRIC)
        if fact.customer_id is None:
            return Decision(fact, (), UncountedReason.CUSTOMER_UNKNOWN)
        data, counts, reason, is_billed = read_data(fact.data), [], None, False
        for metric in metrics:
            value = metric.value_of(fact.id, fact.timestamp, data)
            if isinstance(value, UncountedReason):
                reason = value
            else:
                place = self._place(fact.customer_id, metric, fact.timestamp, metric.dimensions_of(data))
                counts.append(Count(fact, value, place))
                is_billed = is_billed or place.period.subscription_id is not None
        if counts:
            reason = None if is_billed else UncountedReason.NO_SUBSCRIPTION
        return Decision(fact, counts, reason)

    def _place(self, customer_id: str, metric: MetricRules, instant: datetime, groups: Dimensions) -> Place:
        """Return where an event is added up. The last place of each kind is kept, as the next event's is often it."""
        kind, coverings = (customer_id, metric.id, *groups.values()), self.coverage.of(customer_id, metric.id)
        place = _places.get(kind) or self._places.get(kind)
        if place is None or not place.start <= instant < place.end or not place.is_of(metric, coverings):
            period = self._period(customer_id, metric, instant, groups)
            day = day_of(customer_id, metric, instant, groups)
            begins, ends = self.coverage.unchanged_around(customer_id, metric.id, instant)
            start, end = max(period.start, day.start, begins), min(period.end, day.end, ends)
            place = Place(period, day, start, end, coverings)
            self._remember(kind, place)
        return place

    def _remember(self, kind: tuple[Any, ...], place: Place) -> None:
        if len(place.day.dimensions or "") > LONGEST_DIMENSIONS:
            self._places[kind] = place
            return
        if len(_places) >= MOST_PLACES:
            _places.clear()
        _places[kind] = place

    def _period(self, customer_id: str, metric: MetricRules, instant: datetime, groups: Dimensions) -> Span:
        owner = self.coverage.owner(customer_id, metric.id, instant, groups)
        price = None if owner is None else owner.price_of(instant, groups)
        if owner is None or price is None:
            start = datetime(instant.year, instant.month, 1, tzinfo=UTC)
            end = (start + 31 * _DAY).replace(day=1)
            return Span(f"{customer_id}/{metric.id}/{start:%Y-%m}", customer_id, metric, start, end)
        window = owner.period_of(price, instant)
        key = period_key(owner.subscription_id, price.price_id, window.start)
        return Span(key, customer_id, metric, window.start, window.end, owner.subscription_id, price.price_id)


async def load_deciding(
    session: AsyncSession, environment_id: str, types: Collection[str], customer_ids: Collection[str]
) -> Deciding:
    """Read what decides on events of some types of some customers. Two statements."""
    metrics = await load_metrics_of_types(session, environment_id, types)
    coverage = await load_coverage(session, environment_id, customer_ids, [metric.id for metric in metrics])
    return Deciding(metrics, coverage)


async def load_names(
    session: AsyncSession, environment_id: str, named: Iterable[tuple[str | None, str | None]]
) -> CustomerNames:
    """Read the customers that events name by (subject, external subject). One statement."""
    pairs = set(named)
    subjects = {subject for subject, _ in pairs if subject is not None}
    external = {other for subject, other in pairs if subject is None and other is not None}
    return await load_customers(session, environment_id, subjects, external)


def period_key(subscription_id: str, price_id: str, start: datetime) -> str:
    """Return what names the counters of a price's window, but for their round."""
    return f"{subscription_id}/{price_id}/{start.astimezone(UTC).isoformat()}"


def day_of(customer_id: str, metric: MetricRules, instant: datetime, groups: Dimensions) -> Span:
    """Return the day in UTC that an instant falls into, for events with the same dimensions."""
    start = datetime(instant.year, instant.month, instant.day, tzinfo=UTC)
    dimensions = _json.encode([groups[name] for name, _ in metric.group_by]).decode()
    key = f"{customer_id}/{metric.id}/{start:%Y-%m-%d}/{index_text(dimensions)}"
    return Span(key, customer_id, metric, start, start + _DAY, dimensions=dimensions)
