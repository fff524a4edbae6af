from decimal import Decimal
from fractions import Fraction

import pytest

from app.billing.money import Money, decimal_to_minor, known_currency, minor_digits, minor_to_decimal, round_to_minor


@pytest.mark.parametrize(
    ("code", "digits"), [("JPY", 0), ("USD", 2), ("IQD", 3), ("KWD", 3), ("CLF", 4), ("EUR", 2), ("MGA", 2)]
)
def test_the_minor_unit_is_that_of_iso_4217(code: str, digits: int) -> None:
    assert known_currency(code)
    assert minor_digits(code) == digits


@pytest.mark.parametrize(
    "code", ["", "usd", "US", "USDT", "XXX", "XAU", "XTS", "XDR", "DEM", "HRK", "US\u0000", "\u20ac"]
)
def test_what_has_no_minor_unit_or_is_gone_is_no_currency(code: str) -> None:
    assert not known_currency(code)
    with pytest.raises(ValueError, match="is not an active ISO 4217 currency"):
        minor_digits(code)


@pytest.mark.parametrize(
    ("exact", "currency", "minor"),
    [
        ("30", "USD", 3000),
        ("0.005", "USD", 1),
        ("-0.005", "USD", -1),
        ("0.0049999999999999999996", "USD", 0),
        ("-0.0049999999999999999996", "USD", 0),
        ("1.015", "USD", 102),
        ("2.675", "USD", 268),
        ("0.5", "JPY", 1),
        ("-0.5", "JPY", -1),
        ("0.4999", "JPY", 0),
        ("1234.5", "JPY", 1235),
        ("0.0005", "KWD", 1),
        ("0.00049999", "KWD", 0),
        ("1.2345", "KWD", 1235),
        ("0.00005", "CLF", 1),
        ("0.000049", "CLF", 0),
        ("1.23455", "CLF", 12346),
        ("99999999999999999999.999", "USD", 10**22),
    ],
)
def test_money_is_rounded_half_up_to_the_minor_unit(exact: str, currency: str, minor: int) -> None:
    assert round_to_minor(Fraction(exact), currency) == minor


def test_thirds_are_rounded_from_their_exact_value() -> None:
    assert round_to_minor(Fraction(100, 3), "USD") == 3333
    assert round_to_minor(Fraction(200, 3), "USD") == 6667


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(4900, "USD", "49.00"), (-1, "USD", "-0.01"), (0, "USD", "0.00"), (1235, "JPY", "1235"), (5, "KWD", "0.005"),
     (12346, "CLF", "1.2346"), (10**130 + 1, "USD", "1" + "0" * 127 + "0.01")],
)  # fmt: skip
def test_minor_units_become_decimals_with_all_places_and_back(minor: int, currency: str, text: str) -> None:
    assert str(minor_to_decimal(minor, currency)) == text
    assert decimal_to_minor(Decimal(text), currency) == minor


def test_zeros_beyond_the_minor_unit_do_no_harm() -> None:
    assert decimal_to_minor(Decimal("49.0000"), "USD") == 4900
    assert decimal_to_minor(Decimal("4.9E+1"), "JPY") == 49


@pytest.mark.parametrize(("text", "currency"), [("0.005", "USD"), ("1.5", "JPY"), ("0.0001", "KWD"), ("NaN", "USD")])
def test_an_amount_finer_than_its_currency_is_refused(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"decimals of|finite"):
        decimal_to_minor(Decimal(text), currency)


def test_amounts_of_one_currency_add_and_subtract() -> None:
    assert Money(4900, "USD") + Money(3000, "USD") == Money(7900, "USD")
    assert Money(4900, "USD") - Money(5000, "USD") == Money(-100, "USD")
    assert (Money(4900, "USD") - Money(5000, "USD")).amount == Decimal("-1.00")


def test_two_currencies_never_add() -> None:
    with pytest.raises(ValueError, match="USD and EUR"):
        Money(1, "USD") + Money(1, "EUR")
    with pytest.raises(ValueError, match="EUR and USD"):
        Money(1, "EUR") - Money(1, "USD")
