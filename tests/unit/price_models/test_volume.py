"""VOLUME: the whole quantity at the rate of the tier it falls in. All figures were computed by hand."""

from decimal import Decimal

import pytest

from app.billing.aggregation import Aggregation
from app.billing.errors import ErrorCode
from app.billing.price_models import Tier, VolumePrice
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
    tiers,
    told,
    wrong,
)

CHEAPER = tiers(("100", "5"), (None, "3"))
FLAT = tiers(("10", "10", "2"), ("20", "5", "3"), (None, "5", "3"))
STAIRS = tiers(("10", "0", "100"), ("20", "0", "180"), (None, "0", "250"))
TABLE = [
    (CHEAPER, "0", "0.00"),
    (CHEAPER, SMALLEST, "0.00"),
    (CHEAPER, "99.999999999999999999", "500.00"),
    (CHEAPER, "100", "500.00"),
    (CHEAPER, "100.000000000000000001", "300.00"),
    (CHEAPER, "101", "303.00"),
    (CHEAPER, "-5", "0.00"),
    (CHEAPER, "99999999999999999999", "299999999999999999997.00"),
    # The first tier's flat price is charged at no usage, too.
    (FLAT, "0", "2.00"),
    (FLAT, "-1", "2.00"),
    (FLAT, "10", "102.00"),
    (FLAT, "11", "58.00"),
    (FLAT, "20", "103.00"),
    (FLAT, "20.000000000000000001", "103.00"),
    (FLAT, "21", "108.00"),
    (tiers((None, "0.05")), "1000", "50.00"),
    (tiers((None, "0", "9.99")), "0", "9.99"),
    (tiers((None, SMALLEST)), "1000000000000000000", "1.00"),
    (tiers(("99999999999999999999", "1"), (None, "0.5")), "99999999999999999999", "99999999999999999999.00"),
    (tiers(("99999999999999999999", "1"), (None, "0.5")), "1" + "0" * 20, "50000000000000000000.00"),
    (tiers((SMALLEST, "1000000000000000000"), (None, "0")), SMALLEST, "1.00"),
    (tiers((SMALLEST, "1000000000000000000"), (None, "0")), "0.000000000000000002", "0.00"),
]
STRIPE = tiers(("5", "7"), ("10", "6.50"), (None, "6"))
STRIPE_FLAT = tiers(("5", "5", "10"), ("10", "4", "20"), ("15", "3", "30"), ("20", "2", "40"), (None, "1", "50"))
LAGO = tiers(("10000", "0.001", "10"), ("50000", "0.0008", "10"), ("100000", "0.0006", "10"), (None, "0.0004", "10"))
ZUPLO = tiers(("1000", "0.10"), ("10000", "0.05"), (None, "0.01"))
ORACLE = tiers(("250", "1"), ("500", "2"), (None, "3"))
OTHER_SYSTEMS = [
    # Stripe's tiers for files: 7 each for up to 5, 6.50 for up to 10, 6 beyond.
    (STRIPE, "1", "7.00"),
    (STRIPE, "5", "35.00"),
    (STRIPE, "6", "39.00"),
    (STRIPE, "10", "65.00"),
    (STRIPE, "11", "66.00"),
    (STRIPE, "20", "120.00"),
    (STRIPE, "25", "150.00"),
    # Stripe's tiers with flat amounts: 5 + 10 for up to 5, then 4 + 20, 3 + 30, 2 + 40, and 1 + 50 above 20.
    (STRIPE_FLAT, "1", "15.00"),
    (STRIPE_FLAT, "5", "35.00"),
    (STRIPE_FLAT, "6", "44.00"),
    (STRIPE_FLAT, "15", "75.00"),
    (STRIPE_FLAT, "16", "72.00"),
    (STRIPE_FLAT, "20", "80.00"),
    (STRIPE_FLAT, "25", "75.00"),
    # Lago's API calls: 0.0010, 0.0008, 0.0006 and 0.0004 for up to 10,000, 50,000, 100,000 and more, plus 10 each.
    (LAGO, "0", "10.00"),
    (LAGO, "10000", "20.00"),
    (LAGO, "10001", "18.00"),
    (LAGO, "50000", "50.00"),
    (LAGO, "65000", "49.00"),
    (LAGO, "100000", "70.00"),
    (LAGO, "100001", "50.00"),
    # Zuplo's volume mode, as OpenMeter's: 0.10 for up to 1,000, 0.05 for up to 10,000, 0.01 beyond.
    (ZUPLO, "1000", "100.00"),
    (ZUPLO, "1001", "50.05"),
    (ZUPLO, "15000", "150.00"),
    # Flexprice counts 65,000 calls in a tier of 0.0006 as 39.
    (tiers(("50000", "0.0008"), ("100000", "0.0006"), (None, "0.0004")), "65000", "39.00"),
    # Oracle's slabs by variable amount: 1, 2 and 3 for up to 250, up to 500 and more.
    (ORACLE, "250", "250.00"),
    (ORACLE, "1000", "3000.00"),
    # Metronome: all usage takes the price of the highest range, here 0.10 for up to 1,000 GB and 0.09 beyond.
    (tiers(("1000", "0.10"), (None, "0.09")), "1000", "100.00"),
    (tiers(("1000", "0.10"), (None, "0.09")), "1001", "90.09"),
    # Chargebee's stairstep: a tier has a price of its own, however many units of it are taken.
    (STAIRS, "0", "100.00"),
    (STAIRS, "10", "100.00"),
    (STAIRS, "11", "180.00"),
    (STAIRS, "21", "250.00"),
]


