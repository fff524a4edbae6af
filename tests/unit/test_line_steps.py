"""The steps of a line in their order: what is scaled, prorated, bounded, and what made no difference."""

from decimal import Decimal
from typing import Any

import pytest

from app.billing.aggregation import Aggregation
from app.billing.price_models import (
    ChargeScope,
    DynamicPrice,
    GraduatedPrice,
    PackagePrice,
    PercentagePrice,
    PriceModel,
    StandardPrice,
    VolumePrice,
)
from app.billing.pricing import NotApplied, StepOperation, price_line
from app.billing.proration import Share
from tests.support.price_lines import (
    A_THIRD,
    HALF_OF_JANUARY,
    HALF_OF_LEAP_FEBRUARY,
    fee,
    flow,
    metered,
    of_events,
    paid,
    tiers,
    told,
)

ONE = StandardPrice(Decimal(1))
FLAT = tiers(("10", "10", "2"), (None, "5"))
PER_PERIOD = PercentagePrice(Decimal("0.1"), Decimal(3), charge_scope=ChargeScope.PER_PERIOD)
LEAST: dict[str, Any] = {"period_minimum": Decimal(10)}
MOST: dict[str, Any] = {"period_maximum": Decimal(100)}
BOTH = {**LEAST, **MOST}


def operations(model: PriceModel, aggregation: Aggregation | None, **given: Any) -> list[str]:
    """What the steps of a line over ten units of a part of a period do."""
    line = price_line(metered(model, "10", aggregation=aggregation, share=A_THIRD, **given))
    return [step.operation.value for step in line.steps]


@pytest.mark.parametrize(
    ("model", "scaled"),
    [
        (ONE, False),
        (DynamicPrice(Decimal(0), Decimal(1), "$.p"), False),
        (PercentagePrice(Decimal("0.1")), False),
        (PER_PERIOD, True),
        (VolumePrice(FLAT), True),
        (GraduatedPrice(FLAT), True),
        (PackagePrice(Decimal(10), Decimal(1)), False),
        (PackagePrice(Decimal(10), Decimal(1), Decimal(5)), True),
    ],
)
def test_what_is_per_period_is_scaled_before_it_is_priced(model: PriceModel, scaled: bool) -> None:
    line = price_line(of_events(model, ["10"], share=A_THIRD))
    found = [step.operation for step in line.steps]
    assert found[:2] == [StepOperation.AGGREGATE, StepOperation.PRORATE if scaled else StepOperation.PRICE]
    assert [missed.operation for missed in line.not_applied] == ([] if scaled else [StepOperation.PRORATE])


def test_what_is_not_added_up_is_prorated_after_it_is_priced() -> None:
    prorated = ["AGGREGATE", "PRICE", "PRORATE", "ROUND"]
    assert operations(ONE, Aggregation.MAX) == prorated
    assert operations(VolumePrice(FLAT), Aggregation.UNIQUE_COUNT) == prorated
    assert operations(ONE, None) == ["QUANTITY", "PRICE", "PRORATE", "ROUND"]
    assert operations(ONE, Aggregation.MAX, period_minimum=Decimal(11)) == [
        "AGGREGATE",
        "PRICE",
        "PRORATE",
        "PERIOD_BOUNDS",
        "ROUND",
    ]


@pytest.mark.parametrize(
    ("quantity", "given", "amount"),
    [
        # At no usage, too.
        ("0", LEAST, "10.00"),
        ("9.999999999999999999", LEAST, "10.00"),
        ("10", LEAST, "10.00"),
        ("11", LEAST, "11.00"),
        ("-5", LEAST, "10.00"),
        ("99", MOST, "99.00"),
        ("100", MOST, "100.00"),
        ("100.000000000000000001", MOST, "100.00"),
        ("0", MOST, "0.00"),
        ("0", BOTH, "10.00"),
        ("50", BOTH, "50.00"),
        ("500", BOTH, "100.00"),
        ("500", {"period_minimum": Decimal(7), "period_maximum": Decimal(7)}, "7.00"),
        ("5", {"period_maximum": Decimal(0)}, "0.00"),
        ("5", {"period_minimum": Decimal("5.004999")}, "5.00"),
        ("5", {"period_minimum": Decimal("5.005")}, "5.01"),
    ],
)
def test_a_period_has_a_least_and_a_greatest_charge(quantity: str, given: dict[str, Any], amount: str) -> None:
    assert paid(metered(ONE, quantity, **given)) == amount


