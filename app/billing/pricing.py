"""From the inputs of an invoice line to its amount, with every step explained.

A line stores its inputs and the version of the rules, and is explained by being priced again from them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Final

from app.billing.aggregation import Aggregation
from app.billing.decimals import DIGITS_AFTER_POINT, canonical, exact_difference, exact_sum, to_places
from app.billing.errors import InvariantBroken
from app.billing.line_inputs import LineInputs, line_inputs_from_json
from app.billing.money import decimal_to_minor, minor_digits, minor_to_decimal, round_to_minor
from app.billing.price_models import Charged, charge, terms_of_a_period
from app.billing.proration import Share
from app.billing.steps import (
    PLACES,
    NotApplied,
    Step,
    StepOperation,
    as_decimal,
    spell,
    spell_events,
    spell_money,
    spell_result,
    spell_units,
)

__all__ = [
    "RULES_VERSION",
    "LineInputs",
    "NotApplied",
    "PricedLine",
    "Step",
    "StepOperation",
    "line_inputs_from_json",
    "price_line",
]

#: Raised whenever the same inputs would be answered differently; what was answered before is kept as it was.
RULES_VERSION = 2


@dataclass(frozen=True, slots=True)
class PricedLine:
    """What a line costs: exactly in major units, rounded once to minor ones, why, and what made no difference."""

    exact: Fraction
    amount_minor: int
    steps: tuple[Step, ...]
    not_applied: tuple[NotApplied, ...] = ()

    @property
    def exact_amount(self) -> Decimal:
        """The amount before rounding, in major units with 18 places."""
        return to_places(self.exact, PLACES)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line on its way: the quantity that is charged, what it has come to so far, and why."""

    quantity: Decimal = Decimal(0)
    exact: Fraction = Fraction(0)
    steps: tuple[Step, ...] = ()
    not_applied: tuple[NotApplied, ...] = ()

    def stepped(self, operation: StepOperation, description: str, exact: Fraction) -> "_Line":
        """Return the line with another amount, and the step that says why."""
        step = Step(operation, description, as_decimal(self.exact), as_decimal(exact))
        return replace(self, exact=exact, steps=(*self.steps, step))

    def unchanged(self, operation: StepOperation, reason: str) -> "_Line":
        """Return the line as it is, with the reason why a step made no difference."""
        return replace(self, not_applied=(*self.not_applied, NotApplied(operation, reason)))


def price_line(inputs: LineInputs, rules_version: int = RULES_VERSION) -> PricedLine:
    """Price a line by the rules of a version: all its steps in their order, then the one rounding.

    The same inputs and version always give the same line. InvariantBroken for a version that never was.
    """
    if rules_version not in _RULES:
        raise InvariantBroken(f"There are no pricing rules of version {rules_version}.")
    line = _Line()
    for step in _RULES[rules_version]:
        line = step(inputs, line)
    amount_minor, rounded = _rounded(line.exact, inputs.currency)
    priced = PricedLine(line.exact, amount_minor, (*line.steps, rounded), line.not_applied)
    return priced if inputs.charged_before is None else _beyond(inputs, inputs.charged_before, priced)


def _aggregate(inputs: LineInputs, line: _Line) -> _Line:
    """Begin with the quantity that is charged: what was measured or agreed, and never less than zero.

    Where each event is charged by itself, none of them is less than zero either.
    """
    quantity = canonical(inputs.quantity)
    if inputs.aggregation is None:
        first = Step(StepOperation.QUANTITY, f"Quantity: {spell(quantity)}", None, quantity)
    else:
        description = f"{_measured(inputs.aggregation, inputs.event_count)}: {spell_units(quantity, inputs.unit)}"
        first = Step(StepOperation.AGGREGATE, description, Decimal(inputs.event_count), quantity)
    return _begun(inputs, line, first)


def _aggregate_1(inputs: LineInputs, line: _Line) -> _Line:
    """Begin as `_aggregate`, in the words of version 1, which had STANDARD prices and whole periods alone."""
    quantity = canonical(inputs.quantity)
    if inputs.aggregation is None:
        first = Step(StepOperation.QUANTITY, f"Quantity of the fee: {spell(quantity)}", None, quantity)
    else:
        measured = _measured_1(inputs.aggregation, inputs.unit, inputs.event_count)
        description = f"{measured}: {spell(quantity)}"
        first = Step(StepOperation.AGGREGATE, description, Decimal(inputs.event_count), quantity)
    return _begun(inputs, line, first)


