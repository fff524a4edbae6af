"""Events are stored once, whoever sends them and how often."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import models
from app.ids import event_id
from app.metering.codec import decode_event
from app.metering.ingest import StoredEvent, store_event
from app.models import table_of
from tests.support.rows import NOW, World, make_world, opened


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with opened(database_url) as sessions:
        yield await make_world(sessions)


async def store(world: World, now: datetime = NOW, **changes: Any) -> StoredEvent:
    envelope = {"type": "call", "source": "s", "subject": "cus_1", "data": {"n": 1}, "idempotencyKey": "k"} | changes
    event = decode_event(json.dumps({k: v for k, v in envelope.items() if v is not None}).encode())
    async with world.sessions.begin() as session:
        return await store_event(session, world.environment_id, event, now)


async def rows(world: World, model: type[Any]) -> list[Any]:
    async with world.sessions.read() as session:
        return list(await session.execute(select(table_of(model)).order_by(table_of(model).c.id)))


async def test_an_event_is_stored_as_it_came(world: World) -> None:
    data = '{"n":12345678901234567890.000000000000000000001,"s":"ü"}'
    event = decode_event(
        f'{{"type":"call","source":"s","subject":"cus_1","externalSubject":"a","externalId":"x","data":{data},'
        '"timestamp":"2026-08-01T12:00:00.123456+02:00","idempotencyKey":"k"}'.encode()
    )
    async with world.sessions.begin() as session:
        stored = await store_event(session, world.live_id, event, NOW)
    moment = datetime(2026, 8, 1, 10, 0, 0, 123456, tzinfo=UTC)
    assert stored == StoredEvent(event_id(world.live_id, "k"), moment, "k", is_repeat=False)
    (row,) = await rows(world, models.MeterEvent)
    assert (row.id, row.environment_id, row.created_at) == (stored.id, world.live_id, NOW)
    assert (row.type, row.source, row.subject, row.external_subject, row.external_id) == (
        "call",
        "s",
        "cus_1",
        "a",
        "x",
    )
    assert (row.timestamp, row.timestamp_given, row.idempotency_key, row.data) == (moment, True, "k", data)


async def test_a_repeat_changes_nothing_and_is_noted(world: World) -> None:
    first = await store(world)
    (row,) = await rows(world, models.MeterEvent)
    later = NOW + timedelta(hours=1)
    same = await store(world, now=later)
    assert same == StoredEvent(first.id, first.timestamp, "k", is_repeat=True)
    given = await store(world, now=later, data={"n": 2}, timestamp="2026-01-01T00:00:00Z")
    assert given == StoredEvent(first.id, datetime(2026, 1, 1, tzinfo=UTC), "k", is_repeat=True)
    assert await rows(world, models.MeterEvent) == [row]
    repeats = await rows(world, models.MeterEventRepeat)
    assert sorted((r.event_id, r.differs, r.created_at) for r in repeats) == [
        (first.id, False, later),
        (first.id, True, later),
    ]


async def test_the_same_key_in_the_sandbox_is_another_event(world: World) -> None:
    live = await store(world)
    world.environment_id = world.sandbox_id
    sandbox = await store(world)
    assert not sandbox.is_repeat
    assert sandbox.id != live.id
    assert len(await rows(world, models.MeterEvent)) == 2


async def test_without_a_key_every_event_is_another(world: World) -> None:
    one, other = await store(world, idempotencyKey=None), await store(world, idempotencyKey=None)
    assert one.idempotency_key != other.idempotency_key
    assert one.id == event_id(world.live_id, one.idempotency_key)
    assert len(await rows(world, models.MeterEvent)) == 2


async def test_without_a_timestamp_it_happens_now(world: World) -> None:
    customer = await world.customer("acme")
    stored = await store(world, subject=customer.id)
    (row,) = await rows(world, models.MeterEvent)
    assert (stored.timestamp, row.timestamp, row.timestamp_given) == (NOW, NOW, False)


async def test_without_a_timestamp_it_happens_at_the_time_of_the_customers_clock(world: World) -> None:
    simulated = datetime(2031, 5, 6, 7, tzinfo=UTC)
    clock = await world.test_clock(simulated)
    clocked = await world.customer("clocked", test_clock_id=clock.id)
    unclocked = await world.customer("unclocked")
    by_subject = await store(world, idempotencyKey="1", subject=clocked.id)
    by_external_subject = await store(world, idempotencyKey="2", subject=None, externalSubject="clocked")
    subject_decides = await store(world, idempotencyKey="3", subject=unclocked.id, externalSubject="clocked")
    given = await store(world, idempotencyKey="4", subject=clocked.id, timestamp="2026-01-01T00:00:00Z")
    world.environment_id = world.sandbox_id
    elsewhere = await store(world, idempotencyKey="5", subject=clocked.id)
    found = [event.timestamp for event in (by_subject, by_external_subject, subject_decides, given, elsewhere)]
    assert found == [simulated, simulated, NOW, datetime(2026, 1, 1, tzinfo=UTC), NOW]
    assert {row.created_at for row in await rows(world, models.MeterEvent)} == {NOW}


async def test_a_transaction_that_fails_stores_nothing(world: World) -> None:
    event = decode_event(b'{"type":"a","source":"s","subject":"c","data":{},"idempotencyKey":"k"}')
    with suppress(RuntimeError):
        async with world.sessions.begin() as session:
            await store_event(session, world.live_id, event, NOW)
            raise RuntimeError
    assert await rows(world, models.MeterEvent) == []
    assert not (await store(world)).is_repeat


async def test_64_at_once_store_one(world: World) -> None:
    stored = await asyncio.gather(*(store(world) for _ in range(64)))
    assert len({event.id for event in stored}) == 1
    assert sorted(event.is_repeat for event in stored) == [False] + [True] * 63
    assert len(await rows(world, models.MeterEvent)) == 1
    assert len(await rows(world, models.MeterEventRepeat)) == 63
