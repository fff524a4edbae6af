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
from app.metering.coverage import Coverage
from app.metering.deciding import Deciding, Fact, Span

START, LATER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 20, 12, tzinfo=UTC)
METRIC = MetricRules("bm_1", "call", Aggregation.SUM, "$.size", (("region", "$.region"),), None)


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
    [count] = Deciding([metric], Coverage(rows)).decide(fact).counts
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
    first = Coverage([subscription()]).of("cus_1", "bm_1")
    before = place([subscription()])
    monkeypatch.setattr(coverage, "_made", None)
    assert Coverage([subscription()]).of("cus_1", "bm_1") is first
    monkeypatch.setattr(deciding, "day_of", None)
    assert place([subscription()]) == before


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "MOST_COVERINGS", 3)
    monkeypatch.setattr(deciding, "MOST_PLACES", 3)
    for number in range(10):
        name = f"cus_{number}"
        fact = Fact(number, "evt", "call", LATER, '{"size": 1}', name)
        [count] = Deciding([METRIC], Coverage([subscription(customer_id=name)])).decide(fact).counts
        assert count.place.period.customer_id == name
        assert len(coverage._coverings) <= 3
        assert len(deciding._places) <= 3
