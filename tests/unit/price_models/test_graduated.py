"""GRADUATED: each part of the quantity at the rate of its tier. All figures were computed by hand."""

from decimal import Decimal

import pytest

from app.billing.aggregation import Aggregation
from app.billing.errors import ErrorCode
from app.billing.price_models import GraduatedPrice, Tier
from app.billing.pricing import price_line
from app.billing.proration import Share
from tests.support.price_lines import (
    A_THIRD,
    HALF_OF_JANUARY,
    HALF_OF_LEAP_FEBRUARY,
    SMALLEST,
    fee,
    flow,
    metered,
    paid,
    tiers,
    told,
    wrong,
)

FLAT = tiers(("10", "10", "2"), ("20", "5", "3"), (None, "5", "3"))
CHEAPER = tiers(("100", "5"), (None, "3"))
TABLE = [
    # The first tier is entered at no usage, too.
    (FLAT, "0", "2.00"),
    (FLAT, "-1", "2.00"),
    (FLAT, SMALLEST, "2.00"),
    (FLAT, "1", "12.00"),
    (FLAT, "9.999999999999999999", "102.00"),
    (FLAT, "10", "102.00"),
    (FLAT, "10.000000000000000001", "105.00"),
    (FLAT, "11", "110.00"),
    (FLAT, "20", "155.00"),
    (FLAT, "20.000000000000000001", "158.00"),
    (FLAT, "21", "163.00"),
    (CHEAPER, "100", "500.00"),
    (CHEAPER, "101", "503.00"),
    # 500 + (10^20 - 1 - 100) × 3
    (CHEAPER, "99999999999999999999", "300000000000000000197.00"),
    (tiers((None, "0.05")), "1000", "50.00"),
    (tiers((None, "0", "9.99")), "0", "9.99"),
    (tiers(("0.5", "0.01"), (None, "0.02")), "0.5", "0.01"),
    (tiers(("0.5", "0.01"), (None, "0.02")), "1", "0.02"),
    (tiers(("1", "0.004"), (None, "0.004")), "2", "0.01"),
    (tiers(("1", "0.002"), (None, "0.002999999999999999")), "2", "0.00"),
]
STRIPE = tiers(("5", "7"), ("10", "6.50"), (None, "6"))
STRIPE_FLAT = tiers(("5", "5", "10"), ("10", "4", "20"), ("15", "3", "30"), ("20", "2", "40"), (None, "1", "50"))
STRIPE_INCLUDED = tiers(("100000", "0", "200"), (None, "0.001"))
LAGO = tiers(("100", "1"), ("200", "0.50"), (None, "0.10"))
ZUPLO = tiers(("1000", "0.10"), ("10000", "0.05"), (None, "0.01"))
AUTUMN = tiers(("1000", "0.01"), ("10000", "0.008"), (None, "0.005"))
METRONOME = tiers(("1000", "0.10"), (None, "0.09"))
ORACLE = tiers(("250", "1"), ("500", "2"), (None, "3"))
ORACLE_SLABS = tiers(("250", "0", "10"), ("500", "0", "20"), (None, "0", "30"))
LAVA = tiers(("1000000", "0.000005"), ("10000000", "0.000003"), (None, "0.000001"))
OTHER_SYSTEMS = [
    # Stripe's tiers for files: 7 each for the first 5, 6.50 for the next 5, 6 beyond.
    (STRIPE, "1", "7.00"),
    (STRIPE, "5", "35.00"),
    (STRIPE, "6", "41.50"),
    (STRIPE, "10", "67.50"),
    (STRIPE, "11", "73.50"),
    (STRIPE, "20", "127.50"),
    (STRIPE, "25", "157.50"),
    # Stripe's tiers with flat amounts: 5 + 10 for the first 5, then 4 + 20, 3 + 30, 2 + 40, and 1 + 50 above 20.
    (STRIPE_FLAT, "1", "15.00"),
    (STRIPE_FLAT, "5", "35.00"),
    (STRIPE_FLAT, "6", "59.00"),
    (STRIPE_FLAT, "10", "75.00"),
    (STRIPE_FLAT, "15", "120.00"),
    (STRIPE_FLAT, "20", "170.00"),
    (STRIPE_FLAT, "25", "225.00"),
    # Stripe's fixed fee and overage: 200 with 100,000 tokens in it, 0.001 for each one more.
    (STRIPE_INCLUDED, "0", "200.00"),
    (STRIPE_INCLUDED, "100000", "200.00"),
    (STRIPE_INCLUDED, "120000", "220.00"),
    # Lago's API company: 1 for the first 100 calls, 0.50 for the next 100, 0.10 beyond.
    (LAGO, "100", "100.00"),
    (LAGO, "200", "150.00"),
    (LAGO, "250", "155.00"),
    # Zuplo's graduated mode, as OpenMeter's: 0.10 for the first 1,000, 0.05 for up to 10,000, 0.01 beyond.
    (ZUPLO, "1000", "100.00"),
    (ZUPLO, "10000", "550.00"),
    (ZUPLO, "15000", "600.00"),
    # Autumn's API service: 0.01 for the first 1,000 requests, 0.008 for the next 9,000, 0.005 beyond.
    (AUTUMN, "10000", "82.00"),
    (AUTUMN, "15000", "107.00"),
    # Metronome's database: 0.10 a gigabyte for the first thousand, 0.09 for every one thereafter.
    (METRONOME, "1000", "100.00"),
    (METRONOME, "1001", "100.09"),
    (METRONOME, "2500", "235.00"),
    # Oracle's slabs by unit, and by amount: 1, 2 and 3 a unit, or 10, 20 and 30 a slab.
    (ORACLE, "250", "250.00"),
    (ORACLE, "500", "750.00"),
    (ORACLE, "1000", "2250.00"),
    (ORACLE_SLABS, "1000", "60.00"),
    # Lava's meter: 5 for a million tokens, 3 after the first million, 1 after ten.
    (LAVA, "1000000", "5.00"),
    (LAVA, "10000000", "32.00"),
    (LAVA, "11000000", "33.00"),
]