@pytest.mark.parametrize(
    ("quantity", "share", "aggregation", "amount"),
    [
        # Of 15 days in 31 they are 150/31 = 4.83… and 1500/31 = 48.38….
        ("0", HALF_OF_JANUARY, Aggregation.SUM, "4.84"),
        ("10", HALF_OF_JANUARY, Aggregation.SUM, "10.00"),
        ("50", HALF_OF_JANUARY, Aggregation.SUM, "48.39"),
        ("1", A_THIRD, Aggregation.SUM, "3.33"),
        ("50", A_THIRD, Aggregation.SUM, "33.33"),
        ("4", HALF_OF_LEAP_FEBRUARY, Aggregation.SUM, "5.00"),
        ("51", HALF_OF_LEAP_FEBRUARY, Aggregation.SUM, "50.00"),
        # What is not added up is charged by its share first, and held against bounds of the same share.
        ("9", A_THIRD, Aggregation.MAX, "3.33"),
        ("30", A_THIRD, Aggregation.MAX, "10.00"),
        ("300", A_THIRD, Aggregation.MAX, "33.33"),
        ("9", A_THIRD, None, "3.33"),
        ("300", HALF_OF_LEAP_FEBRUARY, None, "50.00"),
    ],
)
def test_a_part_of_a_period_has_its_share_of_the_bounds(
    quantity: str, share: Share, aggregation: Aggregation | None, amount: str
) -> None:
    assert paid(metered(ONE, quantity, share=share, aggregation=aggregation, **BOTH)) == amount


def test_the_bounds_say_what_they_did_or_why_they_did_nothing() -> None:
    assert told(price_line(metered(ONE, "0", **BOTH)))[2] == "The least charge of the period: 10.00 USD"
    assert flow(price_line(metered(ONE, "0", **BOTH)))[2] == ("0", "10")
    assert told(price_line(metered(ONE, "500", **BOTH)))[2] == "The greatest charge of the period: 100.00 USD"
    part = told(price_line(metered(ONE, "0", share=HALF_OF_JANUARY, **BOTH)))
    assert part[2] == "The least charge of this part of the period: 10.00 USD × 15/31 ≈ 4.83871 USD"
    for given, reason in (
        (BOTH, "The charge lies between the least and the greatest one, 10.00 USD and 100.00 USD."),
        (LEAST, "The charge is not below the least one, 10.00 USD."),
        (MOST, "The charge is not above the greatest one, 100.00 USD."),
    ):
        line = price_line(metered(ONE, "50", **given))
        assert line.not_applied == (NotApplied(StepOperation.PERIOD_BOUNDS, reason),)
    assert price_line(metered(ONE, "50")).not_applied == ()


def test_an_obligation_is_owed_for_whole_periods_only() -> None:
    whole = price_line(fee(StandardPrice(Decimal(49)), is_obligation=True))
    assert (whole.amount_minor, whole.not_applied) == (4900, ())
    part = price_line(fee(StandardPrice(Decimal(49)), is_obligation=True, share=HALF_OF_JANUARY))
    assert part.amount_minor == 0
    assert told(part)[2:] == [
        (
            "This part is 1,296,000 of the 2,678,400 seconds of a whole period (15/31)."
            " This fee is owed for whole periods only: nothing for a part of one."
        ),
        "Rounded half up to 2 decimals of USD: 0.00 USD",
    ]
    assert flow(part)[2:] == [("49", "0"), ("0", "0")]


def test_the_bounds_of_an_obligation_hold_for_whole_periods_only() -> None:
    model = StandardPrice(Decimal(5))
    assert paid(fee(model, is_obligation=True, **LEAST)) == "10.00"
    part = price_line(fee(model, is_obligation=True, share=A_THIRD, **LEAST))
    assert part.amount_minor == 0
    reason = "A part of a period is not charged, so its bounds do not matter."
    assert part.not_applied == (NotApplied(StepOperation.PERIOD_BOUNDS, reason),)


def test_what_is_charged_once_is_charged_whole() -> None:
    line = price_line(fee(StandardPrice(Decimal(500))))
    assert [step.operation.value for step in line.steps] == ["QUANTITY", "PRICE", "ROUND"]
    assert (line.amount_minor, line.not_applied) == (50000, ())


def test_a_share_that_is_given_as_a_number_is_named_so() -> None:
    line = price_line(fee(StandardPrice(Decimal(49)), share=Share(Decimal("0.5"), Decimal(1))))
    assert told(line)[2] == "This part is 0.5 of a whole period. Charged for it: 49.00 USD × 0.5 = 24.50 USD"


def test_the_steps_lead_from_the_usage_to_the_amount() -> None:
    line = price_line(metered(GraduatedPrice(FLAT), "10", share=A_THIRD, period_maximum=Decimal(150)))
    assert told(line) == [
        "Sum over 1 event: 10",
        (
            "This part is 864,000 of the 2,592,000 seconds of a whole period (1/3)."
            " Multiplied by this share: tier bounds and flat prices."
        ),
        "Tier up to ≈ 3.333333: ≈ 3.333333 × 10.00 USD + ≈ 0.666667 USD flat = 34.00 USD",
        "Tier above ≈ 3.333333: ≈ 6.666667 × 5.00 USD ≈ 33.333333 USD",
        "Charge of all tiers entered: ≈ 67.333333 USD",
        "The greatest charge of this part of the period: 150.00 USD × 1/3 = 50.00 USD",
        "Rounded half up to 2 decimals of USD: 50.00 USD",
    ]
