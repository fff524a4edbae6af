"""`POST /v0/events/batch`, byte by byte."""

import itertools
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app import models
from app.api.events import EventsEndpoint
from app.ids import event_id
from app.metering.intake import Intake
from app.models import EnvironmentKind, table_of
from app.settings import Settings
from tests.support.events_api import EVENT, JSON, Api, client_of, sized
from tests.support.rows import FixedClock, make_world, opened

NDJSON = "application/x-ndjson"
BAD: list[tuple[bytes, int, str]] = [
    (b'{"type":"t"}', 400, "VALIDATION_ERROR"),
    (b"[]", 400, "MALFORMED_JSON"),
    (b'{"type":"t","source":"s","subject":"c","data":{"n":1e999999}}', 400, "MALFORMED_JSON"),
    (b'{"type":"t","source":"s","subject":"c","data":{"n":%s}}' % (b"1" * 101), 400, "MALFORMED_JSON"),
    (rb'{"type":"t","source":"s","subject":"c","data":{"n":"\u0000"}}', 400, "MALFORMED_JSON"),
    (rb'{"type":"t","source":"s","subject":"c","data":{"\ud800":1}}', 400, "MALFORMED_JSON"),
    (b'{"type":"t","source":"s","subject":"c","data":{"n":"\xff"}}', 400, "MALFORMED_JSON"),
    (b'{"type":"t","source":"s","subject":"c","data":' + b'{"a":' * 32 + b"1" + b"}" * 33, 400, "MALFORMED_JSON"),
    (sized(65_537), 413, "PAYLOAD_TOO_LARGE"),
    (b'{"type":"t","source":"s","subject":"c","data":{},"namespace":"org_x"}', 403, "FOREIGN_NAMESPACE"),
]


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Api]:
    clock = FixedClock()
    async with opened(database_url, clock) as sessions:
        world = await make_world(sessions)
        async with client_of(
            EventsEndpoint(Intake(sessions, Settings()), EnvironmentKind.LIVE, batches=True)
        ) as client:
            yield Api(world, clock, client, await world.api_key())


def good(key: str, **given: Any) -> bytes:
    return json.dumps(EVENT | {"idempotencyKey": key} | given).encode()


async def send(api: Api, pieces: list[bytes], *, lines: bool) -> httpx.Response:
    body = b"\n".join(pieces) if lines else b"[" + b",".join(pieces) + b"]"
    return await api.post(body, content_type=NDJSON if lines else JSON)


async def test_the_whole_answer(api: Api) -> None:
    answer = await send(api, [good("a"), b'{"type":1}', good("a", data={})], lines=False)
    assert (answer.status_code, answer.headers["content-type"]) == (202, JSON)
    body = answer.json()
    identifier = event_id(api.world.live_id, "a")
    assert body["object"] == "batch"
    assert body["results"][0] == {"status": 202, "id": identifier, "idempotencyKey": "a"}
    assert body["results"][2] == body["results"][0]
    refused = body["results"][1]
    assert (refused["status"], refused["error"], refused["code"]) == (400, "validation_error", "VALIDATION_ERROR")
    assert [error["field"] for error in refused["errors"]] == ["type", "source", "subject", "data"]
    assert (await api.stored(), await api.stored(models.MeterEventRepeat)) == (1, 1)


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("bad", BAD, ids=[str(place) for place in range(len(BAD))])
async def test_one_bad_among_good(api: Api, bad: tuple[bytes, int, str], lines: bool) -> None:
    body, status, code = bad
    answer = await send(api, [good("a"), body, good("b")], lines=lines)
    assert answer.status_code == 202
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [202, status, 202]
    assert results[1]["code"] == code
    assert set(results[1]) >= {"error", "message", "code"}
    assert await api.stored() == 2


async def test_two_kinds_of_bad_ones_are_each_their_own_mistake(api: Api) -> None:
    surrogate = rb'{"type":"t","source":"s","subject":"c","data":{"n":"\ud800"}}'
    long = b'{"type":"t","source":"s","subject":"c","data":{"n":%s}}' % (b"1" * 5000)
    answer = await send(api, [good("a"), surrogate, long, good("b")], lines=False)
    assert [result["status"] for result in answer.json()["results"]] == [202, 400, 400, 202]
    assert await api.stored() == 2


@pytest.mark.parametrize(
    "broken", [rb'["\ud800", 1}', rb'["\ud800" 1]', rb'["\ud800"] 1', rb'["\ud800",' + b"[" * 50_000]
)
async def test_what_breaks_beside_half_a_surrogate_pair_says_nothing_of_us(api: Api, broken: bytes) -> None:
    answer = await api.post(broken)
    assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED_JSON")
    assert "sys." not in answer.text
    assert "recursion" not in answer.text


