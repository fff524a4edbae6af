"""STANDARD: quantity times unit price. All figures were computed by hand."""

from decimal import Decimal

import pytest

from app.billing.aggregation import Aggregation
from app.billing.errors import ErrorCode
from app.billing.price_models import StandardPrice
from app.billing.pricing import NotApplied, StepOperation, price_line
from app.billing.proration import Share
from tests.support.price_lines import (
    A_THIRD,
    HALF_OF_JANUARY,
    HALF_OF_LEAP_FEBRUARY,
    LARGEST,
    SMALLEST,
    fee,
    flow,
    metered,
    paid,
    told,
    wrong,
)

TABLE = [
    ("0", "49.00", "USD", "0.00"),
    ("7", "0", "USD", "0.00"),
    ("1500000", "0.00002", "USD", "30.00"),
    ("0.5", "3", "USD", "1.50"),
    ("3", "0.005", "USD", "0.02"),
    ("1000000000000", "0.000000000001", "USD", "1.00"),
    ("1", "0.005", "USD", "0.01"),
    ("1", "0.004999999999999999", "USD", "0.00"),
    # Exactly 0.0049999999999999999996: 18 places read 0.005, and rounding that again would charge a cent.
    ("0.0001", "49.999999999999999996", "USD", "0.00"),
    # Of these, binary floats would make 2.67, 1.00 and 0.61.
    ("1", "2.675", "USD", "2.68"),
    ("1", "1.005", "USD", "1.01"),
    ("1", "0.615", "USD", "0.62"),
    (SMALLEST, SMALLEST, "USD", "0.00"),
    (SMALLEST, LARGEST, "USD", "100.00"),
    ("99999999999999999999", "1", "USD", "99999999999999999999.00"),
    # (10^20 - 10^-18)^2 = 10^40 - 200 + 10^-36
    (LARGEST, LARGEST, "USD", "9" * 37 + "800.00"),
    ("-12.5", "2", "USD", "0.00"),
    ("1.5", "1", "JPY", "2"),
    ("1.499999999999999999", "1", "JPY", "1"),
    ("0.5", "1", "JPY", "1"),
    ("0.0005", "1", "KWD", "0.001"),
    ("3", "0.33335", "KWD", "1.000"),
    ("1", "0.00005", "CLF", "0.0001"),
    ("1", "0.0000499", "CLF", "0.0000"),
]
# A rebate is a unit price below zero: it takes off, and rounds away from zero as charges do.
REBATES = [
    ("10", "-0.5", "USD", "-5.00"),
    ("0", "-0.5", "USD", "0.00"),
    # A quantity below zero counts as none, so no rebate becomes a charge.
    ("-3", "-0.5", "USD", "0.00"),
    ("1", "-0.005", "USD", "-0.01"),
    ("1", "-0.004999999999999999", "USD", "0.00"),
    ("1", "-0.5", "JPY", "-1"),
    ("0.0005", "-1", "KWD", "-0.001"),
]
OTHER_SYSTEMS = [
    # Chargebee: a plan per unit, 29 for a user and month.
    ("1", "29", "USD", "29.00"),
    ("12", "29", "USD", "348.00"),
    # Zuplo, whose monetization is built like OpenMeter's: 0.001 a call.
    ("100000", "0.001", "USD", "100.00"),
    # Amounts that Stripe can write with its twelve decimals of a cent only.
    ("123456", "0.00000000000001", "USD", "0.00"),
    ("1000000000000", "0.00000000000001", "USD", "0.01"),
    # OpenAI's way of quoting: 0.15 and 0.60 for a million tokens.
    ("2345678", "0.00000015", "USD", "0.35"),
    ("2345678", "0.0000006", "USD", "1.41"),
]


@pytest.mark.parametrize(("quantity", "unit_price", "currency", "amount"), TABLE + REBATES + OTHER_SYSTEMS)
def test_the_table(quantity: str, unit_price: str, currency: str, amount: str) -> None:
    assert paid(metered(StandardPrice(Decimal(unit_price)), quantity, currency)) == amount


