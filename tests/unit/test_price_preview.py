"""What it would cost, by tables that were computed by hand."""

from decimal import Decimal
from typing import Any

import pytest

from app.billing.aggregation import Aggregation
from app.billing.errors import Refused
from app.billing.given_usage import GivenEvent, GivenUsage
from app.billing.price_models import (
    ChargeScope,
    DynamicPrice,
    GraduatedPrice,
    PackagePrice,
    PercentagePrice,
    PriceModel,
    StandardPrice,
    Tier,
    VolumePrice,
)
from app.billing.price_preview import PricePreviewDraft, preview_price
from app.billing.pricing import PricedLine, StepOperation

STANDARD = StandardPrice(Decimal("0.5"))
FEES = PercentagePrice(Decimal("0.029"), min_charge=Decimal("0.30"), max_charge=Decimal("100"))
PERIODIC = PercentagePrice(Decimal("0.1"), Decimal("2"), Decimal("5"), Decimal("50"), ChargeScope.PER_PERIOD)
DYNAMIC = DynamicPrice(Decimal("0.01"), Decimal("5"), "$.price")
VOLUME = VolumePrice((Tier(Decimal("100"), Decimal("5")), Tier(None, Decimal("3"))))
GRADUATED = GraduatedPrice(
    (
        Tier(Decimal("10"), Decimal("10"), Decimal("2")),
        Tier(Decimal("20"), Decimal("5"), Decimal("3")),
        Tier(None, Decimal("5"), Decimal("3")),
    )
)
PACKAGE = PackagePrice(Decimal("100"), Decimal("5"), Decimal("100"))


def preview(model: PriceModel, usage: GivenUsage, **given: Any) -> PricedLine:
    return preview_price(PricePreviewDraft(model=model, currency="USD", usage=usage, **given))


def events(*values: str | None) -> GivenUsage:
    return GivenUsage(events=tuple(GivenEvent(None if value is None else Decimal(value)) for value in values))


def of(quantity: str) -> GivenUsage:
    return GivenUsage(quantity=Decimal(quantity))


def problems(model: PriceModel, usage: GivenUsage, **given: Any) -> list[str | None]:
    with pytest.raises(Refused) as refused:
        preview(model, usage, **given)
    return [error.field for error in refused.value.errors]


@pytest.mark.parametrize(
    ("model", "quantity", "exact"),
    [
        (STANDARD, "3", "1.5"),
        (STANDARD, "0", "0"),
        (VOLUME, "100", "500"),
        (VOLUME, "101", "303"),
        (GRADUATED, "0", "2"),
        (GRADUATED, "10", "102"),
        (GRADUATED, "11", "110"),
        (GRADUATED, "21", "163"),
        (PACKAGE, "100", "0"),
        (PACKAGE, "101", "5"),
        (PACKAGE, "201", "10"),
    ],
)
def test_a_quantity_costs_the_same_as_usage_and_as_a_fee(model: PriceModel, quantity: str, exact: str) -> None:
    for aggregation in (None, *Aggregation):
        assert preview(model, of(quantity), aggregation=aggregation).exact == Decimal(exact)


@pytest.mark.parametrize(
    ("values", "exact"),
    [
        (("10",), "0.30"),
        (("1000",), "29"),
        (("10000",), "100"),
        (("10", "1000", "10000"), "129.30"),
        (("-10",), "0.30"),
        ((), "0"),
    ],
)
def test_a_percentage_of_each_event(values: tuple[str, ...], exact: str) -> None:
    assert preview(FEES, events(*values)).exact == Decimal(exact)
    # What has a charge for each event has the same for those of a part of a period.
    assert preview(FEES, events(*values), share=Decimal("0.5")).exact == Decimal(exact)


@pytest.mark.parametrize(
    ("quantity", "share", "exact"),
    [
        ("100", None, "12"),
        ("10", None, "5"),
        ("1000", None, "50"),
        # A half of the period: a charge of 1, at least 2.5 and at most 25.
        ("100", "0.5", "11"),
        ("10", "0.5", "2.5"),
        ("1000", "0.5", "25"),
    ],
)
def test_a_percentage_of_the_period(quantity: str, share: str | None, exact: str) -> None:
    given = None if share is None else Decimal(share)
    assert preview(PERIODIC, of(quantity), aggregation=Aggregation.SUM, share=given).exact == Decimal(exact)
    assert preview(PERIODIC, events(quantity), share=given).exact == Decimal(exact)


def test_events_that_carry_prices() -> None:
    carried = (("2", "3"), ("10", None), ("1", "7"), ("4", "0.001"), ("5", "-1"), ("-3", "2"))
    given = [GivenEvent(Decimal(value), None if price is None else Decimal(price)) for value, price in carried]
    # 2 × 3 and nothing for -3; 10 × 0.01 without a price; 1 × 5 at most; 4 × 0.01 and 5 × 0.01 at least.
    line = preview(DYNAMIC, GivenUsage(events=tuple(given)))
    assert line.exact == Decimal("6") + Decimal("0.10") + Decimal("5") + Decimal("0.04") + Decimal("0.05")
    assert [step.input for step in line.steps if step.operation is StepOperation.PRICE] == [
        *map(Decimal, ("2", "9", "1", "10")),
        Decimal("22"),
    ]
    # Events that are counted are worth 1 each, whatever they hold.
    assert preview(DYNAMIC, GivenUsage(events=tuple(given)), aggregation=Aggregation.COUNT).exact == (
        Decimal("3") + Decimal("0.01") + Decimal("5") + Decimal("0.01") + Decimal("0.01") + Decimal("2")
    )


