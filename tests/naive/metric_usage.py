"""The usage of a metric, from all events each time it is asked for: by window of a place's clock, and by group."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from tests.naive.arithmetic import half_up
from tests.naive.history import Condition
from tests.naive.usage import found_at, number_of, text_of

Numeric = Literal["SUM", "AVG", "MIN", "MAX", "LATEST"]
Aggregation = Literal["COUNT", "UNIQUE_COUNT"] | Numeric
Unit = Literal["MINUTE", "HOUR", "DAY", "MONTH"]
Key = tuple[tuple[str, str | None], ...]
PLACES = 10**18
# Clocks are set, and their hours begin, at quarters of an hour everywhere.
MINUTE, QUARTER, DAY = timedelta(minutes=1), timedelta(minutes=15), timedelta(days=1)


@dataclass(frozen=True)
class Customer:
    """One whose usage is counted, or, on a test clock, only where it is asked for by itself."""

    id: str
    is_clocked: bool = False


@dataclass
class Event:
    """An event as it stands after all corrections. One of nobody counts nowhere."""

    id: str
    type: str
    timestamp: datetime
    data: str
    customer: Customer | None
    is_void: bool = False


@dataclass(frozen=True)
class Metric:
    """What counts events of a type. A path of `group_by` stands behind the name of its dimension."""

    event_type: str
    aggregation: Aggregation
    value_property: str | None
    group_by: tuple[tuple[str, str], ...]
    event_from: datetime | None


@dataclass(frozen=True)
class Question:
    """What is asked of some metrics."""

    start: datetime
    end: datetime
    zone: str
    unit: Unit | None
    customer: Customer | None
    group_by: tuple[str, ...]
    conditions: tuple[Condition, ...]
    top: int | None


class Group(NamedTuple):
    """The usage of events that agree in every dimension asked for; without a key that of all others."""

    key: Key
    value: Fraction


class Window(NamedTuple):
    """The usage of a window."""

    start: datetime
    end: datetime
    value: Fraction
    groups: list[Group]


class Answer(NamedTuple):
    """The usage of a metric, in all, by window and by group."""

    total: Fraction
    windows: list[Window]
    groups: list[Group]


class Counted(NamedTuple):
    """An event that counts, what for (a number or a text), and its group."""

    timestamp: datetime
    id: str
    value: Fraction | str
    key: Key


def answer(metric: Metric, events: Sequence[Event], question: Question) -> Answer:
    """The usage of a metric."""
    counted = [one for event in events if (one := _counted(metric, event, question)) is not None]
    kept = _kept(metric, counted, question.top)
    windows = []
    for start, end in pairwise(edges(question)):
        inside = [one for one in counted if start <= one.timestamp < end]
        groups = _groups(metric, inside, kept) if question.group_by else []
        windows.append(Window(start, end, _quantity(metric, inside), groups))
    groups = _groups(metric, counted, kept) if question.group_by else []
    return Answer(_quantity(metric, counted), windows, groups)


@lru_cache(maxsize=100)
def edges(question: Question) -> list[datetime]:
    """Where windows begin and end: wherever a place's clock shows a new unit; what it jumps over begins behind that.

    An hour or a minute that begins twice is two; a day or a month that does is one.
    """
    if question.unit is None:
        return []
    place, step = ZoneInfo(question.zone), MINUTE if question.unit == "MINUTE" else QUARTER
    instant = question.start.replace(minute=0, second=0, microsecond=0) - DAY
    latest, listed = instant.astimezone(place).replace(tzinfo=None), [question.start]
    while (instant := instant + step) < question.end:
        wall = instant.astimezone(place).replace(tzinfo=None)
        begun = _begun(question.unit, wall)
        again = question.unit in ("MINUTE", "HOUR") and wall == begun
        if (begun > latest or again) and instant > question.start:
            listed.append(instant)
        latest = max(latest, wall)
    return [*listed, question.end]


def _begun(unit: Unit, wall: datetime) -> datetime:
    """When the unit that a clock shows has begun on it."""
    match unit:
        case "MINUTE":
            return wall.replace(second=0, microsecond=0)
        case "HOUR":
            return wall.replace(minute=0, second=0, microsecond=0)
        case "DAY":
            return wall.replace(hour=0, minute=0, second=0, microsecond=0)
        case "MONTH":
            return wall.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _counted(metric: Metric, event: Event, question: Question) -> Counted | None:
    if event.type != metric.event_type or not question.start <= event.timestamp < question.end:
        return None
    if event.is_void or not _is_of(event.customer, question.customer):
        return None
    dimensions = {name: text_of(found_at(event.data, path)) for name, path in metric.group_by}
    if any(dimensions[condition.dimension] not in condition.values for condition in question.conditions):
        return None
    value = _value(metric, event)
    key = tuple((name, dimensions[name]) for name in question.group_by)
    return None if value is None else Counted(event.timestamp, event.id, value, key)


def _is_of(customer: Customer | None, asked: Customer | None) -> bool:
    """Tell whether an event is of who is asked for: by default all that are known and not on a test clock."""
    if customer is None:
        return False
    return not customer.is_clocked if asked is None else customer == asked


def _value(metric: Metric, event: Event) -> Fraction | str | None:
    """What an event counts for; None where it counts for nothing."""
    if metric.event_from is not None and event.timestamp < metric.event_from:
        return None
    if metric.value_property is None:
        return event.id
    found = found_at(event.data, metric.value_property)
    return text_of(found) if metric.aggregation == "UNIQUE_COUNT" else number_of(found)


def _quantity(metric: Metric, counted: Sequence[Counted]) -> Fraction:
    """What events come to. None is 0; an average has 18 places."""
    in_order = sorted(counted, key=lambda one: (one.timestamp, one.id))
    if metric.aggregation == "COUNT":
        return Fraction(len(in_order))
    if metric.aggregation == "UNIQUE_COUNT":
        return Fraction(len({one.value for one in in_order}))
    return _made_of(metric.aggregation, [one.value for one in in_order if isinstance(one.value, Fraction)])


def _made_of(aggregation: Numeric, numbers: Sequence[Fraction]) -> Fraction:
    """What numbers come to, the latest last."""
    match aggregation:
        case "SUM":
            return sum(numbers, Fraction(0))
        case "AVG":
            return Fraction(half_up(sum(numbers, Fraction(0)) / max(len(numbers), 1) * PLACES), PLACES)
        case "MIN":
            return min(numbers, default=Fraction(0))
        case "MAX":
            return max(numbers, default=Fraction(0))
        case "LATEST":
            return numbers[-1] if numbers else Fraction(0)


def _kept(metric: Metric, counted: Sequence[Counted], top: int | None) -> Callable[[Key], bool]:
    """Tell which groups are not among all others: of the whole the greatest, of equal ones the first."""
    if top is None:
        return lambda _key: True
    listed = sorted(_groups(metric, counted, lambda _key: True), key=lambda group: -group.value)
    greatest = [group.key for group in listed[:top]]
    return lambda key: key in greatest


def _groups(metric: Metric, counted: Sequence[Counted], kept: Callable[[Key], bool]) -> list[Group]:
    """The groups by their texts, of these a missing one last, and behind them all others."""
    named = [(one.key if kept(one.key) else (), one) for one in counted]
    keys = sorted({key for key, _ in named}, key=lambda key: (not key, [(text is None, text or "") for _, text in key]))
    return [Group(key, _quantity(metric, [one for name, one in named if name == key])) for key in keys]
