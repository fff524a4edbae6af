"""The trace a price leaves: each step with decimals in and out, and a sentence a customer understands."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from app.billing.decimals import plain


class StepOperation(StrEnum):
    """What a step of an explanation does."""

    AGGREGATE = "AGGREGATE"
    QUANTITY = "QUANTITY"
    PRICE = "PRICE"
    PRORATE = "PRORATE"
    PERIOD_BOUNDS = "PERIOD_BOUNDS"
    ROUND = "ROUND"
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
    """Write a number exactly for people: 1,500,000.25, with at least `places` digits after the point."""
    whole, _, rest = plain(value).lstrip("-").partition(".")
    digits = rest.ljust(places, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{int(whole):,}" + (f".{digits}" if digits else "")
