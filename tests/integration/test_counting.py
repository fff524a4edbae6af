"""Counting what was acknowledged: once, whatever the order, the repetition, the batches and those who do it at once."""

import asyncio
import json
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from app import models
from app.billing.aggregation import Aggregation, Tallied
from app.billing.filters import Condition
from app.billing.windows import Window
from app.db import Sessions, open_engine
from app.loaders.owner import Owner
from app.loaders.receipt_by_event import receipt_by_event
from app.loaders.usage_by_metric import usage_by_metric
from app.metering import usage_pieces
from app.metering.codec import decode_event
from app.metering.deciding import Deciding, Decision, Fact
from app.metering.drain import drain_once
from app.metering.event_log import MAX_ENTRY_BYTES, append, find_waiting
from app.metering.jobs import work_off_jobs
from app.metering.metric_usage import MetricUsage, MetricUsageQuery
from app.metering.rebuild import rebuild_counters
from app.metering.receipts import EventStatus
from app.metering.received import ReceivedEvent, identify
from app.metering.waiting import wait_until_counted
from app.models import table_of
from tests.support.rows import NOW, FixedClock, World, make_world, opened
from tests.support.usage import allow, metric_usage

START = datetime(2026, 3, 28, tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)
MODELS = ("large", "small", None)


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with opened(database_url) as sessions:
        yield await make_world(sessions)


def event(world: World, key: str, **given: Any) -> ReceivedEvent:
    sent = {"type": "inference.completed", "source": "s", "idempotencyKey": key, "data": {}} | given
    return identify(world.environment_id, decode_event(json.dumps(sent).encode()), NOW)


async def acknowledge(sessions: Sessions, key_id: str, events: Sequence[ReceivedEvent], most: int = 1000) -> None:
    assert await append(sessions, [(key_id, events)], most) == {key_id}


async def key_of(world: World) -> str:
    await world.api_key()
    async with world.sessions.read() as session:
        return str((await session.scalars(select(table_of(models.ApiKey).c.id))).one())


async def sell(world: World) -> tuple[list[models.BillableMetric], models.Customer]:
    """A customer who is billed for one metric of each aggregation, with a dimension."""
    product = await world.product()
    group_by = [{"name": "model", "path": "$.model"}]
    metrics = [
        await world.metric(
            aggregation, None if aggregation is Aggregation.COUNT else "$.n", product_id=product.id, group_by=group_by
        )
        for aggregation in Aggregation
    ]
    customer = await world.customer("acme")
    version = await world.plan_version(*[await world.price(metric) for metric in metrics])
    await world.subscription(customer, version, datetime(2026, 3, 1, tzinfo=UTC))
    return metrics, customer


def history(world: World, chance: random.Random, size: int) -> list[ReceivedEvent]:
    """Events around the night in which Berlin's clocks go forward; some are nobody's, some have no value."""
    events = []
    for number in range(size):
        data: dict[str, Any] = {"n": chance.choice([1, -2, "0.1", 7, None, "x", 10**18])}
        if model := chance.choice(MODELS):
            data["model"] = model
        at = START + timedelta(minutes=chance.randrange(3 * 24 * 60), microseconds=chance.randrange(3))
        named = chance.choice(["acme", "acme", "acme", "nobody"])
        events.append(event(world, f"k{number}", data=data, timestamp=at.isoformat(), externalSubject=named))
    return events


async def counted(world: World) -> dict[str, Any]:
    """Everything that was counted, but for numbers that say when."""
    columns = table_of(models.UsageCounter).c
    left_out = {"id"}
    async with world.sessions.read() as session:
        rows = (await session.execute(select(table_of(models.UsageCounter)).where(columns.event_count > 0))).all()
        events = (await session.execute(select(table_of(models.MeterEvent)))).all()
        distinct = Counter((await session.scalars(select(table_of(models.UsageValue).c.value))).all())
    counters = {row.key: {name: value for name, value in row._mapping.items() if name not in left_out} for row in rows}
    return {
        "counters": counters,
        "events": {row.id: (row.customer_id, row.reason) for row in events},
        "texts": distinct,
    }


