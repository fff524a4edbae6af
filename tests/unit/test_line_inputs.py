"""What is stored with a line reads back as it was, whatever its model, and anything else is corrupted data."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from app.billing.aggregation import Aggregation
from app.billing.errors import InvariantBroken
from app.billing.line_inputs import LineInputs, line_inputs_from_json
from app.billing.price_models import (
    ChargeScope,
    DynamicPrice,
    GraduatedPrice,
    PackagePrice,
    PercentagePrice,
    StandardPrice,
    VolumePrice,
)
from app.billing.pricing import price_line
from tests.support.price_lines import A_THIRD, HALF_OF_JANUARY, LARGEST, fee, metered, of_events, tiers

FLAT = tiers(("10", "10", "2"), ("20", "5", "3"), (None, "5", "3"))
SPOT = DynamicPrice(Decimal("0.01"), Decimal(5), "$.price")
CARDS = PercentagePrice(Decimal("0.029"), Decimal("0.30"), Decimal("0.50"), Decimal(100))
WHOLE = replace(CARDS, charge_scope=ChargeScope.PER_PERIOD)
BOUNDS: dict[str, Any] = {"period_minimum": Decimal("10.50"), "period_maximum": Decimal(100)}
LINES = [
    metered(StandardPrice(Decimal("0.00002")), "1500000", unit="token"),
    metered(StandardPrice(Decimal("-0.5")), LARGEST, "JPY", aggregation=Aggregation.MAX, share=A_THIRD),
    fee(StandardPrice(Decimal(49)), "5", share=HALF_OF_JANUARY, **BOUNDS),
    fee(StandardPrice(Decimal(49)), share=HALF_OF_JANUARY, is_obligation=True),
    of_events(SPOT, [("10", "2"), ("1", None), ("1", "7"), ("-3", "0")], unit="kWh", share=A_THIRD),
    of_events(SPOT, []),
    of_events(CARDS, ["1", "1000", "100000"], "KWD", **BOUNDS),
    of_events(WHOLE, ["1", "1000"], share=A_THIRD),
    metered(VolumePrice(FLAT), "11", share=A_THIRD),
    metered(GraduatedPrice(FLAT), "21.5", "CLF", period_minimum=Decimal(0)),
    metered(PackagePrice(Decimal(100), Decimal(5), Decimal(100)), "201", share=HALF_OF_JANUARY),
]


def test_the_stored_form_lacks_what_most_lines_lack() -> None:
    assert LINES[2].to_json() == {
        "model": {"type": "STANDARD", "unitPrice": "49"},
        "currency": "USD",
        "quantity": "5",
        "aggregation": None,
        "unit": None,
        "eventCount": 0,
        "share": {"part": "1296000", "whole": "2678400"},
        "periodMinimum": "10.5",
        "periodMaximum": "100",
    }
    assert set(LINES[0].to_json()) == {"model", "currency", "quantity", "aggregation", "unit", "eventCount"}
    assert LINES[3].to_json()["isObligation"] is True
    assert LINES[5].to_json()["tally"] == []


@pytest.mark.parametrize("inputs", LINES)
def test_stored_inputs_price_to_the_same_line(inputs: LineInputs) -> None:
    read = line_inputs_from_json(json.loads(json.dumps(inputs.to_json())))
    assert read == inputs
    assert price_line(read) == price_line(inputs)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tally", None),
        ("tally", 5),
        ("tally", ["WITHIN"]),
        ("share", {"part": "1", "whole": "0"}),
        ("share", {"part": "1"}),
        ("share", "half"),
        ("periodMinimum", "least"),
        ("periodMaximum", 5),
        ("model", {"type": "VOLUME", "tiers": [{"upTo": "1", "unitPrice": "1"}]}),
        ("aggregation", "MEDIAN"),
    ],
)
def test_other_stored_inputs_are_corrupted_data(name: str, value: Any) -> None:
    stored = of_events(CARDS, ["1"], share=A_THIRD, **BOUNDS).to_json()
    with pytest.raises(InvariantBroken):
        line_inputs_from_json({**stored, name: value})
