"""DYNAMIC: each event carries the price of its units, within bounds. All figures were computed by hand."""

from decimal import Decimal

import pytest

from app.billing.aggregation import Aggregation
from app.billing.errors import ErrorCode
from app.billing.price_models import DynamicPrice
from app.billing.pricing import StepOperation, price_line
from tests.support.price_lines import A_THIRD, LARGEST, SMALLEST, flow, of_events, paid, told, wrong

Priced = tuple[str, str | None]


def dynamic(low: str, high: str, path: str = "$.price") -> DynamicPrice:
    return DynamicPrice(Decimal(low), Decimal(high), path)


SPOT = dynamic("0.01", "5")
TABLE: list[tuple[DynamicPrice, list[Priced], str]] = [
    (SPOT, [], "0.00"),
    (SPOT, [("10", None)], "0.10"),
    (SPOT, [("10", "0")], "0.10"),
    (SPOT, [("10", "-7")], "0.10"),
    (SPOT, [("10", "0.009999999999999999")], "0.10"),
    (SPOT, [("10", "0.01")], "0.10"),
    (SPOT, [("10", "0.010000000000000001")], "0.10"),
    (SPOT, [("10", "0.02")], "0.20"),
    (SPOT, [("10", "4.999999999999999999")], "50.00"),
    (SPOT, [("10", "5")], "50.00"),
    (SPOT, [("10", "5.000000000000000001")], "50.00"),
    (SPOT, [("10", "1" + "0" * 40)], "50.00"),
    (SPOT, [("10", "2"), ("1", None), ("1", "7"), ("1", "0")], "25.02"),
    # A value below zero counts as zero and takes nothing from the others.
    (SPOT, [("-3", "2")], "0.00"),
    (SPOT, [("-3", "2"), ("1", "2")], "2.00"),
    (SPOT, [("-3", None), ("-3", "9"), ("1", "0")], "0.01"),
    (SPOT, [("0", "5")], "0.00"),
    (SPOT, [("0.1", "0.1")] * 3, "0.03"),
    # 0.005 each, rounded once: 0.015.
    (SPOT, [("0.5", "0.01")] * 3, "0.02"),
    (SPOT, [("99999999999999999999", "5")], "499999999999999999995.00"),
    (SPOT, [(SMALLEST, "5")], "0.00"),
    (dynamic("2", "2"), [("3", None), ("3", "1"), ("3", "2"), ("3", "3")], "24.00"),
    (dynamic("0", "1"), [("3", None), ("3", "0.5")], "1.50"),
    (dynamic(SMALLEST, LARGEST), [("1", SMALLEST), ("1", LARGEST)], "100000000000000000000.00"),
]


@pytest.mark.parametrize(("model", "events", "amount"), TABLE)
def test_the_table(model: DynamicPrice, events: list[Priced], amount: str) -> None:
    assert paid(of_events(model, events)) == amount


@pytest.mark.parametrize(
    ("event", "currency", "amount"),
    [
        (("0.1", "5"), "JPY", "1"),
        (("0.1", "4.999999999999999999"), "JPY", "0"),
        (("0.0001", "5"), "KWD", "0.001"),
        (("0.00001", "5"), "CLF", "0.0001"),
        (("0.00001", "4.9"), "CLF", "0.0000"),
    ],
)
def test_it_is_rounded_to_the_minor_unit(event: Priced, currency: str, amount: str) -> None:
    assert paid(of_events(SPOT, [event], currency)) == amount


def test_where_events_are_counted_each_is_one_unit() -> None:
    inputs = of_events(SPOT, [("1", "2"), ("1", None)], aggregation=Aggregation.COUNT)
    assert paid(inputs) == "2.01"
    assert told(price_line(inputs))[0] == "Count of 2 events: 2"


def test_a_part_of_a_period_has_events_of_its_own() -> None:
    line = price_line(of_events(SPOT, [("10", "2")], share=A_THIRD))
    assert (line.amount_minor, [missed.operation for missed in line.not_applied]) == (2000, [StepOperation.PRORATE])


def test_a_step_for_each_way_in_which_events_are_priced() -> None:
    events: list[Priced] = [("10", "2"), ("2", None), ("1", "7"), ("3", "0"), ("4", "3")]
    line = price_line(of_events(SPOT, events, unit="kWh"))
    assert told(line) == [
        "Sum over 5 events: 20 kWh",
        "2 events: 14 kWh at the prices they carry = 32.00 USD",
        "1 event priced below the least price, charged at it: 3 kWh × 0.01 USD = 0.03 USD",
        "1 event priced above the greatest price, charged at it: 1 kWh × 5.00 USD = 5.00 USD",
        "1 event without a price, charged at the least one: 2 kWh × 0.01 USD = 0.02 USD",
        "Charge of all events: 37.05 USD",
        "Rounded half up to 2 decimals of USD: 37.05 USD",
    ]
    assert flow(line) == [
        ("5", "20"), ("14", "32"), ("3", "0.03"), ("1", "5"), ("2", "0.02"), ("20", "37.05"), ("37.05", "37.05"),
    ]  # fmt: skip


def test_one_way_needs_no_sum_and_none_says_so() -> None:
    assert told(price_line(of_events(SPOT, [("1", "2"), ("1", "3")])))[1:2] == [
        "2 events: 2 at the prices they carry = 5.00 USD"
    ]
    assert told(price_line(of_events(SPOT, [("1", "2")], unit="kWh")))[1:2] == [
        "1 event: 1 kWh at the price it carries = 2.00 USD"
    ]
    assert told(price_line(of_events(SPOT, []))) == [
        "Sum over 0 events: 0",
        "Charge of all events: 0.00 USD",
        "Rounded half up to 2 decimals of USD: 0.00 USD",
    ]


def test_values_below_zero_are_said_to_count_as_zero() -> None:
    line = price_line(of_events(SPOT, [("-3", "2"), ("1", "2")]))
    assert told(line)[:3] == [
        "Sum over 2 events: -2",
        "With each value below zero counted as 0: 1",
        "2 events: 1 at the prices they carry = 2.00 USD",
    ]
    assert flow(line)[:3] == [("2", "-2"), ("-2", "1"), ("1", "2")]


@pytest.mark.parametrize(
    ("model", "errors"),
    [
        (dynamic("0", "0"), []),
        (dynamic("0", LARGEST), []),
        (dynamic("2", "1"), [("OUT_OF_RANGE", "maxPrice")]),
        (dynamic("1.000000000000000001", "1"), [("OUT_OF_RANGE", "maxPrice")]),
        (dynamic("-1", "-2"), [("OUT_OF_RANGE", "minPrice"), ("OUT_OF_RANGE", "maxPrice")]),
        (dynamic("1E-19", "1E+20"), [("OUT_OF_RANGE", "minPrice"), ("OUT_OF_RANGE", "maxPrice")]),
        (dynamic("2", "1", "price"), [("OUT_OF_RANGE", "maxPrice"), ("INVALID", "unitPriceProperty")]),
        (dynamic("0", "1", ""), [("INVALID", "unitPriceProperty")]),
        (dynamic("0", "1", "$." + "a" * 253), []),
        (dynamic("0", "1", "$." + "a" * 254), [("INVALID", "unitPriceProperty")]),
    ],
)
def test_bounds_are_in_order_and_the_price_has_a_place(model: DynamicPrice, errors: list[tuple[str, str]]) -> None:
    assert wrong(model) == [(ErrorCode(code), f"model.dynamic.{field}") for code, field in errors]
