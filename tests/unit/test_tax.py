from decimal import Decimal

import pytest

from app.billing.tax import TaxBehavior, TaxTerms, tax_minor

ON_TOP, HELD = TaxBehavior.EXCLUSIVE, TaxBehavior.INCLUSIVE


@pytest.mark.parametrize(
    ("base", "rate", "behavior", "tax"),
    [
        (10000, "0.19", ON_TOP, 1900),
        (10000, "0.19", HELD, 1597),
        (11900, "0.19", HELD, 1900),
        (0, "0.19", ON_TOP, 0),
        (0, "0.19", HELD, 0),
        (10000, "0", ON_TOP, 0),
        (10000, "0", HELD, 0),
        (10000, "1", ON_TOP, 10000),
        (10000, "1", HELD, 5000),
        # 24.975 and 0.5, away from zero.
        (333, "0.075", ON_TOP, 25),
        (1, "0.5", ON_TOP, 1),
        (-1, "0.5", ON_TOP, -1),
        (-2000, "0.19", ON_TOP, -380),
        (-10000, "0.19", HELD, -1597),
        # Of 8.875 % in New York: 88.75.
        (1000, "0.08875", ON_TOP, 89),
        # 0.5 / 1.5 is a third, which has no end.
        (3, "0.5", HELD, 1),
        (10**20, "0.000000000000000001", ON_TOP, 100),
        (4 * 10**17, "0.000000000000000001", ON_TOP, 0),
        (5 * 10**17, "0.000000000000000001", ON_TOP, 1),
    ],
)
def test_tax_is_computed_exactly_and_rounded_once(base: int, rate: str, behavior: TaxBehavior, tax: int) -> None:
    assert tax_minor(base, Decimal(rate), behavior) == tax


@pytest.mark.parametrize(
    ("rate", "exemption", "charged"),
    [
        (None, None, None),
        ("0.19", None, "0.19"),
        ("0", None, "0"),
        ("0.19", "Reverse charge", None),
        (None, "Charity", None),
    ],
)
def test_an_exemption_wins_over_a_rate(rate: str | None, exemption: str | None, charged: str | None) -> None:
    terms = TaxTerms(rate=None if rate is None else Decimal(rate), exemption=exemption)
    assert terms.charged_rate == (None if charged is None else Decimal(charged))
