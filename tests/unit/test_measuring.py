"""Which events a price charges, and what they come to."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.billing.aggregation import Aggregation, MeteredValue
from app.billing.errors import InvariantBroken
from app.billing.extraction import UncountedReason
from app.billing.filters import Condition
from app.billing.measuring import Measured, Metering, MetricRules, ReadEvent, measure, metering_from_json
from app.billing.price_models import DynamicPrice, PercentagePrice, StandardPrice, TallyGroup, TallyKind

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
RULES = MetricRules("bm_1", "inference", Aggregation.SUM, "$.tokens", (("model", "$.deep.model"),), JANUARY)
LARGE, SMALL = (Condition("model", ("large",)),), (Condition("model", ("small",)),)
STORED: dict[str, Any] = {
    "billableMetricId": "bm_1",
    "eventType": "inference",
    "aggregation": "SUM",
    "valueProperty": "$.tokens",
    "groupBy": [{"name": "model", "path": "$.deep.model"}],
    "eventFrom": "2026-01-01T00:00:00+00:00",
    "filter": [],
    "others": [[{"name": "model", "in": ["large"]}], [{"name": "model", "in": ["small"]}]],
}
STANDARD, CARDS = StandardPrice(Decimal(1)), PercentagePrice(Decimal("0.029"))
SPOT = DynamicPrice(Decimal(1), Decimal(5), "$.price")


def events(*values: Decimal | str | None, carried: str | None = None) -> list[ReadEvent]:
    """Events by what they count for, all of which carry the same price."""
    price = None if carried is None else Decimal(carried)
    return [ReadEvent(MeteredValue(f"evt_{place}", value), price) for place, value in enumerate(values)]


@pytest.mark.parametrize(
    ("aggregation", "values", "quantity"),
    [
        (Aggregation.COUNT, [None, None], "2"),
        (Aggregation.SUM, [Decimal("1.50"), Decimal("-0.5")], "1"),
        (Aggregation.MAX, [Decimal(3), Decimal(7)], "7"),
        (Aggregation.UNIQUE_COUNT, ["ada", "bob", "ada"], "2"),
        *((aggregation, [], "0") for aggregation in Aggregation),
    ],
)
def test_events_come_to_a_quantity(aggregation: Aggregation, values: list[Decimal | str | None], quantity: str) -> None:
    assert measure(aggregation, STANDARD, events(*values)) == Measured(Decimal(quantity), len(values), None)


def test_models_that_look_at_events_get_their_tally() -> None:
    cards = measure(Aggregation.SUM, CARDS, events(Decimal(10), Decimal(-4)))
    assert cards == Measured(Decimal(6), 2, (TallyGroup(TallyKind.WITHIN, 2, Decimal(10)),))
    spot = measure(Aggregation.SUM, SPOT, events(Decimal(10), Decimal(2), carried="3"))
    assert spot == Measured(Decimal(12), 2, (TallyGroup(TallyKind.WITHIN, 2, Decimal(12), Decimal(36)),))
    counted = measure(Aggregation.COUNT, SPOT, events(None, None, carried="9"))
    assert counted == Measured(Decimal(2), 2, (TallyGroup(TallyKind.AT_MAXIMUM, 2, Decimal(2)),))
    assert measure(Aggregation.SUM, SPOT, []) == Measured(Decimal(0), 0, ())


def test_a_price_takes_its_own_events_and_one_without_a_filter_the_rest() -> None:
    assert Metering(RULES, LARGE).takes({"model": "large"})
    assert not Metering(RULES, LARGE).takes({"model": "small"})
    rest = Metering(RULES, (), (LARGE, SMALL))
    taken = [name for name in ("large", "small", "tiny", None) if rest.takes({"model": name})]
    assert taken == ["tiny", None]


def test_a_metric_reads_values_and_dimensions() -> None:
    data = {"tokens": Decimal("1.5"), "deep": {"model": "large"}}
    assert RULES.value_of("evt_1", JANUARY, data) == MeteredValue("evt_1", Decimal("1.5"), JANUARY)
    early = JANUARY.replace(year=2025)
    assert RULES.value_of("evt_1", early, data) is UncountedReason.BEFORE_EVENT_FROM
    assert replace(RULES, event_from=None).value_of("evt_1", early, data) == MeteredValue(
        "evt_1", Decimal("1.5"), early
    )
    assert RULES.dimensions_of(data) == {"model": "large"}
    assert RULES.dimensions_of({}) == {"model": None}


@pytest.mark.parametrize(
    "metering",
    [
        Metering(RULES, (), (LARGE, SMALL)),
        Metering(RULES, LARGE),
        Metering(replace(RULES, aggregation=Aggregation.COUNT, value_property=None, group_by=(), event_from=None)),
    ],
)
def test_the_stored_form_reads_back(metering: Metering) -> None:
    assert metering_from_json(json.loads(json.dumps(metering.to_json()))) == metering
    assert Metering(RULES, (), (LARGE, SMALL)).to_json() == STORED


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("aggregation", "MEDIAN"),
        ("groupBy", [{"name": "model"}]),
        ("groupBy", 5),
        ("eventFrom", "soon"),
        ("filter", [{"name": "model"}]),
        ("others", [5]),
    ],
)
def test_another_stored_form_is_corrupted_data(name: str, value: Any) -> None:
    with pytest.raises(InvariantBroken):
        metering_from_json({**STORED, name: value})
    with pytest.raises(InvariantBroken):
        metering_from_json({key: kept for key, kept in STORED.items() if key != name})