def _begun(inputs: LineInputs, line: _Line, first: Step) -> _Line:
    """Return the line after its first step, with what is charged of the quantity."""
    quantity = first.output
    if inputs.tally is None:
        counted, why = max(quantity, Decimal(0)), "A quantity below zero is charged as 0"
    else:
        counted = canonical(exact_sum(group.value for group in inputs.tally))
        why = f"With each value below zero counted as 0: {spell_units(counted, inputs.unit)}"
    if counted == quantity:
        return replace(line, quantity=quantity, steps=(first,))
    clamped = Step(StepOperation.QUANTITY, why, quantity, counted)
    return replace(line, quantity=counted, steps=(first, clamped))


def _cover(inputs: LineInputs, line: _Line) -> _Line:
    """Charge those units alone that no grant covers, where any are covered."""
    if inputs.uncovered is None:
        return line
    left = min(canonical(inputs.uncovered), line.quantity)
    covered = spell_units(exact_difference(line.quantity, left), inputs.unit)
    description = f"Grants cover {covered}; what is charged: {spell_units(left, inputs.unit)}"
    step = Step(StepOperation.COVER, description, line.quantity, left)
    return replace(line, quantity=left, steps=(*line.steps, step))


def _scale(inputs: LineInputs, line: _Line) -> _Line:
    """Say how a part of a period changes what the model has per period, where usage itself is only of that part."""
    if inputs.share is None or not _is_summed(inputs):
        return line
    scaled = terms_of_a_period(inputs.model)
    if scaled is None:
        reason = f"{_share(inputs)} Usage is charged as it was measured, so nothing is scaled."
        return line.unchanged(StepOperation.PRORATE, reason)
    description = f"{_share(inputs)} Multiplied by this share: {scaled}."
    step = Step(StepOperation.PRORATE, description, Decimal(1), as_decimal(inputs.share.exact))
    return replace(line, steps=(*line.steps, step))


def _price(inputs: LineInputs, line: _Line) -> _Line:
    """Apply the pricing model."""
    share = inputs.share.exact if inputs.share is not None and _is_summed(inputs) else Fraction(1)
    charged = Charged(line.quantity, inputs.currency, inputs.unit, inputs.tally, share)
    exact, steps = charge(inputs.model, charged)
    return replace(line, exact=exact, steps=line.steps + steps)


def _prorate(inputs: LineInputs, line: _Line) -> _Line:
    """Charge a part of a period by its share, where the quantity is not one of that part alone."""
    if inputs.share is None or _is_summed(inputs):
        return line
    if inputs.is_obligation:
        description = f"{_share(inputs)} This fee is owed for whole periods only: nothing for a part of one."
        return line.stepped(StepOperation.PRORATE, description, Fraction(0))
    exact = line.exact * inputs.share.exact
    part = f"{spell_money(line.exact, inputs.currency)} \N{MULTIPLICATION SIGN} {_ratio(inputs.share)}"
    description = f"{_share(inputs)} Charged for it: {part} {spell_result(exact, inputs.currency)}"
    return line.stepped(StepOperation.PRORATE, description, exact)


def _bound(inputs: LineInputs, line: _Line) -> _Line:
    """Apply the least and the most that the price charges in a period, by the part's share of it."""
    least, most = inputs.period_minimum, inputs.period_maximum
    operation = StepOperation.PERIOD_BOUNDS
    if least is None and most is None:
        return line
    if inputs.is_obligation and inputs.share is not None:
        return line.unchanged(operation, "A part of a period is not charged, so its bounds do not matter.")
    share = Fraction(1) if inputs.share is None else inputs.share.exact
    low, high = (None if bound is None else Fraction(bound) * share for bound in (least, most))
    if least is not None and low is not None and line.exact < low:
        return line.stepped(operation, f"The least charge of {_bounded(inputs, least, low)}", low)
    if most is not None and high is not None and line.exact > high:
        return line.stepped(operation, f"The greatest charge of {_bounded(inputs, most, high)}", high)
    return line.unchanged(operation, _within(inputs.currency, low, high))


