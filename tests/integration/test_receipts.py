"""Every event says what became of it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.billing.aggregation import Aggregation
from app.billing.extraction import MESSAGES, UncountedReason
from app.billing.periods import Period
from app.metering.receipts import Counted, EventReceipt, EventStatus, Reason, receipt, receipts
from tests.support.rows import NOW, World, make_world, opened
from tests.support.storing import store

START = datetime(2026, 1, 31, tzinfo=UTC)
FIRST = Period(START, datetime(2026, 2, 28, tzinfo=UTC))


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with opened(database_url) as sessions:
        yield await make_world(sessions)


async def send(world: World, data: dict[str, Any], at: datetime = START, now: datetime = NOW, **given: Any) -> str:
    envelope = {"type": "inference.completed", "source": "s", "data": data, "timestamp": at.isoformat()} | given
    async with world.sessions.begin() as session:
        return (await store(session, world.environment_id, envelope, now)).id


async def read(world: World, event_id: str) -> EventReceipt:
    async with world.sessions.read() as session:
        found = await receipt(session, world.environment_id, event_id)
    assert found is not None
    return found


def reason(code: UncountedReason, metric_id: str | None = None) -> Reason:
    return Reason(code, MESSAGES[code], metric_id)


async def test_a_counted_event(world: World) -> None:
    tokens = await world.metric()
    calls = await world.metric(Aggregation.COUNT, None, product_id=tokens.product_id)
    models_used = await world.metric(Aggregation.UNIQUE_COUNT, "$.model", product_id=tokens.product_id)
    version = await world.plan_version(*[await world.price(metric) for metric in (tokens, calls, models_used)])
    customer = await world.customer("acme")
    subscription = await world.subscription(customer, version, START)
    event = await send(world, {"tokens": "1500.50", "model": "large"}, externalSubject="acme")
    assert await read(world, event) == EventReceipt(
        event_id=event,
        status=EventStatus.COUNTED,
        repeats_total=0,
        differing=(),
        counted=tuple(
            Counted(metric.id, value, subscription.id, FIRST, None)
            for metric, value in ((tokens, "1500.5"), (calls, "1"), (models_used, "large"))
        ),
        reasons=(),
    )


async def test_an_event_far_ahead_waits_for_its_period(world: World) -> None:
    metric, customer = await world.metric(), await world.customer()
    await world.subscription(customer, await world.plan_version(await world.price(metric)), START)
    event = await send(world, {"tokens": 1}, datetime(2499, 3, 30, tzinfo=UTC), subject=customer.id)
    (counted,) = (await read(world, event)).counted
    assert counted.period == Period(datetime(2499, 2, 28, tzinfo=UTC), datetime(2499, 3, 31, tzinfo=UTC))


async def test_an_invoiced_event_names_its_invoice_and_one_too_late_says_so(world: World) -> None:
    metric, customer = await world.metric(), await world.customer()
    price = await world.price(metric)
    subscription = await world.subscription(customer, await world.plan_version(price), START)
    await world.period(subscription, 1, closed_at=NOW)
    billed = await send(world, {"tokens": 1}, FIRST.end, subject=customer.id)
    invoice = await world.billed(subscription, price, 1)
    late = await send(world, {"tokens": 2}, FIRST.end, subject=customer.id)
    before = await send(world, {"tokens": 3}, FIRST.end - timedelta(microseconds=1), subject=customer.id)
    second = Period(FIRST.end, datetime(2026, 3, 31, tzinfo=UTC))
    assert (await read(world, billed)).counted == (Counted(metric.id, "1", subscription.id, second, invoice.id),)
    assert (await read(world, billed)).reasons == ()
    assert (await read(world, late)).counted == (Counted(metric.id, "2", subscription.id, second, None),)
    assert (await read(world, late)).reasons == (reason(UncountedReason.PERIOD_CLOSED, metric.id),)
    assert (await read(world, before)).reasons == ()


async def test_an_uncounted_event_says_why(world: World) -> None:
    sums, start = await world.metric(), START + timedelta(days=1)
    recent = await world.metric(Aggregation.COUNT, None, product_id=sums.product_id, event_from=start)
    customer = await world.customer("acme")
    unknown = await read(world, await send(world, {"tokens": 1}, start, externalSubject="nobody"))
    assert (unknown.status, unknown.counted) == (EventStatus.UNCOUNTED, ())
    assert unknown.reasons == (reason(UncountedReason.CUSTOMER_UNKNOWN),)
    overruled = await read(world, await send(world, {"tokens": 1}, start, subject="nobody", externalSubject="acme"))
    assert overruled.reasons == (reason(UncountedReason.CUSTOMER_UNKNOWN),)
    other = await read(world, await send(world, {}, type="other", externalSubject="nobody"))
    assert other.reasons == (reason(UncountedReason.NO_METRIC), reason(UncountedReason.CUSTOMER_UNKNOWN))
    for data, why in (
        ({}, UncountedReason.VALUE_MISSING),
        ({"tokens": "many"}, UncountedReason.VALUE_NOT_A_NUMBER),
        ({"tokens": 10**20}, UncountedReason.VALUE_OUT_OF_RANGE),
    ):
        bad = await read(world, await send(world, data, subject=customer.id))
        assert (bad.status, bad.counted) == (EventStatus.UNCOUNTED, ())
        assert bad.reasons == (reason(why, sums.id), reason(UncountedReason.BEFORE_EVENT_FROM, recent.id))


async def test_usage_that_nobody_is_billed_for(world: World) -> None:
    metric, customer = await world.metric(), await world.customer()
    event = await send(world, {"tokens": 1}, subject=customer.id)
    unbilled = await read(world, event)
    assert (unbilled.status, unbilled.counted) == (
        EventStatus.COUNTED, (Counted(metric.id, "1", None, None, None),)
    )  # fmt: skip
    assert unbilled.reasons == (reason(UncountedReason.NO_SUBSCRIPTION, metric.id),)
    subscription = await world.subscription(customer, await world.plan_version(await world.price(metric)), START)
    assert (await read(world, event)).counted == (Counted(metric.id, "1", subscription.id, FIRST, None),)


async def test_repeats_are_numbered_and_differing_ones_dated(world: World) -> None:
    later = NOW + timedelta(hours=1)
    for now, tokens in ((NOW, 1), (later, 1), (later, 2), (later + timedelta(hours=1), 3)):
        event = await send(world, {"tokens": tokens}, now=now, idempotencyKey="k", subject="c")
    found = await read(world, event)
    assert (found.repeats_total, found.differing) == (3, (later, later + timedelta(hours=1)))


async def test_many_at_once_and_none_of_another_environment(world: World) -> None:
    ids = [await send(world, {"tokens": 1}, subject="c") for _ in range(3)]
    async with world.sessions.read() as session:
        assert set(await receipts(session, world.live_id, [*ids, "evt_x"])) == set(ids)
        assert await receipts(session, world.sandbox_id, ids) == {}
        assert await receipt(session, world.sandbox_id, ids[0]) is None