@pytest.mark.parametrize(
    ("aggregation", "quantity"),
    [
        (None, "16"),
        (Aggregation.SUM, "16"),
        (Aggregation.COUNT, "5"),
        (Aggregation.MAX, "9"),
        (Aggregation.UNIQUE_COUNT, "4"),
    ],
)
def test_how_the_quantity_of_events_is_found(aggregation: Aggregation | None, quantity: str) -> None:
    line = preview(STANDARD, events("3", "9", "3", "-1", "2"), aggregation=aggregation)
    assert (line.steps[0].input, line.steps[0].output) == (Decimal(5), Decimal(quantity))
    assert line.exact == Decimal(quantity) / 2


def test_counted_events_need_no_value() -> None:
    assert preview(STANDARD, events(None, None), aggregation=Aggregation.COUNT).exact == 1
    assert preview(STANDARD, events(None, None, "1", "1.0"), aggregation=Aggregation.UNIQUE_COUNT).exact == Decimal(
        "1.5"
    )


@pytest.mark.parametrize(
    ("model", "aggregation", "exact"),
    [
        # A fee, and what is no sum, is charged by the share: 110 × 0.5.
        (GRADUATED, None, "55"),
        (GRADUATED, Aggregation.MAX, "55"),
        # The 11 are of the half period: up to 5 × 10 + 1, up to 10 × 5 + 1.5, and 1 × 5 + 1.5.
        (GRADUATED, Aggregation.SUM, "84"),
        # The same with the whole at the rate of its tier: 11 are not above 50.
        (VOLUME, None, "27.5"),
        (VOLUME, Aggregation.SUM, "55"),
        (STANDARD, None, "2.75"),
        (STANDARD, Aggregation.SUM, "5.5"),
        # All are free of 100, and none of 50.
        (PACKAGE, Aggregation.SUM, "0"),
    ],
)
def test_a_share_of_a_period(model: PriceModel, aggregation: Aggregation | None, exact: str) -> None:
    assert preview(model, of("11"), aggregation=aggregation, share=Decimal("0.5")).exact == Decimal(exact)
    whole = preview(model, of("11"), aggregation=aggregation)
    assert preview(model, of("11"), aggregation=aggregation, share=Decimal("1.0")) == whole


def test_free_units_and_tiers_shrink_with_the_share_and_packages_do_not() -> None:
    assert preview(PACKAGE, of("51"), aggregation=Aggregation.SUM, share=Decimal("0.5")).exact == 5
    assert preview(PACKAGE, of("151"), aggregation=Aggregation.SUM, share=Decimal("0.5")).exact == 10
    assert preview(VOLUME, of("51"), aggregation=Aggregation.SUM, share=Decimal("0.5")).exact == 153


def test_bounds_of_the_period_are_applied_by_the_share() -> None:
    given = {"period_minimum": Decimal("10"), "period_maximum": Decimal("20")}
    assert [preview(STANDARD, of(q), **given).exact for q in ("0", "30", "100")] == [10, 15, 20]
    half = [preview(STANDARD, of(q), **given, share=Decimal("0.5")).exact for q in ("0", "30", "100")]
    assert half == [5, Decimal("7.5"), 10]


def test_usage_below_zero_is_charged_as_zero() -> None:
    line = preview(STANDARD, of("-5"), aggregation=Aggregation.SUM)
    assert line.exact == 0
    assert line.steps[1].description == "A quantity below zero is charged as 0"
    assert preview(STANDARD, events("-5", "2")).exact == 0
    assert preview(STANDARD, of("-5"), aggregation=Aggregation.MAX).exact == 0


def test_a_rebate_is_on_usage() -> None:
    rebate = StandardPrice(Decimal("-0.5"))
    assert preview(rebate, of("4"), aggregation=Aggregation.SUM).exact == -2
    assert problems(rebate, of("4")) == ["model.standard.unitPrice", "aggregation"]


def test_what_can_not_be_priced_is_named_at_once() -> None:
    assert problems(STANDARD, GivenUsage()) == ["quantity"]
    assert problems(STANDARD, GivenUsage(Decimal(1), ())) == ["quantity"]
    assert problems(STANDARD, of("-1")) == ["quantity"]
    assert problems(STANDARD, of("-1"), aggregation=Aggregation.COUNT) == ["quantity"]
    assert problems(STANDARD, of("1.5"), aggregation=Aggregation.UNIQUE_COUNT) == ["quantity"]
    assert problems(STANDARD, events("1", None, None)) == ["events.1.value", "events.2.value"]
    for model in (FEES, DYNAMIC):
        with pytest.raises(Refused, match=r"^quantity: .* give `events`"):
            preview(model, of("1"))
        assert problems(model, of("1"), aggregation=Aggregation.SUM) == ["quantity"]
        assert problems(model, events("1"), aggregation=Aggregation.MAX) == [f"model.{kind(model)}"]
    assert problems(PERIODIC, of("1")) == ["model.percentage", "aggregation"]
    wrong = {"unit": " ", "share": Decimal("1.1"), "period_minimum": Decimal("-1"), "aggregation": Aggregation.SUM}
    broken = PercentagePrice(Decimal("2.9"), min_charge=Decimal(2), max_charge=Decimal(1))
    assert problems(broken, of("1"), **wrong) == [
        *("model.percentage.percentage", "model.percentage.maxCharge", "quantity"),
        *("unit", "share", "periodMinimum"),
    ]
    for share in ("0", "-0.5"):
        assert problems(STANDARD, of("1"), share=Decimal(share)) == ["share"]
    bounds = {"period_minimum": Decimal(2), "period_maximum": Decimal(1)}
    assert problems(STANDARD, of("1"), **bounds) == ["periodMaximum"]


def kind(model: PriceModel) -> str:
    return "dynamic" if isinstance(model, DynamicPrice) else "percentage"
