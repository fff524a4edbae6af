"""The usage of a metric over time."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app import models
from app.billing.aggregation import Aggregation
from app.billing.errors import ErrorCode, Refused
from app.billing.windows import Window
from app.metering import allowance
from app.metering.metric_usage import MetricUsage, MetricUsageQuery, UsageGroup, UsageWindow, metric_usages
from tests.support.rows import NOW, World, make_world, opened
from tests.support.storing import store
from tests.support.usage import allow, metric_usage

START = datetime(2026, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with opened(database_url) as sessions:
        yield await make_world(sessions)


async def send(world: World, data: dict[str, Any], at: datetime = START, **given: Any) -> None:
    envelope = {"type": "inference.completed", "source": "s", "data": data, "timestamp": at.isoformat()} | given
    async with world.sessions.begin() as session:
        await store(session, world.environment_id, envelope, NOW)


async def usage(
    world: World, metric: models.BillableMetric, left: allowance.Allowance | None = None, **given: Any
) -> MetricUsage:
    query: dict[str, Any] = {"billable_metric_id": metric.id, "start": START, "end": START + 3 * DAY} | given
    async with world.sessions.read() as session:
        return await metric_usage(session, world.environment_id, MetricUsageQuery(**query), left)


async def test_windows_and_groups(world: World) -> None:
    groups = [{"name": "model", "path": "$.model"}, {"name": "region", "path": "$.at.region"}]
    metric, customer = await world.metric(group_by=groups), await world.customer("acme")
    await send(world, {"tokens": 1, "model": "large"}, START, subject=customer.id)
    await send(world, {"tokens": "2.5", "model": "small", "at": {"region": "eu"}}, START, externalSubject="acme")
    await send(world, {"tokens": 4}, START + DAY - timedelta(microseconds=1), subject=customer.id)
    await send(world, {"tokens": 8, "model": "large"}, START + 2 * DAY, subject=customer.id)
    await send(world, {"tokens": 16, "model": "large"}, START + 3 * DAY, subject=customer.id)
    await send(world, {"tokens": 32}, START - timedelta(microseconds=1), subject=customer.id)
    found = await usage(world, metric, window=Window.DAY, group_by=("model",), customer_id=customer.id)
    large, small, neither = ((("model", name),) for name in ("large", "small", None))
    assert found == MetricUsage(
        total=Decimal("15.5"),
        windows=(
            UsageWindow(START, START + DAY, Decimal("7.5"),
                (UsageGroup(large, Decimal(1)), UsageGroup(small, Decimal("2.5")), UsageGroup(neither, Decimal(4)))),
            UsageWindow(START + DAY, START + 2 * DAY, Decimal(0), ()),
            UsageWindow(START + 2 * DAY, START + 3 * DAY, Decimal(8), (UsageGroup(large, Decimal(8)),)),
        ),
        groups=(UsageGroup(large, Decimal(9)), UsageGroup(small, Decimal("2.5")), UsageGroup(neither, Decimal(4))),
    )  # fmt: skip
    by_both = await usage(world, metric, group_by=("region", "model"))
    assert [group.key for group in by_both.groups] == [
        (("region", "eu"), ("model", "small")),
        (("region", None), ("model", "large")),
        (("region", None), ("model", None)),
    ]


async def test_without_windows_and_groups_there_is_a_total_only(world: World) -> None:
    metric = await world.metric()
    await send(world, {"tokens": 1}, subject=(await world.customer()).id)
    assert await usage(world, metric) == MetricUsage(Decimal(1), (), ())
    assert await usage(world, metric, start=START + DAY) == MetricUsage(Decimal(0), (), ())


@pytest.mark.parametrize(
    ("aggregation", "total", "by_day"),
    [
        (Aggregation.COUNT, 4, [2, 1, 1]),
        (Aggregation.SUM, 12, [7, 2, 3]),
        (Aggregation.MAX, 5, [5, 2, 3]),
        (Aggregation.UNIQUE_COUNT, 3, [2, 1, 1]),
    ],
)
async def test_totals_come_from_the_facts(
    world: World, aggregation: Aggregation, total: int, by_day: list[int]
) -> None:
    metric = await world.metric(aggregation, None if aggregation is Aggregation.COUNT else "$.tokens")
    customer = await world.customer()
    for day, tokens in ((0, 5), (0, 2), (1, 2), (2, 3)):
        await send(world, {"tokens": tokens}, START + day * DAY, subject=customer.id)
    found = await usage(world, metric, window=Window.DAY)
    assert found.total == Decimal(total)
    assert [window.value for window in found.windows] == [Decimal(value) for value in by_day]


async def test_windows_follow_the_zone(world: World) -> None:
    metric, customer = await world.metric(), await world.customer()
    await send(world, {"tokens": 1}, datetime(2026, 2, 1, 22, 59, tzinfo=UTC), subject=customer.id)
    await send(world, {"tokens": 2}, datetime(2026, 2, 1, 23, 0, tzinfo=UTC), subject=customer.id)
    found = await usage(world, metric, window=Window.DAY, zone="Europe/Berlin", end=START + 2 * DAY)
    midnights = [START, datetime(2026, 2, 1, 23, tzinfo=UTC), datetime(2026, 2, 2, 23, tzinfo=UTC), START + 2 * DAY]
    assert [window.start for window in found.windows] == midnights[:-1]
    assert [window.end for window in found.windows] == midnights[1:]
    assert [window.value for window in found.windows] == [Decimal(1), Decimal(2), Decimal(0)]


async def test_clocked_customers_count_for_themselves_only_and_unknown_ones_never(world: World) -> None:
    metric, clock = await world.metric(), await world.test_clock(START)
    real = await world.customer("real")
    clocked = await world.customer("clocked", test_clock_id=clock.id)
    await send(world, {"tokens": 1}, subject=real.id)
    await send(world, {"tokens": 2}, externalSubject="clocked")
    await send(world, {"tokens": 4}, subject="cus_unknown", externalSubject="real")
    await send(world, {"tokens": 8}, externalSubject="unknown")
    assert (await usage(world, metric)).total == Decimal(1)
    assert (await usage(world, metric, customer_id=real.id)).total == Decimal(1)
    assert (await usage(world, metric, customer_id=clocked.id)).total == Decimal(2)


async def test_what_can_not_be_answered_is_refused(world: World) -> None:
    metric = await world.metric(group_by=[{"name": "model", "path": "$.model"}])
    world.environment_id = world.sandbox_id
    foreign = await world.customer()
    world.environment_id = world.live_id
    with pytest.raises(Refused) as refused:
        await usage(world, metric, end=START, customer_id=foreign.id, group_by=("model", "color", "model"), zone="Mars")
    assert [(error.field, error.code) for error in refused.value.errors] == [
        ("to", ErrorCode.OUT_OF_RANGE),
        ("customerId", ErrorCode.NOT_FOUND),
        ("groupBy.1", ErrorCode.NOT_FOUND),
        ("groupBy.2", ErrorCode.INVALID),
        ("timezone", ErrorCode.INVALID),
    ]
    for given, field in (
        ({"end": START + 1001 * DAY, "window": Window.DAY}, "window"),
        ({"start": datetime(1, 1, 1, tzinfo=UTC)}, "from"),
        ({"end": datetime(9999, 12, 31, tzinfo=UTC), "window": Window.MINUTE}, "to"),
    ):
        with pytest.raises(Refused) as refused:
            await usage(world, metric, **given)
        assert [(error.field, error.code) for error in refused.value.errors] == [(field, ErrorCode.OUT_OF_RANGE)]


HOUR = timedelta(hours=1)


async def test_a_request_reads_only_so_many_events(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of days that were added up none is read. What is asked beyond the bound is refused before it is read."""
    monkeypatch.setattr(allowance, "MAX_EVENTS", 5)
    metric, unique = await world.metric(), await world.metric(Aggregation.UNIQUE_COUNT, key="unique")
    customer = await world.customer()
    for number in range(4):
        await send(world, {"tokens": 1}, START + number * HOUR, subject=customer.id)
    owed: list[int] = []
    left = allow(owed)
    assert (await usage(world, metric, left)).total == 4
    assert (owed, left.left) == ([], 5)
    assert (await usage(world, metric, left, window=Window.HOUR, end=START + DAY)).total == 4
    assert (await usage(world, unique, left, end=START + HOUR)).total == 1
    assert (owed, left.left) == ([12, 3], 0)
    for one, span in ((metric, {"window": Window.HOUR, "end": START + DAY}), (unique, {})):
        with pytest.raises(Refused) as refused:
            await usage(world, one, left, **span)
        [error] = refused.value.errors
        assert (error.field, error.code) == ("to", ErrorCode.OUT_OF_RANGE)
        assert error.message.startswith("More than 5 events would have to be read")
    assert (await usage(world, metric, left, end=START + 2 * DAY)).total == 4
    assert (sum(owed), left.left) == (15, 0)


