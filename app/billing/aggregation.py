"""How the events of a period become one quantity."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from app.billing.decimals import canonical, exact_sum
from app.billing.errors import InvariantBroken


class Aggregation(StrEnum):
    """What a billable metric makes of the values of its events."""

    COUNT = "COUNT"
    SUM = "SUM"
    MAX = "MAX"
    UNIQUE_COUNT = "UNIQUE_COUNT"


@dataclass(frozen=True, slots=True)
class MeteredValue:
    """What one event counts for: a number, a text to be told apart from others, or None for the event itself."""

    event_id: str
    value: Decimal | str | None


def needs_value(aggregation: Aggregation) -> bool:
    """Tell whether the metric must name the property its values come from; UNIQUE_COUNT may, COUNT must not."""
    return aggregation in (Aggregation.SUM, Aggregation.MAX)


def aggregate(aggregation: Aggregation, values: Iterable[MeteredValue]) -> Decimal:
    """Return the quantity of some events, exactly, in its shortest form; no events give 0.

    Neither their order nor the repetition of an event matters. MAX is the greatest value, negative if all are.
    UNIQUE_COUNT tells texts apart, or events where they carry none. InvariantBroken when one event comes with two
    values, or SUM and MAX meet something that is not a number.
    """
    by_event = _once_each(values)
    match aggregation:
        case Aggregation.COUNT:
            return Decimal(len(by_event))
        case Aggregation.SUM:
            return canonical(exact_sum(_numbers(by_event)))
        case Aggregation.MAX:
            return canonical(max(_numbers(by_event), default=Decimal(0)))
        case Aggregation.UNIQUE_COUNT:
            return Decimal(len({event_id if value is None else value for event_id, value in by_event.items()}))


def _once_each(values: Iterable[MeteredValue]) -> dict[str, Decimal | str | None]:
    by_event: dict[str, Decimal | str | None] = {}
    for metered in values:
        if by_event.setdefault(metered.event_id, metered.value) != metered.value:
            raise InvariantBroken(f"Event {metered.event_id} was read with two different values.")
    return by_event


def _numbers(by_event: dict[str, Decimal | str | None]) -> Iterable[Decimal]:
    for event_id, value in by_event.items():
        if not isinstance(value, Decimal):
            raise InvariantBroken(f"Event {event_id} was counted without a number.")
        yield value