@pytest.mark.parametrize(("given", "quantity", "amount"), TABLE + OTHER_SYSTEMS)
def test_the_table(given: tuple[Tier, ...], quantity: str, amount: str) -> None:
    assert paid(metered(GraduatedPrice(given), quantity)) == amount


@pytest.mark.parametrize(
    ("quantity", "currency", "amount"),
    [
        ("100.1", "JPY", "500"),
        ("100.166666666666666667", "JPY", "501"),
        ("0.0001", "KWD", "0.001"),
        ("0.00001", "CLF", "0.0001"),
        ("0.000009", "CLF", "0.0000"),
    ],
)
def test_it_is_rounded_to_the_minor_unit(quantity: str, currency: str, amount: str) -> None:
    assert paid(metered(GraduatedPrice(CHEAPER), quantity, currency)) == amount


@pytest.mark.parametrize(
    ("given", "quantity", "share", "amount"),
    [
        # Of 15 days in 31 the bounds are 150/31 = 4.83… and 300/31 = 9.67…, the flat prices 30/31 and 45/31.
        (FLAT, "0", HALF_OF_JANUARY, "0.97"),
        (FLAT, "4", HALF_OF_JANUARY, "40.97"),
        # A tier of 1530/31 and 5/31 of the next: 1600/31 in all.
        (FLAT, "5", HALF_OF_JANUARY, "51.61"),
        # Tiers of 1530/31 and 795/31, and 10/31 of the last: 2420/31 in all.
        (FLAT, "10", HALF_OF_JANUARY, "78.06"),
        (tiers(("30", "1"), (None, "0.5")), "10", A_THIRD, "10.00"),
        (tiers(("30", "1"), (None, "0.5")), "11", A_THIRD, "10.50"),
        # 100/3 × 5 + (34 - 100/3) × 3 = 506/3
        (CHEAPER, "34", A_THIRD, "168.67"),
        (CHEAPER, "50", HALF_OF_LEAP_FEBRUARY, "250.00"),
        (CHEAPER, "51", HALF_OF_LEAP_FEBRUARY, "253.00"),
        (FLAT, "11", HALF_OF_LEAP_FEBRUARY, "84.00"),
    ],
)
def test_a_part_of_a_period_scales_bounds_and_flat_prices(
    given: tuple[Tier, ...], quantity: str, share: Share, amount: str
) -> None:
    assert paid(metered(GraduatedPrice(given), quantity, share=share)) == amount


def test_what_is_not_added_up_is_priced_whole_and_then_charged_by_its_share() -> None:
    model = GraduatedPrice(FLAT)
    assert paid(metered(model, "21", aggregation=Aggregation.UNIQUE_COUNT, share=HALF_OF_LEAP_FEBRUARY)) == "81.50"
    assert paid(fee(model, "21", share=A_THIRD)) == "54.33"


def test_each_tier_is_a_step() -> None:
    line = price_line(metered(GraduatedPrice(FLAT), "21", unit="seat"))
    assert told(line) == [
        "Sum over 1 event: 21 seat",
        "Tier up to 10: 10 seat × 10.00 USD + 2.00 USD flat = 102.00 USD",
        "Tier above 10, up to 20: 10 seat × 5.00 USD + 3.00 USD flat = 53.00 USD",
        "Tier above 20: 1 seat × 5.00 USD + 3.00 USD flat = 8.00 USD",
        "Charge of all tiers entered: 163.00 USD",
        "Rounded half up to 2 decimals of USD: 163.00 USD",
    ]
    assert flow(line) == [("1", "21"), ("10", "102"), ("10", "53"), ("1", "8"), ("21", "163"), ("163", "163")]


def test_one_tier_entered_needs_no_sum() -> None:
    line = price_line(metered(GraduatedPrice(FLAT), "0"))
    assert told(line) == [
        "Sum over 1 event: 0",
        "Tier up to 10: 0 × 10.00 USD + 2.00 USD flat = 2.00 USD",
        "Rounded half up to 2 decimals of USD: 2.00 USD",
    ]


def test_the_steps_of_a_part() -> None:
    line = price_line(metered(GraduatedPrice(CHEAPER), "34", share=A_THIRD))
    assert told(line)[1:-1] == [
        "This part is 864,000 of the 2,592,000 seconds of a whole period (1/3). Multiplied by this share: tier bounds.",
        "Tier up to ≈ 33.333333: ≈ 33.333333 × 5.00 USD ≈ 166.666667 USD",
        "Tier above ≈ 33.333333: ≈ 0.666667 × 3.00 USD = 2.00 USD",
        "Charge of all tiers entered: ≈ 168.666667 USD",
    ]
    assert flow(line)[-1] == ("168.666666666666666667", "168.67")


def test_tiers_are_checked_as_those_of_volume() -> None:
    bounds = tiers(("20", "1"), ("10", "-1"), ("30", "1", "1E-19"))
    assert wrong(GraduatedPrice(bounds)) == [
        (ErrorCode.INVALID, "model.graduated.tiers.1.upTo"),
        (ErrorCode.OUT_OF_RANGE, "model.graduated.tiers.1.unitPrice"),
        (ErrorCode.INVALID, "model.graduated.tiers.2.upTo"),
        (ErrorCode.OUT_OF_RANGE, "model.graduated.tiers.2.flatPrice"),
    ]
    assert wrong(GraduatedPrice((Tier(None, Decimal(0)),))) == []
