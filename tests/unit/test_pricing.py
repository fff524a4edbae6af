import json
from decimal import Decimal
from fractions import Fraction

import pytest

from app.billing.aggregation import Aggregation
from app.billing.errors import InvariantBroken
from app.billing.price_models import StandardPrice
from app.billing.pricing import (
    RULES_VERSION,
    LineInputs,
    PricedLine,
    Step,
    StepOperation,
    line_inputs_from_json,
    price_line,
)


def metered(
    quantity: str,
    unit_price: str,
    currency: str = "USD",
    aggregation: Aggregation = Aggregation.SUM,
    unit: str | None = "token",
    events: int = 1,
) -> LineInputs:
    return LineInputs(StandardPrice(Decimal(unit_price)), currency, Decimal(quantity), aggregation, unit, events)


def fee(quantity: str, unit_price: str, currency: str = "USD") -> LineInputs:
    return LineInputs(StandardPrice(Decimal(unit_price)), currency, Decimal(quantity), None, None, 0)


def test_usage_is_aggregated_priced_and_rounded() -> None:
    tokens, dollars = Decimal(1500000), Decimal(30)
    sentence = "1,500,000 token \N{MULTIPLICATION SIGN} 0.00002 USD = 30.00 USD"
    assert price_line(metered("1500000", "0.00002")) == PricedLine(
        Fraction(30),
        3000,
        (
            Step(StepOperation.AGGREGATE, "Sum over 1 event: 1,500,000 token", Decimal(1), tokens),
            Step(StepOperation.PRICE, sentence, tokens, dollars),
            Step(StepOperation.ROUND, "Rounded half up to 2 decimals of USD: 30.00 USD", dollars, dollars),
        ),
    )


def test_a_fee_is_its_quantity_priced_and_rounded() -> None:
    assert price_line(fee("1", "49.00")) == PricedLine(
        Fraction(49),
        4900,
        (
            Step(StepOperation.QUANTITY, "Quantity: 1", None, Decimal(1)),
            Step(StepOperation.PRICE, "1 \N{MULTIPLICATION SIGN} 49.00 USD = 49.00 USD", Decimal(1), Decimal(49)),
            Step(StepOperation.ROUND, "Rounded half up to 2 decimals of USD: 49.00 USD", Decimal(49), Decimal(49)),
        ),
    )


@pytest.mark.parametrize(
    ("quantity", "unit_price", "currency", "minor", "exact_amount"),
    [
        ("1000000000000", "0.000000000001", "USD", 100, "1.000000000000000000"),
        ("1", "0.005", "USD", 1, "0.005000000000000000"),
        ("1", "0.004999999999999999", "USD", 0, "0.004999999999999999"),
        # Exactly 0.0049999999999999999996: 18 places read 0.005, and rounding that again would charge a cent.
        ("0.0001", "49.999999999999999996", "USD", 0, "0.005000000000000000"),
        ("1.5", "1", "JPY", 2, "1.500000000000000000"),
        ("1.4999", "1", "JPY", 1, "1.499900000000000000"),
        ("0.0005", "1", "KWD", 1, "0.000500000000000000"),
        ("3", "0.33335", "KWD", 1000, "1.000050000000000000"),
        ("1", "0.00005", "CLF", 1, "0.000050000000000000"),
        ("1", "0.0000499", "CLF", 0, "0.000049900000000000"),
        ("0", "0.00002", "USD", 0, "0.000000000000000000"),
    ],
)
def test_a_line_is_computed_exactly_and_rounded_once(
    quantity: str, unit_price: str, currency: str, minor: int, exact_amount: str
) -> None:
    line = price_line(metered(quantity, unit_price, currency))
    assert line.amount_minor == minor
    assert f"{line.exact_amount:f}" == exact_amount