@pytest.mark.parametrize(("given", "quantity", "amount"), TABLE + OTHER_SYSTEMS)
def test_the_table(given: tuple[Tier, ...], quantity: str, amount: str) -> None:
    assert paid(metered(VolumePrice(given), quantity)) == amount


@pytest.mark.parametrize(
    ("quantity", "currency", "amount"),
    [
        ("100.1", "JPY", "300"),
        ("100.166666666666666666", "JPY", "300"),
        ("100.166666666666666667", "JPY", "301"),
        ("0.0001", "KWD", "0.001"),
        ("0.000099", "KWD", "0.000"),
        ("0.00001", "CLF", "0.0001"),
        ("0.000009", "CLF", "0.0000"),
    ],
)
def test_it_is_rounded_to_the_minor_unit(quantity: str, currency: str, amount: str) -> None:
    assert paid(metered(VolumePrice(CHEAPER), quantity, currency)) == amount


@pytest.mark.parametrize(
    ("given", "quantity", "share", "amount"),
    [
        # Of 15 days in 31 the bounds are 150/31 = 4.83… and 300/31 = 9.67…, the flat prices 30/31 and 45/31.
        (FLAT, "0", HALF_OF_JANUARY, "0.97"),
        (FLAT, "4", HALF_OF_JANUARY, "40.97"),
        (FLAT, "5", HALF_OF_JANUARY, "26.45"),
        (FLAT, "9", HALF_OF_JANUARY, "46.45"),
        (FLAT, "10", HALF_OF_JANUARY, "51.45"),
        # A third of 100 has no end.
        (CHEAPER, "33", A_THIRD, "165.00"),
        (CHEAPER, "33.333333333333333333", A_THIRD, "166.67"),
        (CHEAPER, "33.333333333333333334", A_THIRD, "100.00"),
        (CHEAPER, "34", A_THIRD, "102.00"),
        (CHEAPER, "50", HALF_OF_LEAP_FEBRUARY, "250.00"),
        (CHEAPER, "51", HALF_OF_LEAP_FEBRUARY, "153.00"),
        (FLAT, "5", HALF_OF_LEAP_FEBRUARY, "51.00"),
        (FLAT, "6", HALF_OF_LEAP_FEBRUARY, "31.50"),
    ],
)
def test_a_part_of_a_period_scales_bounds_and_flat_prices(
    given: tuple[Tier, ...], quantity: str, share: Share, amount: str
) -> None:
    assert paid(metered(VolumePrice(given), quantity, share=share)) == amount


def test_what_is_not_added_up_is_priced_whole_and_then_charged_by_its_share() -> None:
    model = VolumePrice(CHEAPER)
    assert paid(metered(model, "101", aggregation=Aggregation.MAX, share=A_THIRD)) == "101.00"
    assert paid(fee(model, "101", share=A_THIRD)) == "101.00"
    assert paid(fee(model, "100", share=A_THIRD)) == "166.67"


