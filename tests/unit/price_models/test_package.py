"""PACKAGE: whole packages, after the units that are free. All figures were computed by hand."""

from decimal import Decimal

import pytest

from app.billing.aggregation import Aggregation
from app.billing.errors import ErrorCode
from app.billing.price_models import PackagePrice
from app.billing.pricing import price_line
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


def package(size: str, price: str, free: str | None = None) -> PackagePrice:
    return PackagePrice(Decimal(size), Decimal(price), None if free is None else Decimal(free))


FREE = package("100", "5", "100")
TABLE = [
    (FREE, "0", "0.00"),
    (FREE, "-5", "0.00"),
    (FREE, "99.999999999999999999", "0.00"),
    (FREE, "100", "0.00"),
    (FREE, "100.000000000000000001", "5.00"),
    (FREE, "199.999999999999999999", "5.00"),
    (FREE, "200", "5.00"),
    (FREE, "200.000000000000000001", "10.00"),
    (FREE, "201", "10.00"),
    (FREE, "300", "10.00"),
    (package("100", "5"), "0", "0.00"),
    (package("100", "5"), SMALLEST, "5.00"),
    (package("100", "5"), "100", "5.00"),
    (package("100", "5"), "101", "10.00"),
    (package("100", "5", "0"), "101", "10.00"),
    (package("0.5", "1"), "1.2", "3.00"),
    (package("100", "0"), "1000000", "0.00"),
    (package(SMALLEST, "0.01"), "1", "10000000000000000.00"),
    (package(LARGEST, "5"), "99999999999999999999", "5.00"),
    (package("1", LARGEST), "1", "100000000000000000000.00"),
    (package("1", "1", "99999999999999999999"), "1" + "0" * 20, "1.00"),
]
OTHER_SYSTEMS = [
    # Lago: 5 for 100 units, the first 100 free.
    (FREE, "1", "0.00"),
    (FREE, "101", "5.00"),
    (FREE, "150", "5.00"),
    # Chargebee: 10 for every 1,000 API calls.
    (package("1000", "10"), "1", "10.00"),
    (package("1000", "10"), "1000", "10.00"),
    (package("1000", "10"), "1001", "20.00"),
    # Stripe divides the quantity and rounds it up: here groups of 5 for 25.
    (package("5", "25"), "5", "25.00"),
    (package("5", "25"), "6", "50.00"),
    (package("5", "25"), "8", "50.00"),
    (package("5", "25"), "10", "50.00"),
    (package("5", "25"), "11", "75.00"),
    # Flexprice: 4,500 calls in packages of 1,000 at 1 are 5.
    (package("1000", "1"), "4500", "5.00"),
]


@pytest.mark.parametrize(("model", "quantity", "amount"), TABLE + OTHER_SYSTEMS)
def test_the_table(model: PackagePrice, quantity: str, amount: str) -> None:
    assert paid(metered(model, quantity)) == amount


@pytest.mark.parametrize(
    ("price", "quantity", "currency", "amount"),
    [
        ("0.5", "1", "JPY", "1"),
        ("0.5", "3", "JPY", "2"),
        ("0.4999", "1", "JPY", "0"),
        ("0.0005", "1", "KWD", "0.001"),
        ("0.00005", "3", "CLF", "0.0002"),
    ],
)
def test_it_is_rounded_to_the_minor_unit(price: str, quantity: str, currency: str, amount: str) -> None:
    assert paid(metered(package("1", price), quantity, currency)) == amount


@pytest.mark.parametrize(
    ("quantity", "share", "amount"),
    [
        # Of 15 days in 31, 1500/31 = 48.38… units are free; packages stay as large as they are.
        ("48", HALF_OF_JANUARY, "0.00"),
        ("49", HALF_OF_JANUARY, "5.00"),
        ("148", HALF_OF_JANUARY, "5.00"),
        ("149", HALF_OF_JANUARY, "10.00"),
        ("33", A_THIRD, "0.00"),
        ("33.333333333333333333", A_THIRD, "0.00"),
        ("33.333333333333333334", A_THIRD, "5.00"),
        ("133", A_THIRD, "5.00"),
        ("134", A_THIRD, "10.00"),
        ("50", HALF_OF_LEAP_FEBRUARY, "0.00"),
        ("51", HALF_OF_LEAP_FEBRUARY, "5.00"),
        ("150", HALF_OF_LEAP_FEBRUARY, "5.00"),
        ("151", HALF_OF_LEAP_FEBRUARY, "10.00"),
    ],
)
def test_a_part_of_a_period_scales_the_free_units(quantity: str, share: Share, amount: str) -> None:
    assert paid(metered(FREE, quantity, share=share)) == amount


def test_what_is_not_added_up_is_priced_whole_and_then_charged_by_its_share() -> None:
    assert paid(metered(FREE, "201", aggregation=Aggregation.MAX, share=A_THIRD)) == "3.33"
    assert paid(fee(package("2", "10"), "3")) == "20.00"
    assert paid(fee(package("2", "10"), "3", share=HALF_OF_LEAP_FEBRUARY)) == "10.00"


def test_the_steps_count_the_packages() -> None:
    line = price_line(metered(FREE, "201", unit="call"))
    assert told(line) == [
        "Sum over 1 event: 201 call",
        "100 call free of charge, 101 call left",
        "2 packages of 100 call × 5.00 USD = 10.00 USD",
        "Rounded half up to 2 decimals of USD: 10.00 USD",
    ]
    assert flow(line) == [("1", "201"), ("201", "101"), ("101", "10"), ("10", "10")]
    assert told(price_line(metered(package("100", "5"), "1")))[1] == "1 package of 100 × 5.00 USD = 5.00 USD"
    assert told(price_line(metered(package("100", "5", "0"), "0")))[1] == "0 packages of 100 × 5.00 USD = 0.00 USD"


def test_the_steps_of_a_part() -> None:
    line = price_line(metered(FREE, "49", unit="call", share=HALF_OF_JANUARY))
    assert told(line)[1:3] == [
        (
            "This part is 1,296,000 of the 2,678,400 seconds of a whole period (15/31)."
            " Multiplied by this share: free units."
        ),
        "≈ 48.387097 call free of charge, ≈ 0.612903 call left",
    ]
    unscaled = price_line(metered(package("100", "5"), "49", share=HALF_OF_JANUARY))
    assert [missed.reason for missed in unscaled.not_applied] == [
        (
            "This part is 1,296,000 of the 2,678,400 seconds of a whole period (15/31)."
            " Usage is charged as it was measured, so nothing is scaled."
        )
    ]


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (package("0", "5"), ["packageSize"]),
        (package("-1", "5"), ["packageSize"]),
        (package("1E-19", "5"), ["packageSize"]),
        (package("NaN", "-1", "-1"), ["packageSize", "packagePrice", "freeUnits"]),
        (package("1", "1E+20", "1E+20"), ["packagePrice", "freeUnits"]),
        (package(SMALLEST, "0", "0"), []),
        (package(LARGEST, LARGEST, LARGEST), []),
    ],
)
def test_a_package_holds_something(model: PackagePrice, fields: list[str]) -> None:
    assert wrong(model) == [(ErrorCode.OUT_OF_RANGE, f"model.package.{field}") for field in fields]
