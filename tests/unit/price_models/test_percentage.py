"""PERCENTAGE: a part of what events are worth, by event or by period. All figures were computed by hand."""

from decimal import Decimal

import pytest

from app.billing.aggregation import Aggregation
from app.billing.errors import ErrorCode, Problems
from app.billing.price_models import ChargeScope, PercentagePrice, check_model
from app.billing.pricing import StepOperation, price_line
from app.billing.proration import Share
from tests.support.price_lines import (
    A_THIRD,
    HALF_OF_JANUARY,
    HALF_OF_LEAP_FEBRUARY,
    LARGEST,
    SMALLEST,
    flow,
    metered,
    of_events,
    paid,
    told,
    wrong,
)


def percentage(
    part: str,
    fixed: str | None = None,
    low: str | None = None,
    high: str | None = None,
    scope: ChargeScope = ChargeScope.PER_EVENT,
) -> PercentagePrice:
    fixed_charge, low_charge, high_charge = (None if each is None else Decimal(each) for each in (fixed, low, high))
    return PercentagePrice(Decimal(part), fixed_charge, low_charge, high_charge, scope)


CARDS = percentage("0.029", None, "0.30", "100")
BOUNDED = percentage("0.03", None, "0.30", "60")
CARDS_AND_FIXED = percentage("0.029", "0.30")
TABLE = [
    (CARDS, ["10"], "0.30"),
    (CARDS, ["1000"], "29.00"),
    (CARDS, ["10000"], "100.00"),
    (CARDS, ["10", "1000", "10000"], "129.30"),
    (CARDS, [], "0.00"),
    (CARDS, ["0"], "0.30"),
    # A value below zero counts as zero, and is an event.
    (CARDS, ["-50"], "0.30"),
    (CARDS, ["-50", "1000"], "29.30"),
    (BOUNDED, ["9.999999999999999999"], "0.30"),
    (BOUNDED, ["10"], "0.30"),
    (BOUNDED, ["10.000000000000000001"], "0.30"),
    (BOUNDED, ["10.5"], "0.32"),
    (BOUNDED, ["1999.99"], "60.00"),
    (BOUNDED, ["2000"], "60.00"),
    (BOUNDED, ["2000.000000000000000001"], "60.00"),
    (BOUNDED, ["99999999999999999999"], "60.00"),
    (percentage("0"), ["1000"], "0.00"),
    (percentage("0", "0.25"), ["1000", "0"], "0.50"),
    (percentage("1"), ["12.34"], "12.34"),
    (percentage("1"), ["99999999999999999999"], "99999999999999999999.00"),
    (percentage(SMALLEST), ["1000000000000000000"], "1.00"),
    (percentage(SMALLEST), [SMALLEST], "0.00"),
    # 0.005 each, rounded once: 0.015.
    (percentage("0.005"), ["1", "1", "1"], "0.02"),
    (percentage("0.005"), ["0.999999999999999999"], "0.00"),
    # The fixed charge is within the bounds, not on top of them.
    (percentage("0.01", "0.50", "1", "2"), ["10", "100", "1000"], "4.50"),
    (percentage("0.01", None, "5", "5"), ["1", "500", "100000"], "15.00"),
]
IN_PERSON = percentage("0.027", "0.05")
ABROAD = percentage("0.044", "0.30")
DEBIT = percentage("0.008", None, None, "5")
LAGO = percentage("0.012", "0.10")
ORDERS = percentage("0.01", None, "1", "100")
OTHER_SYSTEMS = [
    # Stripe's cards online: 2.9 % and 30 cents.
    (CARDS_AND_FIXED, ["100"], "3.20"),
    (CARDS_AND_FIXED, ["10"], "0.59"),
    (CARDS_AND_FIXED, ["1"], "0.33"),
    (CARDS_AND_FIXED, ["0.50"], "0.31"),
    (CARDS_AND_FIXED, ["100", "10", "1", "0.50"], "4.43"),
    # Stripe's cards in person: 2.7 % and 5 cents.
    (IN_PERSON, ["100"], "2.75"),
    (IN_PERSON, ["20"], "0.59"),
    # Stripe's cards from abroad: 1.5 % more.
    (ABROAD, ["100"], "4.70"),
    # Stripe's direct debit: 0.8 %, at most 5.
    (DEBIT, ["100"], "0.80"),
    (DEBIT, ["624.99"], "5.00"),
    (DEBIT, ["625"], "5.00"),
    (DEBIT, ["1000"], "5.00"),
    # Lago's transfers: 1.2 % and 10 cents a transaction.
    (LAGO, ["1000"], "12.10"),
    (LAGO, ["50", "50", "50"], "2.10"),
    # Upvest's orders: 1 %, not less than 1 and not more than 100.
    (ORDERS, ["50"], "1.00"),
    (ORDERS, ["100"], "1.00"),
    (ORDERS, ["5000"], "50.00"),
    (ORDERS, ["10000"], "100.00"),
    (ORDERS, ["20000"], "100.00"),
]


