"""Which events a subscription is billed for."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app import models
from app.billing.aggregation import Aggregation, Tallied
from app.billing.lifecycle import SubscriptionStatus
from app.billing.measuring import MetricRules
from app.metering.usage import PeriodUsage, UsageRequest, counted_facts, period_usage
from app.models import table_of
from tests.support.api import Statements
from tests.support.rows import NOW, World, make_world, opened
from tests.support.storing import store

START = datetime(2026, 2, 1, tzinfo=UTC)
END = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with opened(database_url) as sessions:
        yield await make_world(sessions)


async def send(world: World, data: dict[str, Any], at: datetime = START, **given: Any) -> str:
    envelope = {"type": "inference.completed", "source": "s", "data": data, "timestamp": at.isoformat()} | given
    async with world.sessions.begin() as session:
        return (await store(session, world.environment_id, envelope, NOW)).id


@dataclass(frozen=True)
class Asked:
    """The events that a subscription bills for a metric in a span."""

    subscription: str
    metric: str
    start: datetime
    end: datetime


async def ask(world: World, *requests: Asked) -> dict[Asked, list[Any]]:
    """Return the events of the counters of a subscription's windows, in order of (timestamp, id)."""
    counters, counted = table_of(models.UsageCounter).c, table_of(models.CountedEvent).c
    same = counters.id == counted.usage_counter_id
    statement = counted_facts(counters.subscription_id, counters.billable_metric_id).join(models.UsageCounter, same)
    async with world.sessions.read() as session:
        rows = (await session.execute(statement.where(counters.environment_id == world.environment_id))).all()
    rows.sort(key=lambda row: (row.timestamp, row.id))
    return {
        one: [
            row
            for row in rows
            if (row.subscription_id, row.billable_metric_id) == (one.subscription, one.metric)
            and one.start <= row.timestamp < one.end
        ]
        for one in requests
    }


def request(
    subscription: models.Subscription, metric: models.BillableMetric, start: datetime = START, end: datetime = END
) -> Asked:
    return Asked(subscription.id, metric.id, start, end)


async def counted_ids(world: World, asked: Asked) -> list[str]:
    return [counted.id for counted in (await ask(world, asked))[asked]]


async def usage_of(world: World, *requests: UsageRequest) -> list[PeriodUsage]:
    async with world.sessions.read() as session:
        answers = await period_usage(session, world.environment_id, requests)
    return [answers[one] for one in requests]


def of_price(
    subscription: models.Subscription, metric: models.BillableMetric, price: models.Price, **given: Any
) -> UsageRequest:
    names = (metric.id, metric.event_type, metric.aggregation, metric.value_property, (), metric.event_from)
    rules = MetricRules(*names)
    return UsageRequest(subscription.id, subscription.customer_id, price.id, rules, START, END, **given)


async def test_events_count_by_subject_and_by_external_subject(world: World) -> None:
    metric = await world.metric(group_by=[{"name": "model", "path": "$.model"}])
    price = await world.price(metric)
    version = await world.plan_version(price)
    acme, other = await world.customer("acme"), await world.customer("other")
    subscription = await world.subscription(acme, version, START)
    second = await send(world, {"tokens": "0.1", "model": "large"}, START + timedelta(days=1), subject=acme.id)
    first = await send(world, {"tokens": 1500}, externalSubject="acme")
    both = await send(world, {"tokens": 7}, END - timedelta(microseconds=1), subject=acme.id, externalSubject="other")
    await send(world, {"tokens": 1}, subject=other.id, externalSubject="acme")  # subject decides
    await send(world, {"tokens": 1}, subject="cus_unknown", externalSubject="acme")  # even if it is unknown
    await send(world, {"tokens": 1}, subject="acme")
    await send(world, {"tokens": 1}, externalSubject=acme.id)
    await send(world, {"tokens": 1}, subject=acme.id, type="other.type")
    asked = request(subscription, metric)
    counted = (await ask(world, asked))[asked]
    assert [one.id for one in counted] == [first, second, both]
    [usage] = await usage_of(world, of_price(subscription, metric, price, needs_events=True))
    assert [event.value.value for event in usage.events] == [Decimal(1500), Decimal("0.1"), Decimal(7)]
    assert usage.tallied == Tallied(3, Decimal("1507.1"))
    days = [row for row in await rows(world, models.UsageCounter) if row.kind is models.CounterKind.DAY]
    assert sorted((row.start_at, row.dimensions, row.total) for row in days if row.customer_id == acme.id) == [
        (START.replace(hour=0), "[null]", Decimal(1500)),
        (START + timedelta(days=1), '["large"]', Decimal("0.1")),
        (END - timedelta(days=1), "[null]", Decimal(7)),
    ]


async def test_the_range_is_half_open(world: World) -> None:
    metric = await world.metric(Aggregation.COUNT, None)
    customer = await world.customer()
    version = await world.plan_version(await world.price(metric))
    subscription = await world.subscription(customer, version, START - timedelta(days=40))
    instants = (START - timedelta(microseconds=1), START, END - timedelta(microseconds=1), END)
    ids = [await send(world, {}, at, subject=customer.id) for at in instants]
    assert await counted_ids(world, request(subscription, metric)) == ids[1:3]
    assert await counted_ids(world, request(subscription, metric, END, END + timedelta(days=9))) == ids[3:]