def _beyond(inputs: LineInputs, before: Decimal, priced: PricedLine) -> PricedLine:
    """Take off what earlier lines charged for the period, so that all of them together come to what it costs."""
    amount_minor = priced.amount_minor - decimal_to_minor(before, inputs.currency)
    whole, left = (minor_to_decimal(minor, inputs.currency) for minor in (priced.amount_minor, amount_minor))
    spelt = spell_money(before, inputs.currency)
    description = f"Charged before for this period: {spelt}; the difference is {spell_money(left, inputs.currency)}"
    step = Step(StepOperation.CHARGED_BEFORE, description, whole, left)
    return PricedLine(priced.exact - Fraction(before), amount_minor, (*priced.steps, step), priced.not_applied)


#: The rules of each version: what happens to a line, in this order, before it is rounded.
_RULES: Mapping[int, Sequence[Callable[[LineInputs, _Line], _Line]]] = {
    1: (_aggregate_1, _price),
    2: (_aggregate, _cover, _scale, _price, _prorate, _bound),
}


def _is_summed(inputs: LineInputs) -> bool:
    """Tell whether the quantity of a whole is the sum of those of its parts, so that a part has its own."""
    return inputs.aggregation in (Aggregation.COUNT, Aggregation.SUM)


#: What a quantity is called by what was made of the events.
_QUANTITIES: Final[Mapping[Aggregation, str]] = {
    Aggregation.COUNT: "Count of {}",
    Aggregation.SUM: "Sum over {}",
    Aggregation.AVG: f"Average over {{}}, to {DIGITS_AFTER_POINT} places",
    Aggregation.MIN: "Least value of {}",
    Aggregation.MAX: "Greatest value of {}",
    Aggregation.UNIQUE_COUNT: "Distinct values of {}",
    Aggregation.LATEST: "Latest value of {}",
}


def _measured(aggregation: Aggregation, event_count: int) -> str:
    return _QUANTITIES[aggregation].format(spell_events(event_count))


def _measured_1(aggregation: Aggregation, unit: str | None, event_count: int) -> str:
    events = spell_events(event_count)
    match aggregation:
        case Aggregation.COUNT:
            return f"Count of {events}"
        case Aggregation.SUM:
            return f"Sum of {unit or 'values'} over {events}"
        case Aggregation.MAX:
            return f"Greatest {unit or 'value'} over {events}"
        case Aggregation.UNIQUE_COUNT:
            return f"Distinct {unit or 'values'} over {events}"
        case _:
            raise InvariantBroken(f"The first rules know no {aggregation}.")


def _share(inputs: LineInputs) -> str:
    share = inputs.share
    assert share is not None
    if share.whole == 1:
        return f"This part is {spell(share.part)} of a whole period."
    seconds = f"{spell(share.part)} of the {spell(share.whole)} seconds"
    return f"This part is {seconds} of a whole period ({_ratio(share)})."


def _ratio(share: Share) -> str:
    """Write a share as it is known: a number that was given, or a fraction of seconds."""
    exact = share.exact
    return spell(share.part) if share.whole == 1 else f"{exact.numerator:,}/{exact.denominator:,}"


def _bounded(inputs: LineInputs, bound: Decimal, scaled: Fraction) -> str:
    """Say what a bound of the period comes to, and in a part of one by which share of it."""
    spelt = spell_money(bound, inputs.currency)
    if inputs.share is None:
        return f"the period: {spelt}"
    by_share = f"\N{MULTIPLICATION SIGN} {_ratio(inputs.share)} {spell_result(scaled, inputs.currency)}"
    return f"this part of the period: {spelt} {by_share}"


def _within(currency: str, low: Fraction | None, high: Fraction | None) -> str:
    if low is None:
        return f"The charge is not above the greatest one, {spell_money(high or 0, currency)}."
    if high is None:
        return f"The charge is not below the least one, {spell_money(low, currency)}."
    bounds = f"{spell_money(low, currency)} and {spell_money(high, currency)}"
    return f"The charge lies between the least and the greatest one, {bounds}."


def _rounded(exact: Fraction, currency: str) -> tuple[int, Step]:
    amount_minor = round_to_minor(exact, currency)
    digits = minor_digits(currency)
    output = minor_to_decimal(amount_minor, currency)
    grain = {0: f"whole {currency}", 1: f"1 decimal of {currency}"}.get(digits, f"{digits} decimals of {currency}")
    description = f"Rounded half up to {grain}: {spell_money(output, currency)}"
    return amount_minor, Step(StepOperation.ROUND, description, as_decimal(exact), output)