def test_the_step_names_the_tier() -> None:
    model = VolumePrice(FLAT)
    sentences = [told(price_line(metered(model, quantity, unit="seat")))[1] for quantity in ("10", "11", "21")]
    assert sentences == [
        "Tier up to 10: 10 seat × 10.00 USD + 2.00 USD flat = 102.00 USD",
        "Tier above 10, up to 20: 11 seat × 5.00 USD + 3.00 USD flat = 58.00 USD",
        "Tier above 20: 21 seat × 5.00 USD + 3.00 USD flat = 108.00 USD",
    ]
    [_, only, _] = told(price_line(metered(VolumePrice(tiers((None, "0.05"))), "1000")))
    assert only == "Tier of any quantity: 1,000 × 0.05 USD = 50.00 USD"


def test_the_steps_of_a_part() -> None:
    line = price_line(metered(VolumePrice(FLAT), "5", share=HALF_OF_JANUARY))
    assert told(line) == [
        "Sum over 1 event: 5",
        (
            "This part is 1,296,000 of the 2,678,400 seconds of a whole period (15/31)."
            " Multiplied by this share: tier bounds and flat prices."
        ),
        "Tier above ≈ 4.83871, up to ≈ 9.677419: 5 × 5.00 USD + ≈ 1.451613 USD flat ≈ 26.451613 USD",
        "Rounded half up to 2 decimals of USD: 26.45 USD",
    ]
    assert flow(line) == [
        ("1", "5"),
        ("1", "0.483870967741935484"),
        ("5", "26.451612903225806452"),
        ("26.451612903225806452", "26.45"),
    ]
    assert line.not_applied == ()
    plain = price_line(metered(VolumePrice(tiers(("10", "1"), (None, "2"))), "1", share=HALF_OF_JANUARY))
    assert told(plain)[1].endswith("Multiplied by this share: tier bounds.")


def test_period_bounds_come_after_the_tier() -> None:
    line = price_line(metered(VolumePrice(CHEAPER), "101", period_minimum=Decimal(303)))
    reason = "The charge is not below the least one, 303.00 USD."
    assert line.not_applied == (NotApplied(StepOperation.PERIOD_BOUNDS, reason),)


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ((), [("OUT_OF_RANGE", "")]),
        (tiers(*((str(bound), "1") for bound in range(1, 100)), (None, "1")), []),
        (tiers(*((str(bound), "1") for bound in range(1, 101)), (None, "1")), [("OUT_OF_RANGE", "")]),
        (tiers(("10", "1"), ("10", "1"), (None, "1")), [("INVALID", ".1.upTo")]),
        (tiers(("10", "1"), ("9", "1"), ("9.5", "1"), (None, "1")), [("INVALID", ".1.upTo"), ("INVALID", ".2.upTo")]),
        (tiers(("0", "1"), (None, "1")), [("INVALID", ".0.upTo")]),
        (tiers(("-1", "1"), (None, "1")), [("INVALID", ".0.upTo")]),
        (tiers(("10", "1")), [("INVALID", ".0.upTo")]),
        (tiers(("10", "1"), ("20", "1")), [("INVALID", ".1.upTo")]),
        (tiers((None, "1"), (None, "1")), [("INVALID", ".0.upTo")]),
        (tiers((None, "1"), ("10", "1")), [("INVALID", ".0.upTo"), ("INVALID", ".1.upTo")]),
        (tiers(("NaN", "1"), ("1E+20", "1"), ("1E-19", "1"), (None, "1")), [
            ("INVALID", ".0.upTo"), ("INVALID", ".1.upTo"), ("INVALID", ".2.upTo"),
        ]),
        (tiers(("10", "-1", "-1"), (None, "1E-19", "1E+20")), [
            ("OUT_OF_RANGE", ".0.unitPrice"), ("OUT_OF_RANGE", ".0.flatPrice"),
            ("OUT_OF_RANGE", ".1.unitPrice"), ("OUT_OF_RANGE", ".1.flatPrice"),
        ]),
        (tiers((LARGEST, LARGEST, LARGEST), (None, LARGEST, LARGEST)), []),
        (tiers((SMALLEST, "0", "0"), (None, "0", "0")), []),
    ],
)  # fmt: skip
def test_tiers_ascend_and_only_the_last_has_no_end(given: tuple[Tier, ...], errors: list[tuple[str, str]]) -> None:
    assert wrong(VolumePrice(given)) == [(ErrorCode(code), f"model.volume.tiers{path}") for code, path in errors]
