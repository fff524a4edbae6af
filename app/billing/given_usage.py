"""Usage that is not reported but given, to see what it would cost: a quantity, or single events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from app.billing.aggregation import Aggregation, MeteredValue, needs_value
from app.billing.decimals import exact_sum, plain
from app.billing.errors import ErrorCode, Problems
from app.billing.measuring import Measured, ReadEvent, measure
from app.billing.price_models import PriceModel, needs_events

_COUNTS = (Aggregation.COUNT, Aggregation.UNIQUE_COUNT)


@dataclass(frozen=True, slots=True)
class GivenEvent:
    """What an event would say: its value, and the price that it carries for one of its units."""

    value: Decimal | None = None
    unit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class GivenUsage:
    """Either a quantity, which is what the metric would have measured, or the events that it would measure."""

    quantity: Decimal | None = None
    events: tuple[GivenEvent, ...] | None = None


def check_usage(usage: GivenUsage, aggregation: Aggregation | None, problems: Problems, path: str = "") -> None:
    """Note what is wrong with usage of a metric of an aggregation, or with a quantity of a fee (None).

    `path` stands before the names of the fields, like `usage.0.`. A quantity below zero is none of a fee, nor a count;
    what is made of values may be below zero, and is then charged as zero.
    """
    if (usage.quantity is None) == (usage.events is None):
        problems.add(ErrorCode.INVALID, f"{path}quantity", "Give either `quantity` or `events`.")
    if usage.quantity is not None and aggregation in (None, *_COUNTS) and usage.quantity < 0:
        problems.add(ErrorCode.OUT_OF_RANGE, f"{path}quantity", "Must not be negative.")
    elif usage.quantity is not None and aggregation in _COUNTS and usage.quantity != int(usage.quantity):
        problems.add(ErrorCode.INVALID, f"{path}quantity", "Is a count, so it must be a whole number.")
    for place, event in enumerate(usage.events or ()):
        if aggregation is not None and needs_value(aggregation) and event.value is None:
            message = "Is needed: the metric makes its quantity of values."
            problems.add(ErrorCode.BLANK, f"{path}events.{place}.value", message)


def check_detail(usage: GivenUsage, model: PriceModel, problems: Problems, path: str = "") -> None:
    """Note a quantity where the model looks at each event; `path` is as in `check_usage`."""
    if usage.quantity is not None and needs_events(model):
        message = "This pricing model looks at each event: give `events` with their values instead."
        problems.add(ErrorCode.INVALID, f"{path}quantity", message)


def measure_given(aggregation: Aggregation, model: PriceModel, given: Sequence[GivenUsage]) -> Measured:
    """Return what usage comes to, as `measure` does of stored events. The usage was checked.

    A quantity is one event of that value where the metric makes one of values, and else so many events,
    or distinct values, beside those that are given singly.
    """
    counted = [usage.quantity for usage in given if usage.quantity is not None and aggregation in _COUNTS]
    measured = measure(aggregation, model, list(_read(aggregation, given)))
    return replace(
        measured,
        quantity=exact_sum((measured.quantity, *counted)),
        event_count=measured.event_count + sum(map(int, counted)),
    )


def _read(aggregation: Aggregation, given: Sequence[GivenUsage]) -> Iterable[ReadEvent]:
    for place, usage in enumerate(given):
        events = usage.events or ()
        if usage.quantity is not None and aggregation not in _COUNTS:
            events = (GivenEvent(usage.quantity),)
        for number, event in enumerate(events):
            value = MeteredValue(f"{place:09}.{number:09}", _value(aggregation, event.value))
            yield ReadEvent(value, event.unit_price)


def _value(aggregation: Aggregation, value: Decimal | None) -> Decimal | str | None:
    if aggregation is Aggregation.COUNT or value is None:
        return None
    return plain(value) if aggregation is Aggregation.UNIQUE_COUNT else value
