"""Whatever changes between two batches, events are decided on as if nothing were remembered."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select, update

from app import models
from app.billing.aggregation import Aggregation
from app.metering import deciding
from app.metering.coverage import load_coverage
from app.metering.deciding import Deciding, Decision, Fact, load_deciding
from app.metering.facts import load_metrics_of_types
from app.models import table_of
from tests.support.rows import World, make_world, opened

START = datetime(2026, 3, 1, tzinfo=UTC)
MODEL, OTHER = {"name": "model", "path": "$.model"}, {"name": "other", "path": "$.other"}
TYPE = "inference.completed"
#: Few, so that events often fall into a place that is remembered.
INSTANTS = [START + timedelta(hours=hours) for hours in (-30, 5, 6, 250, 500, 800, 1200)]


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with opened(database_url) as sessions:
        yield await make_world(sessions)


def said(decision: Decision) -> Any:
    return decision.reason, [(count.value, count.place.period, count.place.day) for count in decision.counts]


def change(random: Random, ids: dict[str, list[str]]) -> Any:
    """Something that decides on events, and is another now."""
    subscriptions, prices, metrics = (
        table_of(model) for model in (models.Subscription, models.Price, models.BillableMetric)
    )
    subscription = update(subscriptions).where(subscriptions.c.id == random.choice(ids["subscriptions"]))
    price = update(prices).where(prices.c.id == random.choice(ids["filtered"]))
    metric = update(metrics).where(metrics.c.id == random.choice(ids["metrics"]))
    ending_at = START + timedelta(days=random.randrange(1, 50), hours=random.randrange(24))
    model = {"name": "model", "in": random.sample(["a", "b", "c"], random.randrange(1, 3))}
    return random.choice(
        [
            subscription.values(ending_at=random.choice([None, ending_at])),
            subscription.values(plan_version_id=random.choice(ids["versions"])),
            subscription.values(timezone=random.choice(["UTC", "Europe/Berlin", "Asia/Tokyo"])),
            subscription.values(anchor_at=START + timedelta(days=random.randrange(10))),
            price.values(filter=[model]),
            metric.values(group_by=random.choice([[], [MODEL], [OTHER], [MODEL, OTHER]])),
            metric.values(event_from=random.choice([None, START])),
        ]
    )


@pytest.mark.parametrize("seed", range(3))
async def test_what_changed_is_seen(world: World, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    random, product = Random(seed), await world.product()
    customers = [await world.customer(f"c{number}") for number in range(3)]
    ids: dict[str, list[str]] = {"metrics": [], "filtered": [], "versions": [], "subscriptions": []}
    prices = []
    for _ in range(2):
        metric = await world.metric(Aggregation.SUM, "$.n", product_id=product.id, group_by=[MODEL])
        filtered = await world.price(metric, filter=[{"name": "model", "in": ["a", "b"]}])
        prices += [await world.price(metric), filtered]
        ids["metrics"].append(metric.id)
        ids["filtered"].append(filtered.id)
    versions = [await world.plan_version(*some) for some in (prices[:2], prices[2:], prices, prices[1:2])]
    ids["versions"] = [version.id for version in versions]
    for _ in range(40):
        if random.random() < 0.2 or not ids["subscriptions"]:
            begins = START + timedelta(days=random.randrange(20))
            made = await world.subscription(random.choice(customers), random.choice(versions), begins)
            ids["subscriptions"].append(made.id)
        if random.random() < 0.7:
            async with world.sessions.begin() as session:
                await session.execute(change(random, ids))
        facts = [
            Fact(number, f"evt_{number}", TYPE, random.choice(INSTANTS),
                 f'{{"n": 1, "model": "{random.choice("abc")}", "other": "{random.choice("ab")}"}}',
                 random.choice(customers).id)
            for number in range(60)
        ]  # fmt: skip
        async with world.sessions.read() as session:
            known = await load_deciding(session, world.environment_id, {TYPE}, {one.id for one in customers})
            remembered = [said(known.decide(fact)) for fact in facts]
            with monkeypatch.context() as empty:
                empty.setattr(deciding, "_places", {})
                metrics = await load_metrics_of_types(session, world.environment_id, {TYPE})
                everyone = select(table_of(models.Customer).c.id)
                coverage = await load_coverage(session, world.environment_id, everyone, ids["metrics"])
                fresh = [said(Deciding(metrics, coverage).decide(fact)) for fact in facts]
        assert remembered == fresh
