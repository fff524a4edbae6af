"""Currencies and amounts in their minor units."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from iso4217 import Currency

from app.billing.decimals import half_up, shifted

# ISO 4217 list one; entries without a minor unit (gold, test codes) can't be billed in and are left out.
_MINOR_DIGITS: dict[str, int] = {
    currency.code: currency.exponent for currency in Currency if currency.exponent is not None
}


def known_currency(code: str) -> bool:
    """Tell whether the code is an active ISO 4217 currency with a minor unit, in capitals."""
    return code in _MINOR_DIGITS


def minor_digits(code: str) -> int:
    """Return the digits after the point of ISO 4217: JPY 0, USD 2, KWD 3, CLF 4. ValueError for an unknown code."""
    if code not in _MINOR_DIGITS:
        raise ValueError(f"{code!r} is not an active ISO 4217 currency with a minor unit")
    return _MINOR_DIGITS[code]


def round_to_minor(exact: Fraction, currency: str) -> int:
    """Round an exact amount in major units to minor units, half up away from zero: the one rounding of money."""
    return half_up(exact * 10 ** minor_digits(currency))


def minor_to_decimal(minor: int, currency: str) -> Decimal:
    """Turn minor units into major ones with all places of the currency: 4900 of USD is Decimal("49.00")."""
    return shifted(Decimal(minor), -minor_digits(currency))


def decimal_to_minor(value: Decimal, currency: str) -> int:
    """Turn major units into minor ones. ValueError when the amount is not a whole number of them."""
    digits = minor_digits(currency)
    if not value.is_finite():
        raise ValueError("is not a finite amount")
    minor: Fraction = Fraction(value) * 10**digits
    if minor.denominator != 1:
        raise ValueError(f"has more than the {digits} decimals of {currency}")
    return minor.numerator


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of a currency; two currencies never add."""

    amount_minor: int
    currency: str

    @property
    def amount(self) -> Decimal:
        """The amount in major units, with all places of the currency."""
        return minor_to_decimal(self.amount_minor, self.currency)

    def __add__(self, other: "Money") -> "Money":
        """Add an amount of the same currency; ValueError for another one."""
        return Money(self.amount_minor + self._minor_of(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        """Subtract an amount of the same currency; ValueError for another one."""
        return Money(self.amount_minor - self._minor_of(other), self.currency)

    def _minor_of(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} can't be added")
        return other.amount_minor
