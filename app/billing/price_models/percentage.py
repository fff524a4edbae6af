"""PERCENTAGE: a part of the value that events report, and a fixed charge, within bounds; by event or by period."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from app.billing.decimals import canonical, exact_sum, within_bounds
from app.billing.errors import ErrorCode, InvariantBroken, Problems
from app.billing.price_models.charged import (
    WHOLE,
    Charged,
    EventTally,
    TallyGroup,
    TallyKind,
    charge_of_events,
    check_amount,
    check_range,
    number_of,
    optional_number_of,
    written,
)
from app.billing.steps import Step, StepOperation, as_decimal, spell, spell_events, spell_money, spell_result


class ChargeScope(StrEnum):
    """Whether the percentage, its charge and its bounds are taken of each event, or once of the period's sum."""

    PER_EVENT = "PER_EVENT"
    PER_PERIOD = "PER_PERIOD"


@dataclass(frozen=True, slots=True)
class PercentagePrice:
    """`percentage` is a share of 1: 0.029 is 2.9 %. The charges are in major units; None means there is none."""

    percentage: Decimal
    fixed_charge: Decimal | None = None
    min_charge: Decimal | None = None
    max_charge: Decimal | None = None
    charge_scope: ChargeScope = ChargeScope.PER_EVENT

    def to_json(self) -> dict[str, object]:
        """Return the stored form."""
        return written(
            type="PERCENTAGE",
            percentage=self.percentage,
            fixedCharge=self.fixed_charge,
            minCharge=self.min_charge,
            maxCharge=self.max_charge,
            chargeScope=self.charge_scope.value,
        )


def from_json(data: Mapping[str, object]) -> PercentagePrice:
    """Read the stored form. InvariantBroken when it is not one."""
    try:
        scope = ChargeScope(str(data.get("chargeScope")))
    except ValueError as error:
        raise InvariantBroken("The stored chargeScope is none.") from error
    return PercentagePrice(
        percentage=number_of(data, "percentage"),
        fixed_charge=optional_number_of(data, "fixedCharge"),
        min_charge=optional_number_of(data, "minCharge"),
        max_charge=optional_number_of(data, "maxCharge"),
        charge_scope=scope,
    )


def check(model: PercentagePrice, problems: Problems, field: str) -> None:
    """Note what is wrong with the parameters, in their order."""
    if not within_bounds(model.percentage) or not 0 <= model.percentage <= 1:
        message = "Must be 0 to 1, with at most 18 decimals: 0.029 is 2.9 %."
        problems.add(ErrorCode.OUT_OF_RANGE, f"{field}.percentage", message)
    check_amount(problems, f"{field}.fixedCharge", model.fixed_charge)
    low = check_amount(problems, f"{field}.minCharge", model.min_charge)
    high = check_amount(problems, f"{field}.maxCharge", model.max_charge)
    if low and high:
        check_range(problems, f"{field}.maxCharge", model.min_charge, model.max_charge, "minCharge")


def tally(model: PercentagePrice, values: Iterable[Decimal]) -> EventTally | None:
    """Sort the values of events by how they are charged; None where the period's sum is. Below zero counts as zero."""
    if model.charge_scope is ChargeScope.PER_PERIOD:
        return None
    groups: defaultdict[TallyKind, list[Decimal]] = defaultdict(list)
    for value in values:
        counted = max(value, Decimal(0))
        groups[_kind(model, counted)].append(counted)
    return tuple(TallyGroup(kind, len(groups[kind]), exact_sum(groups[kind])) for kind in TallyKind if kind in groups)


def price(model: PercentagePrice, charged: Charged) -> tuple[Fraction, tuple[Step, ...]]:
    """Return the charges of all events, or the one of the period, with the steps that add up to it."""
    if model.charge_scope is ChargeScope.PER_PERIOD:
        return _price_period(model, charged)
    groups = charged.tally or ()
    return charge_of_events(
        charged, ((group, _amount(model, group), _words(model, group, charged.currency)) for group in groups)
    )


def _kind(model: PercentagePrice, value: Decimal) -> TallyKind:
    exact = Fraction(model.percentage) * Fraction(value) + Fraction(model.fixed_charge or 0)
    if model.min_charge is not None and exact < Fraction(model.min_charge):
        return TallyKind.AT_MINIMUM
    if model.max_charge is not None and exact > Fraction(model.max_charge):
        return TallyKind.AT_MAXIMUM
    return TallyKind.WITHIN


def _amount(model: PercentagePrice, group: TallyGroup) -> Fraction:
    if group.kind is TallyKind.WITHIN:
        charges = group.event_count * Fraction(model.fixed_charge or 0)
        return Fraction(model.percentage) * Fraction(group.value) + charges
    bound = model.min_charge if group.kind is TallyKind.AT_MINIMUM else model.max_charge
    if bound is None:
        raise InvariantBroken("Events were sorted to a bound that the price does not have.")
    return group.event_count * Fraction(bound)


def _words(model: PercentagePrice, group: TallyGroup, currency: str) -> str:
    events, times = spell_events(group.event_count), f"{group.event_count:,} \N{MULTIPLICATION SIGN}"
    if group.kind is TallyKind.AT_MINIMUM:
        return f"{events} at the least charge: {times} {spell_money(model.min_charge or 0, currency)}"
    if group.kind is TallyKind.AT_MAXIMUM:
        return f"{events} at the greatest charge: {times} {spell_money(model.max_charge or 0, currency)}"
    part = f"{events}: {_percent(model)} of {spell_money(group.value, currency)}"
    if model.fixed_charge is None:
        return part
    return f"{part} + {times} {spell_money(model.fixed_charge, currency)}"


def _price_period(model: PercentagePrice, charged: Charged) -> tuple[Fraction, tuple[Step, ...]]:
    currency, scale = charged.currency, charged.scale
    fixed = None if model.fixed_charge is None else Fraction(model.fixed_charge) * scale
    exact = Fraction(model.percentage) * Fraction(charged.quantity) + (fixed or 0)
    added = "" if fixed is None else f" + {spell_money(fixed, currency)}"
    taken = f"{_percent(model)} of {spell_money(charged.quantity, currency)}"
    description = f"{taken}{added} {spell_result(exact, currency)}"
    first = Step(StepOperation.PRICE, description, canonical(charged.quantity), as_decimal(exact))
    low, high = (
        None if charge is None else Fraction(charge) * scale for charge in (model.min_charge, model.max_charge)
    )
    if low is not None and exact < low:
        bound, name = low, "least"
    elif high is not None and exact > high:
        bound, name = high, "greatest"
    else:
        return exact, (first,)
    covered = "the period" if scale == WHOLE else "this part of the period"
    description = f"The {name} charge of {covered}: {spell_money(bound, currency)}"
    return bound, (first, Step(StepOperation.PRICE, description, as_decimal(exact), as_decimal(bound)))


def _percent(model: PercentagePrice) -> str:
    return f"{spell(Fraction(model.percentage) * 100)} %"
