"""What every model shares: what it can be applied to, and the form in which it is stored."""

import json
from decimal import Decimal
from typing import Any

import pytest

from app.billing.aggregation import Aggregation
from app.billing.errors import ErrorCode, InvariantBroken, Problems
from app.billing.price_models import (
    ChargeScope,
    DynamicPrice,
    GraduatedPrice,
    PackagePrice,
    PercentagePrice,
    PriceModel,
    StandardPrice,
    TallyGroup,
    TallyKind,
    VolumePrice,
    check_fit,
    model_from_json,
    model_to_json,
    needs_events,
    tally_from_json,
    tally_to_json,
)
from tests.support.price_lines import tiers

TIERS = tiers(("10", "10.50", "2"), (None, "5"))
STORED_TIERS = [{"upTo": "10", "unitPrice": "10.5", "flatPrice": "2"}, {"unitPrice": "5"}]
PER_EVENT = PercentagePrice(Decimal("0.029"), None, Decimal("0.30"), Decimal(100))
STORED: list[tuple[PriceModel, dict[str, Any]]] = [
    (StandardPrice(Decimal("2E-5")), {"type": "STANDARD", "unitPrice": "0.00002"}),
    (StandardPrice(Decimal("-0.50")), {"type": "STANDARD", "unitPrice": "-0.5"}),
    (
        DynamicPrice(Decimal(0), Decimal("5.0"), "$.price"),
        {"type": "DYNAMIC", "minPrice": "0", "maxPrice": "5", "unitPriceProperty": "$.price"},
    ),
    (
        PER_EVENT,
        {
            "type": "PERCENTAGE",
            "percentage": "0.029",
            "minCharge": "0.3",
            "maxCharge": "100",
            "chargeScope": "PER_EVENT",
        },
    ),
    (
        PercentagePrice(Decimal(1), Decimal("0.30"), charge_scope=ChargeScope.PER_PERIOD),
        {"type": "PERCENTAGE", "percentage": "1", "fixedCharge": "0.3", "chargeScope": "PER_PERIOD"},
    ),
    (VolumePrice(TIERS), {"type": "VOLUME", "tiers": STORED_TIERS}),
    (GraduatedPrice(TIERS), {"type": "GRADUATED", "tiers": STORED_TIERS}),
    (
        PackagePrice(Decimal(100), Decimal(5), Decimal(100)),
        {"type": "PACKAGE", "packageSize": "100", "packagePrice": "5", "freeUnits": "100"},
    ),
    (PackagePrice(Decimal("0.5"), Decimal(5)), {"type": "PACKAGE", "packageSize": "0.5", "packagePrice": "5"}),
]
CORRUPTED: list[dict[str, object]] = [
    {},
    {"unitPrice": "1"},
    {"type": "SPOT", "unitPrice": "1"},
    {"type": ["STANDARD"], "unitPrice": "1"},
    {"type": "STANDARD"},
    {"type": "STANDARD", "unitPrice": 1},
    {"type": "STANDARD", "unitPrice": "1e3"},
    {"type": "STANDARD", "unitPrice": None},
    {"type": "DYNAMIC", "minPrice": "0", "maxPrice": "5"},
    {"type": "DYNAMIC", "minPrice": "0", "maxPrice": "5", "unitPriceProperty": 5},
    {"type": "DYNAMIC", "minPrice": "0", "maxPrice": "x", "unitPriceProperty": "$.p"},
    {"type": "PERCENTAGE", "percentage": "0.1"},
    {"type": "PERCENTAGE", "percentage": "0.1", "chargeScope": "PER_CENT"},
    {"type": "PERCENTAGE", "percentage": "0.1", "chargeScope": "PER_EVENT", "minCharge": 1},
    {"type": "VOLUME"},
    {"type": "VOLUME", "unitPrice": "1"},
    {"type": "VOLUME", "tiers": []},
    {"type": "VOLUME", "tiers": "none"},
    {"type": "VOLUME", "tiers": ["5"]},
    {"type": "VOLUME", "tiers": [{"upTo": "5"}]},
    {"type": "VOLUME", "tiers": [{"unitPrice": 5}]},
    {"type": "VOLUME", "tiers": [{"unitPrice": "5", "flatPrice": "x"}]},
    # These would be read as tiers, and charge nothing for what lies above them, or for some of it twice.
    {"type": "VOLUME", "tiers": [{"upTo": "5", "unitPrice": "5"}]},
    {"type": "GRADUATED", "tiers": [{"upTo": "5", "unitPrice": "5"}]},
    {"type": "GRADUATED", "tiers": [{"unitPrice": "5"}, {"unitPrice": "5"}]},
    {"type": "GRADUATED", "tiers": [{"upTo": "0", "unitPrice": "5"}, {"unitPrice": "5"}]},
    {"type": "GRADUATED", "tiers": [{"upTo": "5", "unitPrice": "5"}] * 2 + [{"unitPrice": "5"}]},
    {"type": "PACKAGE", "packageSize": "0", "packagePrice": "5"},
    {"type": "PACKAGE", "packageSize": "-1", "packagePrice": "5"},
    {"type": "PACKAGE", "packageSize": "1", "packagePrice": "5", "freeUnits": "many"},
]
TALLY = (
    TallyGroup(TallyKind.WITHIN, 2, Decimal("14.5"), Decimal("32.1")),
    TallyGroup(TallyKind.UNPRICED, 10**12, Decimal(10) ** 40),
)