@pytest.mark.parametrize(
    ("aggregation", "quantity", "unit_price", "share", "amount"),
    [
        # What is added up in a part is of that part alone.
        (Aggregation.SUM, "31", "1", HALF_OF_JANUARY, "31.00"),
        (Aggregation.COUNT, "31", "1", A_THIRD, "31.00"),
        # What is not, is charged by the share.
        (Aggregation.MAX, "31", "1", HALF_OF_JANUARY, "15.00"),
        (Aggregation.MAX, "10", "1", A_THIRD, "3.33"),
        (Aggregation.UNIQUE_COUNT, "7", "3", A_THIRD, "7.00"),
        (Aggregation.UNIQUE_COUNT, "1", "99.99", HALF_OF_LEAP_FEBRUARY, "50.00"),
        (Aggregation.MAX, "10", "-1", A_THIRD, "-3.33"),
        # 5 × 49 × 15/31 = 3675/31 = 118.548…
        (None, "5", "49", HALF_OF_JANUARY, "118.55"),
        (None, "1", "0.01", HALF_OF_LEAP_FEBRUARY, "0.01"),
        (None, "1", "0.01", A_THIRD, "0.00"),
        (None, "1", "100", Share(Decimal(0), Decimal(1)), "0.00"),
    ],
)
def test_a_part_of_a_period(
    aggregation: Aggregation | None, quantity: str, unit_price: str, share: Share, amount: str
) -> None:
    model = StandardPrice(Decimal(unit_price))
    assert paid(metered(model, quantity, aggregation=aggregation, share=share)) == amount


@pytest.mark.parametrize(
    ("quantity", "unit_price", "currency", "unit", "sentence"),
    [
        ("1500000", "0.00002", "USD", "token", "1,500,000 token × 0.00002 USD = 30.00 USD"),
        ("1", "49", "USD", None, "1 × 49.00 USD = 49.00 USD"),
        ("2.50", "1000", "JPY", "hour", "2.5 hour × 1,000 JPY = 2,500 JPY"),
        ("1234.5", "0.001", "KWD", None, "1,234.5 × 0.001 KWD = 1.2345 KWD"),
        ("1", "1", "CLF", None, "1 × 1.0000 CLF = 1.0000 CLF"),
        ("10", "-0.5", "USD", "call", "10 call × -0.50 USD = -5.00 USD"),
    ],
)
def test_the_step_says_what_was_multiplied(
    quantity: str, unit_price: str, currency: str, unit: str | None, sentence: str
) -> None:
    line = price_line(metered(StandardPrice(Decimal(unit_price)), quantity, currency, unit=unit))
    assert told(line)[1] == sentence


def test_the_steps_of_a_part() -> None:
    line = price_line(fee(StandardPrice(Decimal(49)), "5", share=HALF_OF_JANUARY))
    assert told(line) == [
        "Quantity: 5",
        "5 × 49.00 USD = 245.00 USD",
        (
            "This part is 1,296,000 of the 2,678,400 seconds of a whole period (15/31)."
            " Charged for it: 245.00 USD × 15/31 ≈ 118.548387 USD"
        ),
        "Rounded half up to 2 decimals of USD: 118.55 USD",
    ]
    assert flow(line) == [
        (None, "5"),
        ("5", "245"),
        ("245", "118.548387096774193548"),
        ("118.548387096774193548", "118.55"),
    ]
    assert line.not_applied == ()


def test_usage_of_a_part_says_why_it_is_not_scaled() -> None:
    line = price_line(metered(StandardPrice(Decimal(2)), "3", share=A_THIRD))
    assert told(line) == [
        "Sum over 1 event: 3",
        "3 × 2.00 USD = 6.00 USD",
        "Rounded half up to 2 decimals of USD: 6.00 USD",
    ]
    reason = (
        "This part is 864,000 of the 2,592,000 seconds of a whole period (1/3)."
        " Usage is charged as it was measured, so nothing is scaled."
    )
    assert line.not_applied == (NotApplied(StepOperation.PRORATE, reason),)


@pytest.mark.parametrize("unit_price", ["0", SMALLEST, LARGEST, "49.00", f"-{LARGEST}"])
def test_unit_prices_within_bounds_are_fine(unit_price: str) -> None:
    assert wrong(StandardPrice(Decimal(unit_price))) == []


@pytest.mark.parametrize("unit_price", ["1E+20", "1E-19", "NaN", "sNaN", "Infinity", "-Infinity", "1E+999999"])
def test_others_are_out_of_range(unit_price: str) -> None:
    assert wrong(StandardPrice(Decimal(unit_price))) == [(ErrorCode.OUT_OF_RANGE, "model.standard.unitPrice")]
