"""From the inputs of an invoice line to its amount, with every step explained.

A line stores its inputs and the version of the rules, and is explained by being priced again from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from app.billing.aggregation import Aggregation
from app.billing.decimals import canonical, parse_plain, plain, to_places
from app.billing.errors import InvariantBroken
from app.billing.money import minor_digits, minor_to_decimal, round_to_minor
from app.billing.price_models import PriceModel, amount, model_from_json, model_to_json
from app.billing.steps import Step, StepOperation, spell

__all__ = [
    "RULES_VERSION",
    "LineInputs",
    "PricedLine",
    "Step",
    "StepOperation",
    "line_inputs_from_json",
    "price_line",
]

RULES_VERSION = 1
EXACT_AMOUNT_PLACES = 18


@dataclass(frozen=True, slots=True)
class LineInputs:
    """All that a line's amount depends on. `aggregation` is None for a fee, whose `event_count` is 0."""

    model: PriceModel
    currency: str
    quantity: Decimal
    aggregation: Aggregation | None
    unit: str | None
    event_count: int

    def to_json(self) -> dict[str, object]:
        """Return the stored form, with decimals as plain strings."""
        return {
            "model": model_to_json(self.model),
            "currency": self.currency,
            "quantity": plain(self.quantity),
            "aggregation": self.aggregation,
            "unit": self.unit,
            "eventCount": self.event_count,
        }


@dataclass(frozen=True, slots=True)
class PricedLine:
    """What a line costs: exactly in major units, rounded once to minor ones, and why."""

    exact: Fraction
    amount_minor: int
    steps: tuple[Step, ...]

    @property
    def exact_amount(self) -> Decimal:
        """The amount before rounding, in major units with 18 places."""
        return to_places(self.exact, EXACT_AMOUNT_PLACES)


def line_inputs_from_json(data: Mapping[str, object]) -> LineInputs:
    """Read what `LineInputs.to_json` wrote. InvariantBroken when it is something else."""
    match data:
        case {
            "model": dict(model),
            "currency": str(currency),
            "quantity": str(quantity),
            "aggregation": str() | None as aggregation,
            "unit": str() | None as unit,
            "eventCount": int(event_count),
        }:
            pass
        case _:
            raise InvariantBroken("The stored inputs of a line lack something.")
    try:
        measured = None if aggregation is None else Aggregation(aggregation)
        return LineInputs(model_from_json(model), currency, parse_plain(quantity), measured, unit, event_count)
    except ValueError as error:
        raise InvariantBroken("The stored inputs of a line can't be read.") from error


def price_line(inputs: LineInputs, rules_version: int = RULES_VERSION) -> PricedLine:
    """Price a line by the rules of a version: quantity, then the model, then the one rounding.

    The same inputs and version always give the same line. InvariantBroken for a version that never was.
    """
    if rules_version != RULES_VERSION:
        raise InvariantBroken(f"There are no pricing rules of version {rules_version}.")
    quantity, quantity_steps = _quantity(inputs)
    exact, price_step = amount(inputs.model, quantity, inputs.currency, inputs.unit)
    amount_minor, round_step = _rounded(exact, inputs.currency)
    return PricedLine(exact, amount_minor, (*quantity_steps, price_step, round_step))


def _quantity(inputs: LineInputs) -> tuple[Decimal, tuple[Step, ...]]:
    """Return the quantity that is charged: what was measured or agreed, and never less than zero."""
    quantity = canonical(inputs.quantity)
    if inputs.aggregation is None:
        first = Step(StepOperation.QUANTITY, f"Quantity of the fee: {spell(quantity)}", None, quantity)
    else:
        description = f"{_measured(inputs.aggregation, inputs.unit, inputs.event_count)}: {spell(quantity)}"
        first = Step(StepOperation.AGGREGATE, description, Decimal(inputs.event_count), quantity)
    if quantity >= 0:
        return quantity, (first,)
    zero = Decimal(0)
    clamped = Step(StepOperation.QUANTITY, "A quantity below zero is charged as 0", quantity, zero)
    return zero, (first, clamped)


def _measured(aggregation: Aggregation, unit: str | None, event_count: int) -> str:
    events = f"{event_count:,} event" if event_count == 1 else f"{event_count:,} events"
    match aggregation:
        case Aggregation.COUNT:
            return f"Count of {events}"
        case Aggregation.SUM:
            return f"Sum of {unit or 'values'} over {events}"
        case Aggregation.MAX:
            return f"Greatest {unit or 'value'} over {events}"
        case Aggregation.UNIQUE_COUNT:
            return f"Distinct {unit or 'values'} over {events}"


def _rounded(exact: Fraction, currency: str) -> tuple[int, Step]:
    amount_minor = round_to_minor(exact, currency)
    digits = minor_digits(currency)
    output = minor_to_decimal(amount_minor, currency)
    grain = {0: f"whole {currency}", 1: f"1 decimal of {currency}"}.get(digits, f"{digits} decimals of {currency}")
    description = f"Rounded half up to {grain}: {spell(output, digits)} {currency}"
    return amount_minor, Step(StepOperation.ROUND, description, Decimal(plain(exact)), output)
