"""What was made of a customer's subscriptions is made anew once these, or the metric, are others."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from app.billing.aggregation import Aggregation
from app.billing.measuring import MetricRules
from app.billing.periods import BillingInterval
from app.metering import coverage, deciding
from app.metering.coverage import Coverage, Memory
from app.metering.deciding import Deciding, Fact, Span

START, LATER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 20, 12, tzinfo=UTC)
METRIC = MetricRules("bm_1", "call", Aggregation.SUM, "$.size", (("region", "$.region"),), None)
MEMORY = Memory()


def subscription(**changed: Any) -> SimpleNamespace:
    usual = {
        "id": "sub_1", "plan_version_id": "pver_1", "customer_id": "cus_1", "billable_metric_id": "bm_1",
        "started_at": START, "phase_number": 0, "start_at": START, "end_at": None, "anchor_at": START,
        "calendar_number": 0, "timezone": "UTC", "billing_interval": BillingInterval.MONTHLY, "cadence": None,
        "filter": None, "price_id": "price_1",
    }  # fmt: skip
    return SimpleNamespace(**usual | changed)


def place(rows: list[SimpleNamespace], metric: MetricRules = METRIC, at: datetime = LATER) -> tuple[Span, Span]:
    """Return the period and the day to which an event is added."""
    fact = Fact(1, "evt_1", "call", at, '{"size": 2, "region": "eu", "zone": "b"}', "cus_1")
    [count] = Deciding([metric], Coverage(rows, MEMORY)).decide(fact).counts
    return count.place.period, count.place.day


@pytest.mark.parametrize(
    ("changed", "subscription_id", "price_id", "start"),
    [
        ({}, "sub_1", "price_1", START),
        ({"price_id": "price_2"}, "sub_1", "price_2", START),
        ({"id": "sub_2"}, "sub_2", "price_1", START),
        ({"anchor_at": datetime(2026, 1, 15, tzinfo=UTC)}, "sub_1", "price_1", datetime(2026, 1, 15, tzinfo=UTC)),
        ({"timezone": "Europe/Berlin"}, "sub_1", "price_1", START),
        ({"end_at": datetime(2026, 1, 20, tzinfo=UTC)}, None, None, START),
        ({"start_at": datetime(2026, 1, 21, tzinfo=UTC)}, None, None, START),
        ({"filter": [{"name": "region", "in": ["us"]}]}, None, None, START),
    ],
)
def test_a_subscription_that_changed(
    changed: dict[str, Any], subscription_id: str | None, price_id: str | None, start: datetime
) -> None:
    for row in (subscription(), subscription(**changed), subscription()):
        period, _ = place([row])
        own = row.__dict__.items() <= subscription().__dict__.items()
        wanted = ("sub_1", "price_1", START) if own else (subscription_id, price_id, start)
        assert (period.subscription_id, period.price_id, period.start) == wanted


def test_one_that_came_and_went() -> None:
    for rows, owner in (([], None), ([subscription()], "sub_1"), ([], None)):
        assert place(rows)[0].subscription_id == owner


def test_a_metric_that_changed() -> None:
    assert place([subscription()])[1].dimensions == '["eu"]'
    by_zone = replace(METRIC, group_by=(("zone", "$.zone"),))
    for metric, dimensions in ((by_zone, '["b"]'), (METRIC, '["eu"]'), (replace(METRIC, group_by=()), "[]")):
        _, day = place([subscription()], metric)
        assert (day.dimensions, day.metric) == (dimensions, metric)


def test_another_day_and_another_month() -> None:
    for at in (LATER, datetime(2026, 1, 21, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC), LATER):
        period, day = place([subscription()], at=at)
        assert (period.start.month, day.start.date()) == (at.month, at.date())


def test_the_same_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Coverage([subscription()], MEMORY).of("cus_1", "bm_1")
    before = place([subscription()])
    monkeypatch.setattr(coverage, "_made", None)
    assert Coverage([subscription()], MEMORY).of("cus_1", "bm_1") is first
    monkeypatch.setattr(deciding, "day_of", None)
    assert place([subscription()]) == before


def test_rows_are_remembered_up_to_a_bound() -> None:
    memory = Memory(most=10)
    long = [{"name": "region", "in": [str(number) for number in range(9)]}]
    for number in range(30):
        filters = long if number % 3 == 0 else None
        rows = [subscription(customer_id=f"cus_{number}", filter=filters)]
        for _ in range(2):
            assert Coverage(rows, memory).of(f"cus_{number}", "bm_1")
            kept = [row for listed, _, _ in memory._kept.values() for row in listed]
            assert memory.size == sum(1 + (9 if row.filter else 0) for row in kept) <= 10
    for changed in ({}, {"filter": long}, {}):
        rows = [subscription(customer_id=f"cus_{number}", **changed) for number in range(3)]
        Coverage(rows, memory)
        assert memory.size <= 10
    much = [subscription(price_id=f"price_{number}") for number in range(11)]
    assert len(Coverage(much, memory).of("cus_1", "bm_1")[0].prices) == 11
    assert memory.size <= 10
    assert all(len(rows) <= 10 for rows, _, _ in memory._kept.values())


def test_places_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "MOST_PLACES", 3)
    decisions = Deciding([METRIC], Coverage([subscription()]))
    for number in range(10):
        for region in (f"r{number}", f"r{number}" * 300):
            fact = Fact(number, "evt", "call", LATER, f'{{"size": 1, "region": "{region}"}}', "cus_1")
            [first], [again] = decisions.decide(fact).counts, decisions.decide(fact).counts
            assert first.place is again.place
            assert first.place.day.dimensions == f'["{region}"]'
        assert len(deciding._places) <= 3
        assert all(len(place.day.dimensions or "") <= 200 for place in deciding._places.values())
