"""Exact decimals: reading, writing, adding, and the one rounding primitive.

Nothing here uses the ambient decimal context, whose 28 digits would round without a word.
"""

import re
from collections.abc import Iterable
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, Inexact
from fractions import Fraction

DIGITS_BEFORE_POINT = 20
DIGITS_AFTER_POINT = 18

_PLAIN = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?")

# Wide enough for any sum, and loud instead of wrong if it ever were not.
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact])


def parse_decimal(text: str) -> Decimal:
    """Read a price or a quantity as a user writes it, keeping its places: "49.00" is Decimal("49.00").

    Takes ASCII digits with an optional leading minus and an optional point between digits, at most 20 digits before
    the point (leading zeros aside) and 18 after it. Minus zero is zero. Raises ValueError with a sentence for the user.
    """
    match = _PLAIN.fullmatch(text)
    if match is None:
        raise ValueError("is not a decimal number: write digits with at most one point, like 1234.56")
    whole, places = match.groups(default="")
    if len(whole.lstrip("0")) > DIGITS_BEFORE_POINT:
        raise ValueError(f"has more than {DIGITS_BEFORE_POINT} digits before the point")
    if len(places) > DIGITS_AFTER_POINT:
        raise ValueError(f"has more than {DIGITS_AFTER_POINT} digits after the point")
    return _without_minus_zero(Decimal(text))


def parse_plain(text: str) -> Decimal:
    """Read what `plain` wrote, of any size. Raises ValueError for anything that is not plain notation."""
    if _PLAIN.fullmatch(text) is None:
        raise ValueError("is not a number in plain decimal notation")
    return _without_minus_zero(Decimal(text))


def plain(value: Decimal | Fraction | int, places: int | None = None) -> str:
    """Write a number exactly: no exponent, no trailing zeros, "0" for every zero.

    With `places` the number is first rounded to them, half up. Raises ValueError for NaN and infinities, and for a
    fraction without a finite decimal expansion when no `places` are given.
    """
    if places is not None:
        value = to_places(Fraction(value), places)
    elif isinstance(value, Fraction):
        value = _terminating(value)
    if isinstance(value, int):
        return str(value)
    if not value.is_finite():
        raise ValueError("is not a finite number")
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if value.is_zero() else text


def canonical(value: Decimal) -> Decimal:
    """Return the same number in the one form that has no exponent and no trailing zeros, so that equals look equal."""
    return Decimal(plain(value))


def exact_sum(values: Iterable[Decimal]) -> Decimal:
    """Add without ever rounding, whatever the number of digits. Nothing adds up to 0."""
    total = Decimal(0)
    for value in values:
        total = _EXACT.add(total, value)
    return total


def exact_difference(one: Decimal, other: Decimal) -> Decimal:
    """Subtract without ever rounding."""
    return _EXACT.subtract(one, other)


def exact_product(one: Decimal, other: Decimal | int) -> Decimal:
    """Multiply without ever rounding."""
    return _EXACT.multiply(one, Decimal(other))


def half_up(value: Fraction) -> int:
    """Round to the nearest integer, ties away from zero: the rule every rounding of money follows."""
    below, rest = divmod(abs(value.numerator), value.denominator)
    magnitude = below + (2 * rest >= value.denominator)
    return -magnitude if value < 0 else magnitude


def to_places(value: Fraction, places: int) -> Decimal:
    """Round half up, away from zero, to exactly `places` digits after the point."""
    return Decimal(f"{half_up(value * 10**places)}E-{places}")


def shifted(value: Decimal, places: int) -> Decimal:
    """Move the point by `places` digits, to the right where that is positive; no digit is lost or rounded."""
    return value.scaleb(places, _EXACT)


def within_bounds(value: Decimal) -> bool:
    """Tell whether a number is finite and fits 20 digits before and 18 after the point, trailing zeros aside."""
    if not value.is_finite():
        return False
    if value.is_zero():
        return True
    # The magnitude is looked at first: writing out 1E+999999 to count its digits would take a megabyte.
    if not -DIGITS_AFTER_POINT <= value.adjusted() < DIGITS_BEFORE_POINT:
        return False
    _, _, places = plain(value).partition(".")
    return len(places) <= DIGITS_AFTER_POINT


def _without_minus_zero(value: Decimal) -> Decimal:
    return value.copy_abs() if value.is_zero() else value


def _terminating(value: Fraction) -> Decimal:
    """Turn a fraction into the decimal it equals; ValueError when its denominator has a factor besides 2 and 5."""
    rest, places = value.denominator, 0
    while rest != 1:
        factor = 10 if rest % 10 == 0 else 5 if rest % 5 == 0 else 2
        rest, remainder = divmod(rest, factor)
        if remainder:
            raise ValueError("has no finite decimal expansion")
        places += 1
    return to_places(value, places)