async def test_events_of_one_instant_are_in_order_of_their_ids(world: World) -> None:
    metric = await world.metric(Aggregation.COUNT, None)
    customer = await world.customer()
    subscription = await world.subscription(customer, await world.plan_version(await world.price(metric)), START)
    ids = [await send(world, {}, subject=customer.id) for _ in range(5)]
    assert await counted_ids(world, request(subscription, metric)) == sorted(ids)


async def test_what_has_no_usable_value_or_is_before_event_from_does_not_count(world: World) -> None:
    metric = await world.metric(event_from=START + timedelta(days=1))
    customer = await world.customer()
    subscription = await world.subscription(customer, await world.plan_version(await world.price(metric)), START)
    later = START + timedelta(days=1)
    for tokens in ("many", None, True, [1], 10**20, "1e3"):
        await send(world, {"tokens": tokens}, later, subject=customer.id)
    await send(world, {}, later, subject=customer.id)
    await send(world, {"tokens": 1}, later - timedelta(microseconds=1), subject=customer.id)
    counted = await send(world, {"tokens": 10**20 - 1}, later, subject=customer.id)
    assert await counted_ids(world, request(subscription, metric)) == [counted]


async def test_the_oldest_subscription_that_covers_an_event_has_it(world: World) -> None:
    metric = await world.metric(Aggregation.COUNT, None)
    customer = await world.customer()
    version = await world.plan_version(await world.price(metric))
    without = await world.plan_version(product_id=metric.product_id)
    middle, late = START + timedelta(days=10), START + timedelta(days=20)
    unpriced = await world.subscription(customer, without, START - timedelta(days=5))
    younger = await world.subscription(customer, version, middle)
    ended = {"status": SubscriptionStatus.TERMINATED, "ended_at": late}
    older = await world.subscription(customer, version, START, **ended)
    never = await world.subscription(customer, version, START, activated_at=None, **ended)
    instants = (START, middle, late - timedelta(microseconds=1), late)
    ids = [await send(world, {}, at, subject=customer.id) for at in instants]
    answers = await ask(world, *(request(each, metric) for each in (unpriced, younger, older, never)))
    found = [[one.id for one in counted] for counted in answers.values()]
    assert found == [[], ids[3:], ids[:3], []]


async def test_a_pending_subscription_covers_and_of_two_that_began_together_the_lower_id_does(world: World) -> None:
    metric = await world.metric(Aggregation.COUNT, None)
    customer = await world.customer()
    version = await world.plan_version(await world.price(metric))
    pending = {"status": SubscriptionStatus.PENDING_PAYMENT, "activated_at": None}
    first = await world.subscription(customer, version, START, **pending)
    second = await world.subscription(customer, version, START)
    event = await send(world, {}, subject=customer.id)
    assert await counted_ids(world, request(first, metric)) == [event]
    assert await counted_ids(world, request(second, metric)) == []


async def test_metrics_are_covered_one_by_one(world: World) -> None:
    count = await world.metric(Aggregation.COUNT, None)
    tokens = await world.metric(product_id=count.product_id)
    customer = await world.customer()
    older = await world.subscription(customer, await world.plan_version(await world.price(count)), START)
    both = await world.plan_version(await world.price(count), await world.price(tokens))
    younger = await world.subscription(customer, both, START + timedelta(days=1))
    event = await send(world, {"tokens": 3}, START + timedelta(days=2), subject=customer.id)
    asked = [request(older, count), request(older, tokens), request(younger, count), request(younger, tokens)]
    answers = await ask(world, *asked)
    assert [[one.id for one in answers[each]] for each in asked] == [[event], [], [], [event]]


async def test_billed_events_still_count_and_other_environments_never(world: World) -> None:
    metric = await world.metric(Aggregation.COUNT, None)
    price = await world.price(metric)
    customer = await world.customer()
    subscription = await world.subscription(customer, await world.plan_version(price), START)
    event = await send(world, {}, subject=customer.id)
    await world.billed(subscription, price)
    world.environment_id = world.sandbox_id
    await send(world, {}, subject=customer.id)
    assert await counted_ids(world, request(subscription, metric)) == []
    world.environment_id = world.live_id
    assert await counted_ids(world, request(subscription, metric)) == [event]


async def test_the_number_of_statements_does_not_depend_on_the_number_of_requests(world: World) -> None:
    count = await world.metric(Aggregation.COUNT, None)
    metrics = [count, await world.metric(product_id=count.product_id)]
    prices = [await world.price(metric) for metric in metrics]
    version = await world.plan_version(*prices)
    requests = []
    for number in range(10):
        customer = await world.customer(f"customer-{number}")
        subscription = await world.subscription(customer, version, START)
        await send(world, {"tokens": number}, externalSubject=f"customer-{number}")
        pairs = zip(metrics, prices, strict=True)
        requests += [of_price(subscription, metric, price, needs_events=True) for metric, price in pairs]
    with Statements() as seen:
        [one] = await usage_of(world, requests[0])
    with Statements() as many_seen:
        many = await usage_of(world, *requests)
    assert [len([one for one in run.seen if one != "BEGIN"]) for run in (seen, many_seen)] == [2, 2]
    assert [usage.tallied for usage in many] == [
        tallied for number in range(10) for tallied in (Tallied(1), Tallied(1, Decimal(number)))
    ]
    assert [[event.value.value for event in usage.events] for usage in many] == [
        [value] for number in range(10) for value in (None, Decimal(number))
    ]
    assert one == many[0]
    assert await usage_of(world) == []


async def rows(world: World, model: type[Any]) -> list[Any]:
    async with world.sessions.read() as session:
        return list(await session.scalars(select(model).order_by(table_of(model).c.id)))
