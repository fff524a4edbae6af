"""What an event's data says about a metric: the value it counts for and the groups it falls into."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from app.billing.aggregation import WHENEVER, Aggregation, MeteredValue
from app.billing.decimals import DIGITS_BEFORE_POINT, canonical, parse_plain, plain, within_bounds
from app.billing.errors import InvariantBroken

MISSING: Final = object()
MAX_PATH_LENGTH: Final = 255
_LONGEST_PRICE: Final = 100
_BOUND: Final = 10**DIGITS_BEFORE_POINT

# The part of JSONPath (RFC 9535) that names one member of nested objects. Hyphens are let in besides, as members
# like "output-tokens" are common and nothing else could be meant.
_PATH = re.compile(r"\$(?:\.[\w-]+)+")


class GroupBy(NamedTuple):
    """A dimension by which usage can be told apart: its name, and where an event's data says its value."""

    name: str
    path: str


class UncountedReason(StrEnum):
    """Why an event counted for nothing."""

    VALUE_MISSING = "VALUE_MISSING"
    VALUE_NOT_A_NUMBER = "VALUE_NOT_A_NUMBER"
    VALUE_NOT_A_SCALAR = "VALUE_NOT_A_SCALAR"
    VALUE_OUT_OF_RANGE = "VALUE_OUT_OF_RANGE"
    NO_METRIC = "NO_METRIC"
    CUSTOMER_UNKNOWN = "CUSTOMER_UNKNOWN"
    BEFORE_EVENT_FROM = "BEFORE_EVENT_FROM"
    NO_SUBSCRIPTION = "NO_SUBSCRIPTION"
    PERIOD_CLOSED = "PERIOD_CLOSED"


MESSAGES: dict[UncountedReason, str] = {
    UncountedReason.VALUE_MISSING: "The event's data has no value at the metric's valueProperty.",
    UncountedReason.VALUE_NOT_A_NUMBER: "The value at the metric's valueProperty is not a decimal number.",
    UncountedReason.VALUE_NOT_A_SCALAR: "The value at the metric's valueProperty is an object or a list.",
    UncountedReason.VALUE_OUT_OF_RANGE: (
        "The value at the metric's valueProperty has more than 20 digits before or 18 after the point."
    ),
    UncountedReason.NO_METRIC: "No billable metric measures events of this type.",
    UncountedReason.CUSTOMER_UNKNOWN: "No customer has the event's subject or externalSubject.",
    UncountedReason.BEFORE_EVENT_FROM: "The event is older than the metric's eventFrom.",
    UncountedReason.NO_SUBSCRIPTION: (
        "No subscription of the customer prices the metric at the event's timestamp. A trial bills nothing."
    ),
    UncountedReason.PERIOD_CLOSED: "The billing period of the event's timestamp is closed; the next invoice bills it.",
}


def valid_path(path: str) -> bool:
    """Tell whether a path has the form `$.a.b`: names of letters, digits, underscores and hyphens."""
    return _PATH.fullmatch(path) is not None


def lookup(data: Mapping[str, object], path: str) -> object:
    """Return what the data holds at a valid path, null included, or MISSING. InvariantBroken for a float."""
    found: object = data
    for name in _names_of(path):
        # A dict nearly always; asking first whether it is spares asking an abstract class.
        if not isinstance(found, (dict, Mapping)) or name not in found:
            return MISSING
        found = found[name]
    if isinstance(found, float):
        raise InvariantBroken("The data of an event must be read without floats.")
    return found


@lru_cache(maxsize=4096)
def _names_of(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")[1:])


def metered_value(
    aggregation: Aggregation,
    value_property: str | None,
    event_id: str,
    data: Mapping[str, object],
    timestamp: datetime = WHENEVER,
) -> MeteredValue | UncountedReason:
    """Return what an event counts for, or why it counts for nothing.

    What needs numbers takes JSON numbers by their value, however written, and strings of plain decimal notation,
    within the bounds of a quantity. UNIQUE_COUNT takes any scalar as text (see `scalar_text`). COUNT looks at no value.
    """
    if aggregation is Aggregation.COUNT or value_property is None:
        return MeteredValue(event_id, None, timestamp)
    found = lookup(data, value_property)
    if found is MISSING or found is None:
        return UncountedReason.VALUE_MISSING
    value = scalar_text(found) if aggregation is Aggregation.UNIQUE_COUNT else _number(found)
    if value is None:
        return UncountedReason.VALUE_NOT_A_SCALAR
    return value if isinstance(value, UncountedReason) else MeteredValue(event_id, value, timestamp)


def dimensions(group_by: Sequence[tuple[str, str]], data: Mapping[str, object]) -> dict[str, str | None]:
    """Return an event's value for each (name, path), as text; None where it has none, or an object or list."""
    return {name: scalar_text(lookup(data, path)) for name, path in group_by}


def unit_price(path: str, data: Mapping[str, object]) -> Decimal | None:
    """Return the price of one unit that an event carries; None where it has none that is a number.

    What is charged lies within minPrice and maxPrice, so one beyond the bounds of a quantity is a price, too.
    A text has at most as many digits as a JSON number may have.
    """
    found = lookup(data, path)
    if isinstance(found, str) and len(found) > _LONGEST_PRICE:
        return None
    return _read_number(found)


def scalar_text(value: object) -> str | None:
    """Return the text by which scalars are told apart; None for null, objects, lists and MISSING.

    Numbers are written in plain notation, so 1, 1.0 and 1e0 are the same, and so is the string "1": a user id sent
    once as a number and once as a string is one user. The string "1.0" is another text. Booleans are true and false.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int() | Decimal():
            return plain(value)
        case _:
            return None


def _number(value: object) -> Decimal | UncountedReason:
    if type(value) is int and -_BOUND < value < _BOUND:  # most are, and have their shortest form already
        return Decimal(value)
    number = _read_number(value)
    if number is None:
        return UncountedReason.VALUE_NOT_A_NUMBER
    return canonical(number) if within_bounds(number) else UncountedReason.VALUE_OUT_OF_RANGE


def _read_number(value: object) -> Decimal | None:
    match value:
        case bool():
            return None
        case int() | Decimal():
            return Decimal(value)
        case str():
            with suppress(ValueError):
                return parse_plain(value)
    return None