@pytest.mark.parametrize(("model", "events", "amount"), TABLE + OTHER_SYSTEMS)
def test_the_table_per_event(model: PercentagePrice, events: list[str], amount: str) -> None:
    assert paid(of_events(model, events)) == amount


WHOLE = percentage("0.029", None, "0.30", "100", ChargeScope.PER_PERIOD)
TAKE = percentage("0.10", "1", None, None, ChargeScope.PER_PERIOD)


@pytest.mark.parametrize(
    ("model", "events", "amount"),
    [
        # The bounds are those of the period, at no usage too.
        (WHOLE, [], "0.30"),
        (WHOLE, ["10"], "0.30"),
        (WHOLE, ["1000"], "29.00"),
        (WHOLE, ["10000"], "100.00"),
        (WHOLE, ["10", "1000", "10000"], "100.00"),
        (WHOLE, ["-10000", "11000"], "29.00"),
        (WHOLE, ["-1"], "0.30"),
        (TAKE, ["20", "30"], "6.00"),
        (TAKE, [], "1.00"),
    ],
)
def test_the_table_per_period(model: PercentagePrice, events: list[str], amount: str) -> None:
    assert paid(of_events(model, events)) == amount


@pytest.mark.parametrize(
    ("model", "event", "currency", "amount"),
    [
        (percentage("0.036"), "12345", "JPY", "444"),
        (percentage("0.036"), "12347.3", "JPY", "445"),
        (percentage("0.025"), "1.5", "KWD", "0.038"),
        (percentage("0.01"), "0.005", "CLF", "0.0001"),
        (percentage("0.01"), "0.0049", "CLF", "0.0000"),
    ],
)
def test_it_is_rounded_to_the_minor_unit(model: PercentagePrice, event: str, currency: str, amount: str) -> None:
    assert paid(of_events(model, [event], currency)) == amount


@pytest.mark.parametrize(
    ("quantity", "share", "amount"),
    [
        # Of a third the fixed charge is 1, the bounds 2 and 33.33….
        ("0", A_THIRD, "2.00"),
        ("1000", A_THIRD, "30.00"),
        ("2000", A_THIRD, "33.33"),
        # Of 15 days in 31: 45/31 = 1.4516… fixed, at least 90/31 = 2.9032….
        ("0", HALF_OF_JANUARY, "2.90"),
        ("100", HALF_OF_JANUARY, "4.35"),
        ("0", HALF_OF_LEAP_FEBRUARY, "3.00"),
        ("100", HALF_OF_LEAP_FEBRUARY, "4.40"),
        ("10000", HALF_OF_LEAP_FEBRUARY, "50.00"),
    ],
)
def test_a_part_of_a_period_scales_what_is_per_period(quantity: str, share: Share, amount: str) -> None:
    model = percentage("0.029", "3", "6", "100", ChargeScope.PER_PERIOD)
    assert paid(metered(model, quantity, share=share)) == amount


def test_a_part_of_a_period_has_events_of_its_own() -> None:
    line = price_line(of_events(CARDS, ["10", "1000", "10000"], share=A_THIRD))
    assert (line.amount_minor, [missed.operation for missed in line.not_applied]) == (12930, [StepOperation.PRORATE])