@pytest.mark.parametrize("seed", range(3))
async def test_order_repetition_and_batches_change_nothing(world: World, seed: int) -> None:
    await sell(world)
    key_id, chance = await key_of(world), random.Random(seed)
    events = history(world, chance, 120)
    await acknowledge(world.sessions, key_id, events)
    await wait_until_counted(world.sessions)
    first = await counted(world)
    async with world.sessions.begin() as session:
        for model in (models.CountedEvent, models.UsageValue, models.UsageCounter, models.MeterEvent, models.EventKey):
            await session.execute(table_of(model).delete())
    again = events + chance.sample(events, 60)
    chance.shuffle(again)
    while again:
        size = chance.randrange(1, 40)
        await acknowledge(world.sessions, key_id, again[:size], most=chance.randrange(1, 9))
        again = again[size:]
        if chance.random() < 0.5:
            await drain_once(world.sessions, most=chance.randrange(1, 30))
    await wait_until_counted(world.sessions)
    assert await counted(world) == first
    async with world.sessions.read() as session:
        assert len((await session.scalars(select(table_of(models.MeterEventRepeat).c.id))).all()) == 60


async def test_subscriptions_that_begin_and_end_within_a_day_have_their_own_events_of_it(world: World) -> None:
    metric, customer = await world.metric(Aggregation.SUM, "$.n"), await world.customer("acme")
    version = await world.plan_version(await world.price(metric))
    noon, evening = START + timedelta(hours=12), START + timedelta(hours=18, minutes=30)
    first = await world.subscription(customer, version, START - timedelta(days=3, hours=5), ended_at=noon)
    second = await world.subscription(customer, version, noon, timezone="Asia/Kolkata", ended_at=evening)
    third = await world.subscription(customer, version, START + timedelta(hours=20))
    expected: dict[str | None, Decimal] = {None: Decimal(0)}
    events, spans = [], ((first.id, noon), (second.id, evening), (None, third.started_at), (third.id, NEVER))
    for number in random.Random(5).sample(range(48 * 60), 200):
        at, value = START + timedelta(minutes=number), 2 ** (number % 40)
        owner = next(name for name, end in spans if at < end)
        expected[owner] = expected.get(owner, Decimal(0)) + value
        sent = {"data": {"n": value}, "timestamp": at.isoformat(), "externalSubject": "acme"}
        events.append(event(world, f"k{number}", **sent))
    await acknowledge(world.sessions, await key_of(world), events)
    while await drain_once(world.sessions, 1000):
        pass
    counters = table_of(models.UsageCounter).c
    totals: dict[str | None, Decimal] = {None: Decimal(0)}
    async with world.sessions.read() as session:
        for row in await session.execute(select(table_of(models.UsageCounter)).where(counters.kind == "PERIOD")):
            totals[row.subscription_id] = totals.get(row.subscription_id, Decimal(0)) + row.total
    assert totals == expected
    assert (await rebuild_counters(world.sessions)).changed_count == 0


async def test_those_who_count_at_once_count_everything_once(world: World) -> None:
    [_, sums, *_], customer = await sell(world)
    key_id = await key_of(world)
    events = [event(world, f"k{number}", data={"n": 1}, subject=customer.id) for number in range(300)]
    for number in range(0, 300, 20):
        await acknowledge(world.sessions, key_id, events[number : number + 30], most=7)

    async def drain() -> int:
        done = 0
        while count := await drain_once(world.sessions, most=25):
            done += count
        return done

    counts = await asyncio.gather(*(drain() for _ in range(4)))
    assert sum(counts) == 300 + 14 * 10
    await wait_until_counted(world.sessions)
    query = MetricUsageQuery(sums.id, NOW - timedelta(days=1), NOW + timedelta(days=1))
    async with world.sessions.read() as session:
        assert (await metric_usage(session, world.environment_id, query)).total == 300