def test_a_quantity_below_zero_is_charged_as_zero_and_says_so() -> None:
    line = price_line(metered("-12.5", "2", events=3))
    assert line.amount_minor == 0
    assert line.steps[:2] == (
        Step(StepOperation.AGGREGATE, "Sum over 3 events: -12.5 token", Decimal(3), Decimal("-12.5")),
        Step(StepOperation.QUANTITY, "A quantity below zero is charged as 0", Decimal("-12.5"), Decimal(0)),
    )
    assert line.steps[2].description == "0 token \N{MULTIPLICATION SIGN} 2.00 USD = 0.00 USD"


@pytest.mark.parametrize(
    ("aggregation", "unit", "events", "sentence"),
    [
        (Aggregation.COUNT, "request", 1234, "Count of 1,234 events: 5 request"),
        (Aggregation.COUNT, None, 1, "Count of 1 event: 5"),
        (Aggregation.SUM, None, 0, "Sum over 0 events: 5"),
        (Aggregation.MAX, "seat", 2, "Greatest value of 2 events: 5 seat"),
        (Aggregation.MAX, None, 2, "Greatest value of 2 events: 5"),
        (Aggregation.UNIQUE_COUNT, "user", 9, "Distinct values of 9 events: 5 user"),
    ],
)
def test_the_first_step_says_how_usage_was_measured(
    aggregation: Aggregation, unit: str | None, events: int, sentence: str
) -> None:
    line = price_line(metered("5", "1", aggregation=aggregation, unit=unit, events=events))
    assert line.steps[0].description == sentence


@pytest.mark.parametrize(
    ("currency", "sentence"),
    [
        ("JPY", "Rounded half up to whole JPY: 2 JPY"),
        ("USD", "Rounded half up to 2 decimals of USD: 1.50 USD"),
        ("KWD", "Rounded half up to 3 decimals of KWD: 1.500 KWD"),
        ("CLF", "Rounded half up to 4 decimals of CLF: 1.5000 CLF"),
    ],
)
def test_the_last_step_says_how_it_was_rounded(currency: str, sentence: str) -> None:
    assert price_line(fee("1", "1.5", currency)).steps[-1].description == sentence


def test_steps_write_a_quantity_in_its_shortest_form() -> None:
    line = price_line(metered("1.50E+6", "0.00002"))
    assert [str(step.output) for step in line.steps] == ["1500000", "30", "30.00"]


def test_a_counter_of_more_than_a_hundred_digits_is_priced_exactly() -> None:
    line = price_line(metered("1" + "0" * 130, "0.01"))
    assert line.amount_minor == 10**130


@pytest.mark.parametrize("version", [0, RULES_VERSION + 1])
def test_rules_that_never_were_are_a_bug(version: int) -> None:
    with pytest.raises(InvariantBroken, match=f"version {version}"):
        price_line(fee("1", "1"), version)


def test_inputs_are_stored_as_plain_json() -> None:
    assert metered("1.50E+6", "0.00002").to_json() == {
        "model": {"type": "STANDARD", "unitPrice": "0.00002"},
        "currency": "USD",
        "quantity": "1500000",
        "aggregation": "SUM",
        "unit": "token",
        "eventCount": 1,
    }


@pytest.mark.parametrize("inputs", [metered("12.50", "3"), fee("2", "49.00", "JPY")])
def test_stored_inputs_give_the_same_line(inputs: LineInputs) -> None:
    read = line_inputs_from_json(json.loads(json.dumps(inputs.to_json())))
    assert read == inputs
    assert price_line(read) == price_line(inputs)


@pytest.mark.parametrize(
    ("name", "value"),
    [("model", None), ("model", {}), ("currency", 5), ("quantity", 12), ("quantity", "1e3"), ("aggregation", "MODE"),
     ("unit", 1), ("eventCount", "1")],
)  # fmt: skip
def test_other_stored_inputs_are_corrupted_data(name: str, value: object) -> None:
    with pytest.raises(InvariantBroken):
        line_inputs_from_json({**metered("1", "1").to_json(), name: value})


def test_a_missing_input_is_corrupted_data() -> None:
    stored = metered("1", "1").to_json()
    for name in stored:
        with pytest.raises(InvariantBroken):
            line_inputs_from_json({key: value for key, value in stored.items() if key != name})
