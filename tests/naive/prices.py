"""What a price comes to: domain.md section 3, with parts of periods as section 5 has them."""

from fractions import Fraction
from typing import NamedTuple

from tests.naive.history import Dynamic, Graduated, Model, Package, Percentage, Price, Standard, Tier, Volume

WHOLE = Fraction(1)


class Used(NamedTuple):
    """What an event counted for, and the price of one unit that it carries."""

    value: Fraction
    unit_price: Fraction | None


def amount(price: Price, quantity: Fraction, used: list[Used], share: Fraction) -> Fraction:
    """What a price comes to for a window that is a share of a whole period, before it is rounded.

    A part rates its own quantity where the whole is the sum of its parts, with all that is per period scaled. Else it
    rates the whole and takes the share of that.
    """
    quantity = max(quantity, Fraction(0))
    if price.metric is not None and price.metric.aggregation in ("COUNT", "SUM"):
        exact = charge(price.model, quantity, used, share)
    elif price.is_obligation and share != WHOLE:
        return Fraction(0)
    else:
        exact = charge(price.model, quantity, used, WHOLE) * share
    if price.period_minimum is not None:
        exact = max(exact, Fraction(price.period_minimum) * share)
    if price.period_maximum is not None:
        exact = min(exact, Fraction(price.period_maximum) * share)
    return exact


def charge(model: Model, quantity: Fraction, used: list[Used], share: Fraction) -> Fraction:
    """Apply a model, with all that it has per period scaled by a share."""
    match model:
        case Standard(unit_price):
            exact = quantity * Fraction(unit_price)
        case Dynamic():
            exact = sum((_dynamic(model, one) for one in used), Fraction(0))
        case Percentage(per_event=True):
            exact = sum((_part(model, max(one.value, Fraction(0)), WHOLE) for one in used), Fraction(0))
        case Percentage():
            exact = _part(model, quantity, share)
        case Volume(tiers):
            exact = _volume(tiers, quantity, share)
        case Graduated(tiers):
            exact = _graduated(tiers, quantity, share)
        case Package(size, package_price, free):
            rest = max(quantity - Fraction(free or 0) * share, Fraction(0))
            full = rest // Fraction(size)
            exact = (full if full * Fraction(size) == rest else full + 1) * Fraction(package_price)
    return exact


def _dynamic(model: Dynamic, one: Used) -> Fraction:
    least, most = Fraction(model.min_price), Fraction(model.max_price)
    price = least if one.unit_price is None else min(max(one.unit_price, least), most)
    return max(one.value, Fraction(0)) * price


def _part(model: Percentage, value: Fraction, share: Fraction) -> Fraction:
    exact = Fraction(model.percentage) * value + Fraction(model.fixed_charge or 0) * share
    if model.min_charge is not None:
        exact = max(exact, Fraction(model.min_charge) * share)
    if model.max_charge is not None:
        exact = min(exact, Fraction(model.max_charge) * share)
    return exact


def _volume(tiers: tuple[Tier, ...], quantity: Fraction, share: Fraction) -> Fraction:
    for up_to, unit_price, flat_price in tiers:
        if up_to is None or quantity <= Fraction(up_to) * share:
            return quantity * Fraction(unit_price) + Fraction(flat_price or 0) * share
    raise AssertionError("the last tier has no end")


def _graduated(tiers: tuple[Tier, ...], quantity: Fraction, share: Fraction) -> Fraction:
    exact, below = Fraction(0), Fraction(0)
    for place, (up_to, unit_price, flat_price) in enumerate(tiers):
        if place == 0 or quantity > below:
            top = quantity if up_to is None else min(quantity, Fraction(up_to) * share)
            exact += (top - below) * Fraction(unit_price) + Fraction(flat_price or 0) * share
        below = quantity if up_to is None else Fraction(up_to) * share
    return exact
