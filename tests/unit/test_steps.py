from decimal import Decimal
from fractions import Fraction

import pytest

from app.billing.steps import spell, spell_result


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (0, 0, "0"),
        (0, 2, "0.00"),
        (1500000, 0, "1,500,000"),
        (Decimal("1500000.00"), 0, "1,500,000"),
        (Decimal("0.00002"), 2, "0.00002"),
        (Decimal("-1234.5"), 2, "-1,234.50"),
        (Decimal("-0.5"), 0, "-0.5"),
        (Fraction(3, 8), 2, "0.375"),
        (10**101, 0, "100" + ",000" * 33),
        (Fraction(1, 3), 2, "≈ 0.333333"),
        (Fraction(-2, 3), 2, "≈ -0.666667"),
        (Fraction(1, 30_000_000), 2, "≈ 0.00"),
        (Fraction(-1, 30_000_000), 2, "≈ 0.00"),
        (Fraction(-1234567, 3), 0, "≈ -411,522.333333"),
        (Decimal("0.000000000000000001"), 2, "0.000000000000000001"),
    ],
)
def test_numbers_are_spelt_exactly_and_with_separators(value: Decimal | Fraction | int, places: int, text: str) -> None:
    assert spell(value, places) == text


def test_a_result_is_equal_or_nearly_so_and_never_both() -> None:
    assert spell_result(Decimal(30), "USD") == "= 30.00 USD"
    assert spell_result(Fraction(-1, 3), "USD") == "\N{ALMOST EQUAL TO} -0.333333 USD"