@pytest.mark.parametrize(("model", "stored"), STORED)
def test_the_stored_form_is_plain_and_reads_back(model: PriceModel, stored: dict[str, Any]) -> None:
    assert model_to_json(model) == stored
    assert model_from_json(json.loads(json.dumps(stored))) == model


@pytest.mark.parametrize("data", CORRUPTED)
def test_another_stored_form_is_corrupted_data(data: dict[str, object]) -> None:
    with pytest.raises(InvariantBroken):
        model_from_json(data)


def test_a_tally_reads_back() -> None:
    stored = tally_to_json(TALLY)
    assert stored == [
        {"kind": "WITHIN", "eventCount": 2, "value": "14.5", "amount": "32.1"},
        {"kind": "UNPRICED", "eventCount": 10**12, "value": "1" + "0" * 40, "amount": None},
    ]
    assert tally_from_json(json.loads(json.dumps(stored))) == TALLY
    assert (tally_to_json(None), tally_from_json(None), tally_from_json([])) == (None, None, ())


@pytest.mark.parametrize(
    "item",
    [
        "WITHIN",
        {"kind": "ODD", "eventCount": 1, "value": "1", "amount": None},
        {"kind": "WITHIN", "eventCount": "some", "value": "1", "amount": None},
        {"kind": "WITHIN", "eventCount": 1, "value": 1, "amount": None},
        {"kind": "WITHIN", "eventCount": 1, "value": "1"},
    ],
)
def test_another_tally_is_corrupted_data(item: Any) -> None:
    with pytest.raises(InvariantBroken):
        tally_from_json([item])


def test_which_models_look_at_events() -> None:
    looking = [model for model, _ in STORED if needs_events(model)]
    assert looking == [STORED[2][0], PER_EVENT]


def fit(model: PriceModel, aggregation: Aggregation | None) -> list[tuple[ErrorCode, str | None]]:
    check_fit(model, aggregation, problems := Problems(), "model")
    return [(error.code, error.field) for error in problems.errors]


@pytest.mark.parametrize(("model", "stored"), STORED)
@pytest.mark.parametrize("aggregation", [None, *Aggregation])
def test_which_models_go_with_what(model: PriceModel, stored: dict[str, Any], aggregation: Aggregation | None) -> None:
    per_value = isinstance(model, DynamicPrice | PercentagePrice)
    errors: list[tuple[ErrorCode, str]] = []
    if per_value and aggregation not in (Aggregation.COUNT, Aggregation.SUM):
        errors = [(ErrorCode.INVALID, f"model.{stored['type'].lower()}")]
    elif stored.get("unitPrice") == "-0.5" and aggregation is None:
        errors = [(ErrorCode.OUT_OF_RANGE, "model.standard.unitPrice")]
    assert fit(model, aggregation) == errors
