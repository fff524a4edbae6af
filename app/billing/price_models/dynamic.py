"""DYNAMIC: each event carries the price of its units, within bounds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from app.billing.decimals import exact_product, exact_sum
from app.billing.errors import ErrorCode, InvariantBroken, Problems
from app.billing.extraction import valid_path
from app.billing.price_models.charged import (
    Charged,
    EventTally,
    TallyGroup,
    TallyKind,
    charge_of_events,
    check_amount,
    check_range,
    number_of,
    written,
)
from app.billing.steps import Step, spell_events, spell_money, spell_units

MAX_PATH_LENGTH = 255


@dataclass(frozen=True, slots=True)
class DynamicPrice:
    """The least and the most that one unit costs, in major units, and where in an event's data its price stands."""

    min_price: Decimal
    max_price: Decimal
    unit_price_property: str

    def to_json(self) -> dict[str, object]:
        """Return the stored form."""
        return written(
            type="DYNAMIC",
            minPrice=self.min_price,
            maxPrice=self.max_price,
            unitPriceProperty=self.unit_price_property,
        )


def from_json(data: Mapping[str, object]) -> DynamicPrice:
    """Read the stored form. InvariantBroken when it is not one."""
    path = data.get("unitPriceProperty")
    if not isinstance(path, str):
        raise InvariantBroken("The stored unitPriceProperty is no text.")
    return DynamicPrice(number_of(data, "minPrice"), number_of(data, "maxPrice"), path)


def check(model: DynamicPrice, problems: Problems, field: str) -> None:
    """Note what is wrong with the parameters, in their order."""
    low = check_amount(problems, f"{field}.minPrice", model.min_price)
    high = check_amount(problems, f"{field}.maxPrice", model.max_price)
    if low and high:
        check_range(problems, f"{field}.maxPrice", model.min_price, model.max_price, "minPrice")
    if len(model.unit_price_property) > MAX_PATH_LENGTH or not valid_path(model.unit_price_property):
        message = f"Must be a path of the form $.a.b, of at most {MAX_PATH_LENGTH} characters."
        problems.add(ErrorCode.INVALID, f"{field}.unitPriceProperty", message)


def tally(model: DynamicPrice, events: Iterable[tuple[Decimal, Decimal | None]]) -> EventTally:
    """Sort events, given by value and price carried, by how they are priced. A value below zero counts as zero."""
    groups: defaultdict[TallyKind, list[tuple[Decimal, Decimal | None]]] = defaultdict(list)
    for value, carried in events:
        groups[_kind(model, carried)].append((max(value, Decimal(0)), carried))
    return tuple(_group(kind, groups[kind]) for kind in TallyKind if kind in groups)


def price(model: DynamicPrice, charged: Charged) -> tuple[Fraction, tuple[Step, ...]]:
    """Return the sum of value times clamped price over the events, with a step for each way they are priced."""
    groups = charged.tally or ()
    return charge_of_events(
        charged, ((group, _amount(model, group), _words(model, group, charged)) for group in groups)
    )


def _kind(model: DynamicPrice, carried: Decimal | None) -> TallyKind:
    if carried is None:
        return TallyKind.UNPRICED
    if carried < model.min_price:
        return TallyKind.AT_MINIMUM
    return TallyKind.AT_MAXIMUM if carried > model.max_price else TallyKind.WITHIN


def _group(kind: TallyKind, events: list[tuple[Decimal, Decimal | None]]) -> TallyGroup:
    value = exact_sum(value for value, _ in events)
    if kind is not TallyKind.WITHIN:
        return TallyGroup(kind, len(events), value)
    return TallyGroup(
        kind, len(events), value, exact_sum(exact_product(value, carried or 0) for value, carried in events)
    )


def _amount(model: DynamicPrice, group: TallyGroup) -> Fraction:
    if group.amount is not None:
        return Fraction(group.amount)
    unit_price = model.max_price if group.kind is TallyKind.AT_MAXIMUM else model.min_price
    return Fraction(group.value) * Fraction(unit_price)


def _words(model: DynamicPrice, group: TallyGroup, charged: Charged) -> str:
    events, units = spell_events(group.event_count), spell_units(group.value, charged.unit)
    least = f"{units} \N{MULTIPLICATION SIGN} {spell_money(model.min_price, charged.currency)}"
    most = f"{units} \N{MULTIPLICATION SIGN} {spell_money(model.max_price, charged.currency)}"
    match group.kind:
        case TallyKind.WITHIN:
            own = "the price it carries" if group.event_count == 1 else "the prices they carry"
            return f"{events}: {units} at {own}"
        case TallyKind.AT_MINIMUM:
            return f"{events} priced below the least price, charged at it: {least}"
        case TallyKind.AT_MAXIMUM:
            return f"{events} priced above the greatest price, charged at it: {most}"
        case TallyKind.UNPRICED:
            return f"{events} without a price, charged at the least one: {least}"
