from decimal import ROUND_DOWN, Decimal, localcontext
from fractions import Fraction

import pytest

from app.billing.decimals import canonical, exact_sum, half_up, parse_decimal, parse_plain, plain, to_places
from app.billing.decimals import within_bounds as fits

NINES_20 = "9" * 20
NINES_18 = "9" * 18


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "0"),
        ("49.00", "49.00"),
        ("-12.5", "-12.5"),
        ("0.000000000000000001", "1E-18"),
        ("000000000000000000000000000001.5", "1.5"),
        (f"{NINES_20}.{NINES_18}", f"{NINES_20}.{NINES_18}"),
        (f"-{NINES_20}.{NINES_18}", f"-{NINES_20}.{NINES_18}"),
    ],
)
def test_parse_keeps_every_digit(text: str, expected: str) -> None:
    assert parse_decimal(text) == Decimal(expected)


@pytest.mark.parametrize("text", ["-0", "-0.00", "-000"])
def test_minus_zero_is_zero(text: str) -> None:
    assert not parse_decimal(text).is_signed()
    assert not parse_plain(text).is_signed()


def test_parse_keeps_the_places_as_written() -> None:
    assert parse_decimal("49.00").as_tuple().exponent == -2


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "1 ", " 1", "1\n", "+1", "--1", ".5", "5.", "-", ".", "1.2.3", "1,5", "1_000", "1e3", "1E+3", "0x1F",
        "NaN", "sNaN", "Infinity", "-inf", "\u0661\u0662", "\uff11", "\u00bd", "1\u00a0000", "\u22121", "1\x00",
    ],
)  # fmt: skip
def test_parse_refuses_what_is_not_plain_ascii(text: str) -> None:
    with pytest.raises(ValueError, match="is not a decimal number"):
        parse_decimal(text)
    with pytest.raises(ValueError, match="is not a number"):
        parse_plain(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1" + "0" * 20, "more than 20 digits before"),
        ("-1" + "0" * 20, "more than 20 digits before"),
        ("0." + "0" * 19, "more than 18 digits after"),
        ("9" * 100_000, "more than 20 digits before"),
    ],
)
def test_parse_says_which_bound_is_crossed(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_decimal(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("49.00"), "49"),
        (Decimal("0.10"), "0.1"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-18"), "0.000000000000000001"),
        (Decimal("-0.00"), "0"),
        (Decimal("0E+9"), "0"),
        (Decimal("100"), "100"),
        (-7, "-7"),
        (0, "0"),
        (Fraction(0), "0"),
        (Fraction(3, 8), "0.375"),
        (Fraction(-1, 80), "-0.0125"),
        (Fraction(1, 10**36), "0." + "0" * 35 + "1"),
        (Fraction(10**120, 1), "1" + "0" * 120),
    ],
)
def test_plain_has_no_exponent_and_no_trailing_zeros(value: Decimal | Fraction | int, expected: str) -> None:
    assert plain(value) == expected


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        (Fraction(1, 3), 18, "0.333333333333333333"),
        (Fraction(2, 3), 2, "0.67"),
        (Decimal("-0.005"), 2, "-0.01"),
        (Decimal("1.20"), 4, "1.2"),
        (5, 3, "5"),
        (Fraction(-1, 1000), 2, "0"),
    ],
)
def test_plain_rounds_only_when_told_to(value: Decimal | Fraction | int, places: int, expected: str) -> None:
    assert plain(value, places) == expected


@pytest.mark.parametrize("value", [Fraction(1, 3), Fraction(5, 14), Fraction(1, 30)])
def test_a_fraction_without_end_needs_places(value: Fraction) -> None:
    with pytest.raises(ValueError, match="finite decimal expansion"):
        plain(value)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_has_no_notation_and_no_place(text: str) -> None:
    assert not fits(Decimal(text))
    with pytest.raises(ValueError, match="is not a finite number"):
        plain(Decimal(text))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], "0"),
        (["0.1"] * 10, "1.0"),
        (["99999999999999999999", "0.000000000000000001"], "99999999999999999999.000000000000000001"),
        (["1E+150", "1E-150", "-1E+150"], "1E-150"),
        (["9" * 120, "1"], "1" + "0" * 120),
    ],
)
def test_sums_are_exact(values: list[str], expected: str) -> None:
    total = exact_sum(Decimal(value) for value in values)
    assert total == Decimal(expected)


def test_the_ambient_context_changes_nothing() -> None:
    long = Decimal("12345678901234567890.123456789012345678")
    with localcontext() as context:
        context.prec = 3
        context.rounding = ROUND_DOWN
        assert exact_sum([long, long]) == Decimal("24691357802469135780.246913578024691356")
        assert plain(long) == "12345678901234567890.123456789012345678"
        assert plain(canonical(long)) == "12345678901234567890.123456789012345678"
        assert to_places(Fraction(long), 17) == Decimal("12345678901234567890.12345678901234568")
        assert parse_decimal("12345678901234567890.123456789012345678") == long
        assert fits(long)


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(1, 2, 1), (-1, 2, -1), (3, 2, 2), (-3, 2, -2), (5, 2, 3), (-5, 2, -3), (49, 100, 0), (-49, 100, 0), (7, 1, 7)],
)
def test_ties_go_away_from_zero(numerator: int, denominator: int, expected: int) -> None:
    assert half_up(Fraction(numerator, denominator)) == expected


def test_rounding_to_places_keeps_exactly_those_places() -> None:
    assert to_places(Fraction(30), 18).as_tuple().exponent == -18
    assert str(to_places(Fraction(-5, 1000), 2)) == "-0.01"
    assert str(to_places(Fraction(-4, 1000), 2)) == "0.00"
    assert str(to_places(Fraction(5, 2), 0)) == "3"


def test_a_hundred_digits_and_more_are_rounded_exactly() -> None:
    huge = 10**130
    assert to_places(Fraction(huge * 1000 + 5, 1000), 2) == Decimal(f"1{'0' * 130}.01")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", True),
        ("0E+999999", True),
        (NINES_20, True),
        (f"-{NINES_20}.{NINES_18}", True),
        ("1E+19", True),
        ("1E+20", False),
        ("1E+999999999", False),
        ("1E-18", True),
        ("1E-19", False),
        ("1E-999999999", False),
        ("1.50000000000000000000000", True),
        ("10000000000000000000.0000000000000000001", False),
    ],
)
def test_bounds_are_judged_by_value(text: str, expected: bool) -> None:
    assert fits(Decimal(text)) is expected


def test_equals_have_one_canonical_form() -> None:
    forms = {str(canonical(Decimal(text))) for text in ("1500000", "1.5E+6", "1500000.000")}
    assert forms == {"1500000"}