async def test_every_subset_of_bad_ones(api: Api) -> None:
    for number, places in enumerate(itertools.chain(*(itertools.combinations(range(5), n) for n in range(6)))):
        pieces = [b'{"type":"t"}' if place in places else good(f"{number}-{place}") for place in range(5)]
        results = (await send(api, pieces, lines=bool(number % 2))).json()["results"]
        assert [result["status"] for result in results] == [400 if place in places else 202 for place in range(5)]
    assert await api.stored() == sum(5 - n for n in range(6) for _ in itertools.combinations(range(5), n))


async def test_lines_may_be_blank_broken_and_end_as_they_like(api: Api) -> None:
    body = good("a") + b"\r\n\n  \n" + good("b")[:-1] + b"\n" + good("c") + b"\n"
    answer = await api.post(body, content_type=NDJSON)
    assert [result["status"] for result in answer.json()["results"]] == [202, 400, 202]
    assert await api.stored() == 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MALFORMED_JSON"),
        (b"[", "MALFORMED_JSON"),
        (b"{}", "MALFORMED_JSON"),
        (b"[] x", "MALFORMED_JSON"),
        (b'[{"type":}]', "MALFORMED_JSON"),
        (b"[]", "VALIDATION_ERROR"),
        (b"[" + b",".join([good("a")] * 1001) + b"]", "VALIDATION_ERROR"),
        (b"[" + b"[" * 50_000, "MALFORMED_JSON"),
    ],
)
async def test_what_is_no_batch_is_400_and_nothing_is_stored(api: Api, body: bytes, code: str) -> None:
    answer = await api.post(body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert await api.stored() == 0


async def test_1000_events_are_one_batch_and_1001_lines_are_none(api: Api) -> None:
    pieces = [good(str(number)) for number in range(1000)]
    assert {result["status"] for result in (await send(api, pieces, lines=False)).json()["results"]} == {202}
    assert await api.stored() == 1000
    answer = await send(api, [*pieces, good("x")], lines=True)
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")


async def test_4_mib_and_not_a_byte_more(api: Api) -> None:
    pieces = [sized(65_000) for _ in range(64)]
    filler = 4 * 1024 * 1024 - sum(map(len, pieces)) - len(pieces) - 1
    assert (await send(api, [*pieces[:-1], pieces[-1] + b" " * filler], lines=False)).status_code == 202
    assert (await send(api, [*pieces[:-1], pieces[-1] + b" " * (filler + 1)], lines=False)).status_code == 413


async def test_other_content_types_and_compressed_bodies_are_refused(api: Api) -> None:
    assert (await api.post(good("a"), content_type="text/plain")).status_code == 415
    assert (await api.post(b"[%s]" % good("a"), content_encoding="gzip")).status_code == 415
    assert await api.stored() == 0


async def test_the_same_key_from_two_merchants_and_two_environments_counts_each(api: Api) -> None:
    other = await make_world(api.world.sessions)
    secret = await other.api_key()
    assert (await send(api, [good("k")], lines=False)).status_code == 202
    assert (await api.post(b"[%s]" % good("k"), authorization=f"Bearer {secret}")).status_code == 202
    intake = Intake(api.world.sessions, Settings())
    async with client_of(EventsEndpoint(intake, EnvironmentKind.SANDBOX, batches=True)) as client:
        api.client = client
        assert (await send(api, [good("k")], lines=False)).status_code == 202
    assert (await api.stored(), await api.stored(models.MeterEventRepeat)) == (3, 0)


async def test_a_retry_over_midnight_without_a_timestamp_counts_once(api: Api) -> None:
    api.clock.time = datetime.fromisoformat("2026-02-10T23:59:59.900000+00:00")
    assert (await send(api, [good("k")], lines=False)).status_code == 202
    api.clock.time = datetime.fromisoformat("2026-02-11T00:00:01+00:00")
    assert (await send(api, [good("k")], lines=False)).status_code == 202
    assert await api.stored() == 1
    async with api.world.sessions.read() as session:
        events = table_of(models.MeterEvent).c
        assert await session.scalar(select(events.timestamp)) == datetime.fromisoformat("2026-02-10T23:59:59.900+00:00")


async def test_a_key_may_send_so_many_events_a_second(api: Api) -> None:
    intake = Intake(api.world.sessions, Settings(events_per_second=3))
    async with client_of(EventsEndpoint(intake, EnvironmentKind.LIVE, batches=True)) as client:
        api.client = client
        assert (await send(api, [good(str(number)) for number in range(3)], lines=False)).status_code == 202
        answer = await send(api, [good(str(number)) for number in range(3, 6)], lines=False)
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (429, "RATE_LIMITED", "1")
        another = await api.world.api_key()
        assert (await api.post(b"[%s]" % good("9"), authorization=f"Bearer {another}")).status_code == 202
    assert await api.stored() == 4
