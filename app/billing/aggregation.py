"""How the events of a period become one quantity."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final, NamedTuple, TypeVar

from app.billing.decimals import DIGITS_AFTER_POINT, canonical, exact_difference, exact_sum, to_places
from app.billing.errors import InvariantBroken


class Aggregation(StrEnum):
    """What a billable metric makes of the values of its events."""

    COUNT = "COUNT"
    SUM = "SUM"
    AVG = "AVG"
    MIN = "MIN"
    MAX = "MAX"
    UNIQUE_COUNT = "UNIQUE_COUNT"
    LATEST = "LATEST"


_NUMERIC: Final = (Aggregation.SUM, Aggregation.AVG, Aggregation.MIN, Aggregation.MAX, Aggregation.LATEST)
#: The instant of what is given without one: then the id alone decides what is the latest.
WHENEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class MeteredValue(NamedTuple):
    """What one event counts for: a number, a text to be told apart from others, or None for the event itself."""

    event_id: str
    value: Decimal | str | None
    timestamp: datetime = WHENEVER


class Latest(NamedTuple):
    """The last value of some events, and where it stands: by timestamp, then by the event's id."""

    timestamp: datetime
    event_id: str
    value: Decimal


class Tallied(NamedTuple):
    """All that an aggregation needs to know of a set of events; what it does not need stays at nothing.

    `distinct_count` is of different values, or of the events themselves where they carry none.
    """

    event_count: int = 0
    total: Decimal = Decimal(0)
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    latest: Latest | None = None
    distinct_count: int = 0

    def plus(self, other: "Tallied") -> "Tallied":
        """Return the tally of two sets of events that have none in common, and no text either."""
        return Tallied(
            event_count=self.event_count + other.event_count,
            total=exact_sum((self.total, other.total)),
            minimum=_chosen(min, self.minimum, other.minimum),
            maximum=_chosen(max, self.maximum, other.maximum),
            latest=_chosen(max, self.latest, other.latest),
            distinct_count=self.distinct_count + other.distinct_count,
        )

    def minus(self, other: "Tallied") -> "Tallied":
        """Return the tally without events that are in it; only for what `is_subtractable`."""
        return self._replace(
            event_count=self.event_count - other.event_count,
            total=exact_difference(self.total, other.total),
            distinct_count=self.distinct_count - other.distinct_count,
        )


def needs_value(aggregation: Aggregation) -> bool:
    """Tell whether the metric must name the property its values come from; UNIQUE_COUNT may, COUNT must not."""
    return aggregation in _NUMERIC


def is_subtractable(aggregation: Aggregation, *, has_texts: bool) -> bool:
    """Tell whether what is left when events go follows from the tally; `has_texts` where texts are told apart."""
    return aggregation not in (Aggregation.MIN, Aggregation.MAX, Aggregation.LATEST) and not has_texts


def quantity_of(aggregation: Aggregation, tallied: Tallied) -> Decimal:
    """Return the quantity that a tally comes to, in its shortest form; no events give 0.

    It is exact but for AVG, which is rounded half up, away from zero, to the 18 places that a quantity may have.
    """
    match aggregation:
        case Aggregation.COUNT:
            return Decimal(tallied.event_count)
        case Aggregation.UNIQUE_COUNT:
            return Decimal(tallied.distinct_count)
        case Aggregation.AVG:
            mean = Fraction(tallied.total) / max(tallied.event_count, 1)
            return canonical(to_places(mean, DIGITS_AFTER_POINT))
    one = {
        Aggregation.SUM: tallied.total,
        Aggregation.MIN: tallied.minimum,
        Aggregation.MAX: tallied.maximum,
        Aggregation.LATEST: None if tallied.latest is None else tallied.latest.value,
    }[aggregation]
    return canonical(one or Decimal(0))


def tally_events(aggregation: Aggregation, values: Iterable[MeteredValue]) -> Tallied:
    """Return what some events come to; neither their order nor the repetition of an event matters.

    UNIQUE_COUNT tells texts apart, or events where they carry none. InvariantBroken when one event comes with two
    values, or where a number is needed and there is none.
    """
    by_event: dict[str, MeteredValue] = {}
    for metered in values:
        if by_event.setdefault(metered.event_id, metered).value != metered.value:
            raise InvariantBroken(f"Event {metered.event_id} was read with two different values.")
    count, listed = len(by_event), by_event.values()
    if not by_event or aggregation is Aggregation.COUNT:
        return Tallied(count)
    if aggregation is Aggregation.UNIQUE_COUNT:
        told_apart = {metered.event_id if metered.value is None else metered.value for metered in listed}
        return Tallied(count, distinct_count=len(told_apart))
    numbers = [_number(metered) for metered in listed]
    match aggregation:
        case Aggregation.MIN:
            return Tallied(count, minimum=min(numbers))
        case Aggregation.MAX:
            return Tallied(count, maximum=max(numbers))
        case Aggregation.LATEST:
            return Tallied(count, latest=max(map(_latest, listed, numbers)))
        case _:
            return Tallied(count, exact_sum(numbers))


def aggregate(aggregation: Aggregation, values: Iterable[MeteredValue]) -> Decimal:
    """Return the quantity of some events, as `quantity_of` what `tally_events` makes of them."""
    return quantity_of(aggregation, tally_events(aggregation, values))


def _number(metered: MeteredValue) -> Decimal:
    if not isinstance(metered.value, Decimal):
        raise InvariantBroken(f"Event {metered.event_id} was counted without a number.")
    return metered.value


def _latest(metered: MeteredValue, number: Decimal) -> Latest:
    return Latest(metered.timestamp, metered.event_id, number)


T = TypeVar("T", Decimal, Latest)


def _chosen(choose: Callable[[Any, Any], Any], one: T | None, other: T | None) -> T | None:
    """Return the least or the greatest of two values, or the one that is there."""
    if one is None or other is None:
        return other if one is None else one
    chosen: T = choose(one, other)
    return chosen
