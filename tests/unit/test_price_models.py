from decimal import Decimal
from fractions import Fraction

import pytest

from app.billing.aggregation import Aggregation
from app.billing.errors import ErrorCode, InvariantBroken, Problems
from app.billing.price_models import (
    Charged,
    StandardPrice,
    charge,
    check_fit,
    check_model,
    model_from_json,
    model_to_json,
)
from app.billing.steps import Step, StepOperation

LARGEST = "9" * 20 + "." + "9" * 18


@pytest.mark.parametrize(
    ("quantity", "unit_price", "expected"),
    [
        ("1500000", "0.00002", "30"),
        ("0", "49.00", "0"),
        ("7", "0", "0"),
        ("1000000000000", "0.000000000001", "1"),
        ("0.5", "3", "1.5"),
        ("3", "0.005", "0.015"),
        ("0.000000000000000001", "0.000000000000000001", "0." + "0" * 35 + "1"),
        # (10^20 - 10^-18)^2 = 10^40 - 200 + 10^-36
        (LARGEST, LARGEST, "9" * 37 + "800." + "0" * 35 + "1"),
    ],
)
def test_standard_is_quantity_times_unit_price(quantity: str, unit_price: str, expected: str) -> None:
    exact, [step] = charge(StandardPrice(Decimal(unit_price)), Charged(Decimal(quantity), "USD", "token"))
    assert exact == Fraction(expected)
    assert step.operation is StepOperation.PRICE
    assert (step.input, step.output) == (Decimal(quantity), Decimal(expected))


@pytest.mark.parametrize(
    ("quantity", "unit_price", "currency", "unit", "sentence"),
    [
        ("1500000", "0.00002", "USD", "token", "1,500,000 token \N{MULTIPLICATION SIGN} 0.00002 USD = 30.00 USD"),
        ("1", "49", "USD", None, "1 \N{MULTIPLICATION SIGN} 49.00 USD = 49.00 USD"),
        ("2.50", "1000", "JPY", "hour", "2.5 hour \N{MULTIPLICATION SIGN} 1,000 JPY = 2,500 JPY"),
        ("1234.5", "0.001", "KWD", None, "1,234.5 \N{MULTIPLICATION SIGN} 0.001 KWD = 1.2345 KWD"),
        ("1", "1", "CLF", None, "1 \N{MULTIPLICATION SIGN} 1.0000 CLF = 1.0000 CLF"),
    ],
)
def test_the_step_says_what_was_multiplied(
    quantity: str, unit_price: str, currency: str, unit: str | None, sentence: str
) -> None:
    _, [step] = charge(StandardPrice(Decimal(unit_price)), Charged(Decimal(quantity), currency, unit))
    assert step.description == sentence


def test_a_step_is_equal_to_its_like() -> None:
    _, [step] = charge(StandardPrice(Decimal("0.5")), Charged(Decimal("2.0"), "EUR", "seat"))
    assert step == Step(
        StepOperation.PRICE, "2 seat \N{MULTIPLICATION SIGN} 0.50 EUR = 1.00 EUR", Decimal(2), Decimal(1)
    )


@pytest.mark.parametrize("unit_price", ["0", "0.000000000000000001", LARGEST, "49.00"])
def test_prices_within_bounds_are_fine(unit_price: str) -> None:
    problems = Problems()
    check_model(StandardPrice(Decimal(unit_price)), problems, "model")
    assert problems.errors == ()


@pytest.mark.parametrize("unit_price", ["1E+20", "1E-19", "NaN", "sNaN", "Infinity", "-Infinity", "1E+999999"])
def test_others_are_out_of_range(unit_price: str) -> None:
    problems = Problems()
    check_model(StandardPrice(Decimal(unit_price)), problems, "model")
    assert [(error.code, error.field) for error in problems.errors] == [
        (ErrorCode.OUT_OF_RANGE, "model.standard.unitPrice")
    ]


def test_a_rebate_is_for_usage_only() -> None:
    usage, fee, rebate = Problems(), Problems(), StandardPrice(Decimal("-0.01"))
    check_model(rebate, usage, "model")
    check_fit(rebate, Aggregation.SUM, usage, "model")
    assert usage.errors == ()
    check_fit(rebate, None, fee, "model")
    assert [(error.code, error.field) for error in fee.errors] == [(ErrorCode.OUT_OF_RANGE, "model.standard.unitPrice")]


def test_the_stored_form_is_plain() -> None:
    assert model_to_json(StandardPrice(Decimal("2E-5"))) == {"type": "STANDARD", "unitPrice": "0.00002"}
    assert model_from_json({"type": "STANDARD", "unitPrice": "0.00002"}) == StandardPrice(Decimal("0.00002"))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"type": "VOLUME", "unitPrice": "1"},
        {"type": "STANDARD"},
        {"type": "STANDARD", "unitPrice": 1},
        {"type": "STANDARD", "unitPrice": "1e3"},
        {"unitPrice": "1"},
    ],
)
def test_another_stored_form_is_corrupted_data(data: dict[str, object]) -> None:
    with pytest.raises(InvariantBroken):
        model_from_json(data)