@asynccontextmanager
async def counted_by_another(engine: AsyncEngine) -> AsyncIterator[None]:
    """What another process holds while it counts: all of SQLite, on PostgreSQL the entries of the log."""
    if engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(engine.url.database or "", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            yield
        return
    async with engine.connect() as holder:
        held = await holder.execute(select(table_of(models.EventInbox)).with_for_update())
        assert len(held.all()) == 1
        yield


async def test_who_only_reads_is_answered_while_another_process_counts(database_url: str) -> None:
    engine = open_engine(database_url, wait_seconds=0.2)
    world = await make_world(Sessions(engine, FixedClock(), "test"))
    await acknowledge(world.sessions, await key_of(world), [event(world, "k", externalSubject="acme")])
    async with counted_by_another(engine):
        waits = [wait_until_counted(world.sessions, 0.1) for _ in range(3)]
        assert await asyncio.gather(*waits) == [NOW] * 3
    assert await wait_until_counted(world.sessions) is None
    await engine.dispose()


async def test_counters_are_what_the_events_come_to_and_can_be_made_again(world: World) -> None:
    await sell(world)
    key_id = await key_of(world)
    await acknowledge(world.sessions, key_id, history(world, random.Random(9), 150))
    await wait_until_counted(world.sessions)
    before = await counted(world)
    assert (await rebuild_counters(world.sessions)).changed_count == 0
    counters = table_of(models.UsageCounter)
    async with world.sessions.begin() as session:
        damaged = update(counters).where(counters.c.event_count > 0)
        await session.execute(damaged.values(event_count=counters.c.event_count + 1, total=Decimal("0.5")))
        await session.execute(table_of(models.UsageValue).delete())
    rebuilt = await rebuild_counters(world.sessions)
    assert rebuilt.changed_count == len(before["counters"])
    assert await counted(world) == before


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Pacific/Kiritimati"])
async def test_windows_and_groups_add_up_to_the_whole_and_days_to_events(
    world: World, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_pieces, "_AT_A_TIME", 7)
    metrics, _ = await sell(world)
    key_id = await key_of(world)
    await acknowledge(world.sessions, key_id, history(world, random.Random(zone), 200))
    await wait_until_counted(world.sessions)
    end = START + timedelta(days=3)
    async with world.sessions.read() as session:
        for metric in metrics:
            whole = MetricUsageQuery(metric.id, START, end, zone=zone)
            by_days = await metric_usage(session, world.environment_id, whole)
            by_hour = MetricUsageQuery(metric.id, START, end, window=Window.HOUR, group_by=("model",), zone=zone)
            hours = await metric_usage(session, world.environment_id, by_hour)
            days = await metric_usage(
                session, world.environment_id, MetricUsageQuery(metric.id, START, end, window=Window.DAY, zone=zone)
            )
            assert by_days.total == hours.total == days.total
            if metric.aggregation in (Aggregation.SUM, Aggregation.COUNT):
                assert sum(window.value for window in hours.windows) == by_days.total
                assert sum(window.value for window in days.windows) == by_days.total
                assert sum(group.value for group in hours.groups) == by_days.total
            if metric.aggregation is Aggregation.MAX:
                assert max(window.value for window in days.windows) == by_days.total


async def test_a_filter_leaves_out_and_top_puts_the_rest_together(world: World) -> None:
    metrics, customer = await sell(world)
    sums = next(metric for metric in metrics if metric.aggregation is Aggregation.SUM)
    unique = next(metric for metric in metrics if metric.aggregation is Aggregation.UNIQUE_COUNT)
    key_id, at = await key_of(world), (START + timedelta(hours=3)).isoformat()
    values = [("a", 5), ("b", 9), ("c", 2), (None, 2)]
    sent = [
        event(world, str(n), subject=customer.id, timestamp=at, data={"n": value, "model": name})
        for n, (name, value) in enumerate(values)
    ]
    await acknowledge(world.sessions, key_id, sent)
    await wait_until_counted(world.sessions)

    async def ask(metric: models.BillableMetric, **given: Any) -> list[tuple[Any, str, bool]]:
        query = MetricUsageQuery(metric.id, START, START + timedelta(days=2), group_by=("model",), **given)
        async with world.sessions.read() as session:
            found = await metric_usage(session, world.environment_id, query)
        if given.get("window"):
            assert [group.value for group in found.windows[0].groups] == [group.value for group in found.groups]
        return [(group.key and group.key[0][1], str(group.value), group.is_other) for group in found.groups]

    assert await ask(sums, top=2) == [("a", "5", False), ("b", "9", False), ((), "4", True)]
    assert await ask(sums, top=2, window=Window.DAY) == await ask(sums, top=2)
    assert await ask(unique, top=1) == [("a", "1", False), ((), "2", True)]  # 9 and 2, told apart anew
    assert await ask(sums, filter=(Condition("model", ("a", "c")),)) == [("a", "5", False), ("c", "2", False)]
    assert await ask(sums, filter=(Condition("model", ("z",)),)) == []


async def test_a_failure_while_counting_leaves_everything_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sell(world)
    await acknowledge(world.sessions, await key_of(world), history(world, random.Random(1), 20))

    async def fail(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("app.metering.drain.acknowledge", fail)
    with pytest.raises(RuntimeError):
        await drain_once(world.sessions)
    monkeypatch.undo()
    assert (await counted(world))["events"] == {}
    assert await drain_once(world.sessions) == 20
    assert len((await counted(world))["events"]) == 20


async def test_what_is_told_apart_is_never_subtracted() -> None:
    assert Tallied(3, distinct_count=2).minus(Tallied(1)) == Tallied(2, distinct_count=2)


async def test_values_of_any_length_are_told_apart_and_grouped(world: World) -> None:
    """An index takes no text of any length, and what can't be inserted would hold up all that waits behind it."""
    metrics, customer = await sell(world)
    unique = next(metric for metric in metrics if metric.aggregation is Aggregation.UNIQUE_COUNT)
    chance = random.Random(3)
    long = ["".join(chance.choices("0123456789abcdefü", k=8000)) for _ in range(2)]
    at = (START + timedelta(hours=1)).isoformat()
    sent = [
        event(world, str(number), subject=customer.id, timestamp=at, data={"n": text, "model": text})
        for number, text in enumerate([*long, long[0] + "x", long[0]])
    ]
    await acknowledge(world.sessions, await key_of(world), sent)
    await wait_until_counted(world.sessions)
    query = MetricUsageQuery(unique.id, START, START + timedelta(days=2), group_by=("model",))
    async with world.sessions.read() as session:
        found = await metric_usage(session, world.environment_id, query)
        [charged] = [
            row.distinct_count
            for row in await session.scalars(select(models.UsageCounter))
            if row.billable_metric_id == unique.id and row.kind is models.CounterKind.PERIOD
        ]
    assert (int(found.total), len(found.groups), charged) == (3, 3, 3)
    assert (await rebuild_counters(world.sessions)).changed_count == 0


async def test_an_event_that_can_not_be_counted_is_set_aside_and_the_others_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sell(world)
    key_id, events = await key_of(world), history(world, random.Random(4), 30)
    await acknowledge(world.sessions, key_id, events, most=10)
    decide = Deciding.decide

    def stumble(self: Deciding, fact: Fact) -> Decision:
        if fact.id == events[13].id:
            raise RuntimeError("a bug")
        return decide(self, fact)

    monkeypatch.setattr(Deciding, "decide", stumble)
    await drain_all(world)
    assert await wait_until_counted(world.sessions) is None
    assert set((await counted(world))["events"]) == {one.id for one in events} - {events[13].id}
    [kept] = await inbox(world)
    assert (kept.event_count, kept.set_aside_because) == (1, "RuntimeError: a bug")
    await acknowledge(world.sessions, key_id, history(world, random.Random(5), 5))
    assert await drain_once(world.sessions) == 5
    async with world.sessions.read() as session:
        [found] = await find_waiting(session, world.environment_id, [events[13].id])
    assert found == events[13]
    monkeypatch.undo()
    async with world.sessions.begin() as session:
        await session.execute(update(table_of(models.EventInbox)).values(set_aside_because=None))
    assert await drain_once(world.sessions) == 1
    assert events[13].id in (await counted(world))["events"]
    assert await inbox(world) == []


async def inbox(world: World) -> list[models.EventInbox]:
    async with world.sessions.read() as session:
        return list(await session.scalars(select(models.EventInbox)))


async def test_entries_are_small_in_events_and_in_bytes(world: World) -> None:
    key_id = await key_of(world)
    big = [event(world, f"b{number}", subject="c", data={"x": "y" * 60_000}) for number in range(100)]
    await acknowledge(world.sessions, key_id, big, most=60)
    small = [event(world, f"s{number}", subject="c") for number in range(100)]
    await acknowledge(world.sessions, key_id, small, most=60)
    entries = await inbox(world)
    assert sum(entry.event_count for entry in entries) == 200
    assert max(entry.event_count for entry in entries) == 60
    assert max(len(entry.events) for entry in entries) < MAX_ENTRY_BYTES + 70_000


@pytest.mark.parametrize("attempt", range(3))
async def test_an_event_is_in_a_period_that_closes_or_late_for_it(world: World, attempt: int) -> None:
    """Closing and counting at once: nothing is in both, and nothing in neither."""
    product = await world.product()
    metric = await world.metric(product_id=product.id)
    customer = await world.customer("acme")
    price = await world.price(metric)
    subscription = await world.subscription(customer, await world.plan_version(price), START)
    key_id = await key_of(world)
    at = (START + timedelta(days=1)).isoformat()
    sent = [event(world, f"k{number}", subject=customer.id, data={"tokens": 1}, timestamp=at) for number in range(120)]
    await acknowledge(world.sessions, key_id, sent, most=10)

    async def close() -> None:
        await asyncio.sleep(0.01 * attempt)
        await world.close(subscription, price, 0)

    await asyncio.gather(drain_all(world), close(), drain_all(world))
    async with world.sessions.read() as session:
        rows = [row for row in await session.scalars(select(models.UsageCounter)) if row.price_id == price.id]
        counts = Counter((await session.scalars(select(table_of(models.CountedEvent).c.usage_counter_id))).all())
    assert sum(row.event_count for row in rows) == 120
    assert {row.id: row.event_count for row in rows if row.event_count} == dict(counts)
    assert {row.round for row in rows if row.closed_at is not None} == {0}


async def test_a_metric_that_is_made_while_events_are_counted_counts_each_once(world: World) -> None:
    customer, product, key_id = await world.customer("acme"), await world.product(), await key_of(world)
    sent = [event(world, f"k{number}", subject=customer.id, data={"tokens": 1}) for number in range(200)]
    await acknowledge(world.sessions, key_id, sent, most=10)

    made: list[models.BillableMetric] = []

    async def make() -> None:
        made.append(await world.metric(product_id=product.id))

    await asyncio.gather(make(), make(), drain_all(world), drain_all(world))
    while await work_off_jobs(world.sessions):
        pass
    async with world.sessions.read() as session:
        for metric in made:
            query = MetricUsageQuery(metric.id, NOW - timedelta(days=1), NOW + timedelta(days=1))
            assert (await metric_usage(session, world.environment_id, query)).total == 200


async def test_a_receipt_of_what_still_waits_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics, customer = await sell(world)
    waits = event(world, "waits", subject=customer.id, data={"n": 1})
    await acknowledge(world.sessions, await key_of(world), [waits])
    monkeypatch.setattr("app.metering.waiting.drain_once", nobody_counts)
    owner = Owner(world.merchant_id, world.environment_id)
    [receipt, none] = await receipt_by_event(world.sessions, owner, [waits.id, "evt_x"])
    assert receipt is not None
    assert (receipt.status, receipt.counted_up_to, none) == (EventStatus.RECEIVED, NOW, None)
    assert (receipt.waiting and receipt.waiting.id) == waits.id
    query = MetricUsageQuery("", NOW - timedelta(days=1), NOW + timedelta(days=1))
    [usage] = await usage_by_metric(world.sessions, owner, query, allow([]), [metrics[0].id])
    assert isinstance(usage, MetricUsage)
    assert (int(usage.total), usage.counted_up_to) == (0, NOW)
    other = Owner(world.merchant_id, world.sandbox_id)
    assert await receipt_by_event(world.sessions, other, [waits.id]) == [None]


async def nobody_counts(_: Sessions) -> int:
    return 0


async def drain_all(world: World) -> None:
    while await drain_once(world.sessions, most=10):
        pass