def test_where_events_are_counted_each_is_worth_one() -> None:
    assert paid(of_events(percentage("0.5"), ["1", "1", "1"], aggregation=Aggregation.COUNT)) == "1.50"


def test_a_step_for_each_way_in_which_events_are_charged() -> None:
    model = percentage("0.029", "0.30", "0.50", "100")
    line = price_line(of_events(model, ["1", "2", "1000", "2000", "10000"]))
    assert told(line) == [
        "Sum over 5 events: 13,003",
        "2 events: 2.9 % of 3,000.00 USD + 2 × 0.30 USD = 87.60 USD",
        "2 events at the least charge: 2 × 0.50 USD = 1.00 USD",
        "1 event at the greatest charge: 1 × 100.00 USD = 100.00 USD",
        "Charge of all events: 188.60 USD",
        "Rounded half up to 2 decimals of USD: 188.60 USD",
    ]
    assert flow(line) == [
        ("5", "13003"), ("3000", "87.6"), ("3", "1"), ("10000", "100"), ("13003", "188.6"), ("188.6", "188.6"),
    ]  # fmt: skip


def test_the_steps_of_a_period() -> None:
    scope = ChargeScope.PER_PERIOD
    line = price_line(of_events(percentage("0.029", "3", "6", "100", scope), ["10", "20"]))
    assert told(line) == [
        "Sum over 2 events: 30",
        "2.9 % of 30.00 USD + 3.00 USD = 3.87 USD",
        "The least charge of the period: 6.00 USD",
        "Rounded half up to 2 decimals of USD: 6.00 USD",
    ]
    assert flow(line) == [("2", "30"), ("30", "3.87"), ("3.87", "6"), ("6", "6")]
    most = told(price_line(of_events(percentage("0.5", None, None, "10", scope), ["30"], share=A_THIRD)))
    assert most[1:-1] == [
        (
            "This part is 864,000 of the 2,592,000 seconds of a whole period (1/3)."
            " Multiplied by this share: the charge and bounds of the period."
        ),
        "50 % of 30.00 USD = 15.00 USD",
        "The greatest charge of this part of the period: ≈ 3.333333 USD",
    ]


def test_values_below_zero_are_said_to_count_as_zero() -> None:
    line = price_line(of_events(CARDS, ["-50", "1000"]))
    assert told(line)[:2] == ["Sum over 2 events: 950", "With each value below zero counted as 0: 1,000"]
    assert flow(line)[:2] == [("2", "950"), ("950", "1000")]


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (percentage("0"), []),
        (percentage("1", LARGEST, LARGEST, LARGEST), []),
        (percentage(SMALLEST, "0", "0", "0"), []),
        (percentage("1.000000000000000001"), ["percentage"]),
        (percentage("2.9"), ["percentage"]),
        (percentage("-0.01"), ["percentage"]),
        (percentage("1E-19"), ["percentage"]),
        (percentage("NaN", "-1", "-1", "-1"), ["percentage", "fixedCharge", "minCharge", "maxCharge"]),
        (percentage("0", "1E+20", "1E-19", "NaN"), ["fixedCharge", "minCharge", "maxCharge"]),
        (percentage("0", None, "1", "0.999999999999999999"), ["maxCharge"]),
        (percentage("0", None, "1", "0.99", ChargeScope.PER_PERIOD), ["maxCharge"]),
        (percentage("0", "5", "1", "2"), []),
    ],
)
def test_a_percentage_is_a_share_of_one(model: PercentagePrice, fields: list[str]) -> None:
    assert wrong(model) == [(ErrorCode.OUT_OF_RANGE, f"model.percentage.{field}") for field in fields]


def test_a_percentage_above_one_is_hinted_at() -> None:
    check_model(percentage("2.9"), problems := Problems(), "model")
    assert [error.message for error in problems.errors] == ["Must be 0 to 1, with at most 18 decimals: 0.029 is 2.9 %."]