async def test_events_are_counted_in_vain_once_and_that_is_paid_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowance, "MAX_EVENTS", 19)
    unique, customer = await world.metric(Aggregation.UNIQUE_COUNT), await world.customer()
    for number in range(25):
        await send(world, {"tokens": 1}, START + number * HOUR, subject=customer.id)
    owed: list[int] = []
    left = allow(owed)
    for days in (3, 2, 1):
        with pytest.raises(Refused):
            await usage(world, unique, left, end=START + days * DAY)
    # Of the first 20 events; then each time of one.
    assert owed == [2, 0, 0]


async def test_of_each_type_only_those_events_are_read_that_a_metric_of_it_needs(world: World) -> None:
    """A metric that tells values apart needs all of the span, the one beside it what lies before its first midnight."""
    asked = [await world.metric(), await world.metric(Aggregation.UNIQUE_COUNT, key="b", event_type="b")]
    customer = await world.customer()
    for hour in (12, 30, 31):
        for kind in ("inference.completed", "b"):
            await send(world, {"tokens": hour}, START + hour * HOUR, type=kind, subject=customer.id)
    owed: list[int] = []
    queries = [MetricUsageQuery(metric.id, START + 12 * HOUR, START + 3 * DAY) for metric in asked]
    async with world.sessions.read() as session:
        answers = await metric_usages(session, world.environment_id, queries, allow(owed))
    assert [isinstance(answer, MetricUsage) and answer.total for answer in answers] == [12 + 30 + 31, 3]
    assert owed == [3 * (1 + 3)]
