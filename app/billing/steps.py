"""The trace a price leaves: each step with decimals in and out, and a sentence a customer understands."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from app.billing.decimals import plain, to_places
from app.billing.money import minor_digits

#: Places of a number that has no end, as a step holds it and as a sentence writes it.
PLACES = 18
_SPOKEN_PLACES = 6
_NEAR = "\N{ALMOST EQUAL TO} "


class StepOperation(StrEnum):
    """What a step of an explanation does."""

    AGGREGATE = "AGGREGATE"
    QUANTITY = "QUANTITY"
    COVER = "COVER"
    PRICE = "PRICE"
    PRORATE = "PRORATE"
    PERIOD_BOUNDS = "PERIOD_BOUNDS"
    ROUND = "ROUND"
    CHARGED_BEFORE = "CHARGED_BEFORE"
    DISCOUNT = "DISCOUNT"
    TAX = "TAX"


@dataclass(frozen=True, slots=True)
class Step:
    """One step from usage to amount; `input` is None where the step starts from nothing."""

    operation: StepOperation
    description: str
    input: Decimal | None
    output: Decimal


@dataclass(frozen=True, slots=True)
class NotApplied:
    """A step that could have changed the amount and did not, with the sentence that says why."""

    operation: StepOperation
    reason: str


def spell(value: Decimal | Fraction | int, places: int = 0) -> str:
    """Write a number for people: 1,500,000.25, with at least `places` digits after the point.

    It is exact, but for one without an end: that is rounded to 6 digits after the point, and a sign says so.
    """
    near = ""
    try:
        text = plain(value)
    except ValueError:
        near, text = _NEAR, plain(value, _SPOKEN_PLACES)
    whole, _, rest = text.lstrip("-").partition(".")
    digits = rest.ljust(places, "0")
    # What lies so little below zero that it is written as 0 has no sign.
    sign = "-" if text.startswith("-") else ""
    return f"{near}{sign}{int(whole):,}" + (f".{digits}" if digits else "")


def spell_money(value: Decimal | Fraction | int, currency: str) -> str:
    """Write an amount in major units with all places of its currency, as `spell` does: 1,234.50 USD."""
    return f"{spell(value, minor_digits(currency))} {currency}"


def spell_result(value: Decimal | Fraction | int, currency: str) -> str:
    """Write an amount as the end of an equation, as `spell_money` does: = 30.00 USD, or ≈ 33.333333 USD."""
    text = spell_money(value, currency)
    return text if text.startswith(_NEAR) else f"= {text}"


def spell_units(quantity: Decimal | Fraction | int, unit: str | None) -> str:
    """Write a quantity with its unit, where it has one: 1,500,000 token."""
    return f"{spell(quantity)} {unit}" if unit else spell(quantity)


def spell_events(count: int) -> str:
    """Write a number of events: 1 event, 1,234 events."""
    return f"{count:,} event" if count == 1 else f"{count:,} events"


def as_decimal(value: Fraction | Decimal | int) -> Decimal:
    """Return a number as a step holds it: exactly, or with 18 places where it has no end."""
    try:
        return Decimal(plain(value))
    except ValueError:
        return to_places(Fraction(value), PLACES)
