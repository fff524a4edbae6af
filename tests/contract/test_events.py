"""`POST /v0/events`, byte by byte."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import models
from app.api.events import EventsEndpoint
from app.billing.access import Scope
from app.ids import event_id, hash_secret, new_customer_token, new_id
from app.metering.intake import Intake
from app.models import EnvironmentKind, table_of
from app.settings import Settings
from tests.support.events_api import EVENT, JSON, Api, client_of, sized
from tests.support.rows import NOW, make_world


async def test_the_whole_answer(api: Api) -> None:
    sent = {
        **EVENT, "externalSubject": "acme-1", "externalId": "ext-1", "namespace": api.world.merchant_id,
        "timestamp": "2026-08-01T12:00:00.5+02:00", "unknown": 1,
    }  # fmt: skip
    answer = await api.post(sent)
    assert (answer.status_code, answer.headers["content-type"]) == (202, JSON)
    assert list(answer.json().items()) == [
        ("id", event_id(api.world.live_id, "k-1")),
        ("object", "event"),
        ("type", "api-call"),
        ("source", "s"),
        ("subject", "cus_1"),
        ("externalSubject", "acme-1"),
        ("namespace", api.world.merchant_id),
        ("timestamp", "2026-08-01T10:00:00.500000Z"),
        ("idempotencyKey", "k-1"),
        ("externalId", "ext-1"),
    ]
    assert await api.stored() == 1


def test_the_id_of_a_key_stays_what_it_was() -> None:
    assert event_id("env_1", "k") == "evt_2p12k6gcxz7wjcq25f7x3pznw9"


async def test_the_least_answer_has_no_nulls_and_no_subject_that_was_not_sent(api: Api) -> None:
    customer = await api.world.customer("acme-1")
    answer = (await api.post({"type": "t", "source": "s", "externalSubject": "acme-1", "data": {}})).json()
    key = answer["idempotencyKey"]
    assert answer == {
        "id": event_id(customer.environment_id, key), "object": "event", "type": "t", "source": "s",
        "externalSubject": "acme-1", "namespace": api.world.merchant_id, "timestamp": "2026-02-10T12:00:00Z",
        "idempotencyKey": key,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("2026-08-01T12:00:00", "2026-08-01T12:00:00Z"),
        ("2026-08-01T12:00:00Z", "2026-08-01T12:00:00Z"),
        ("2026-08-01T12:00:00.123456+02:00", "2026-08-01T10:00:00.123456Z"),
        (None, "2026-02-10T12:00:00Z"),
    ],
)
async def test_timestamps(api: Api, sent: str | None, answered: str) -> None:
    assert (await api.post(EVENT | {"timestamp": sent})).json()["timestamp"] == answered


async def test_a_customer_on_a_clock_lives_in_its_time(api: Api) -> None:
    clock = await api.world.test_clock(datetime.fromisoformat("2031-01-01T00:00:00+00:00"))
    customer = await api.world.customer(test_clock_id=clock.id)
    # The answer knows no customer and says the server's time; what is counted has the clock's.
    assert (await api.post(EVENT | {"subject": customer.id})).json()["timestamp"] == "2026-02-10T12:00:00Z"
    assert await api.stored() == 1
    async with api.world.sessions.read() as session:
        stored = await session.scalar(select(table_of(models.MeterEvent).c.timestamp))
    assert stored == datetime.fromisoformat("2031-01-01T00:00:00+00:00")


@pytest.mark.parametrize("number", ["12345678901234567890", "1" * 100, "0." + "123456789" * 11, "1.10", "1E+5"])
async def test_numbers_keep_every_digit(api: Api, number: str) -> None:
    sent = b'{"type":"t","source":"s","subject":"c","data":{"n":%s}}' % number.encode()
    assert (await api.post(sent)).status_code == 202
    assert await api.stored() == 1
    async with api.world.sessions.read() as session:
        assert await session.scalar(select(table_of(models.MeterEvent).c.data)) == f'{{"n":{number}}}'


async def test_a_repeat_is_answered_the_same_and_stored_once(api: Api) -> None:
    first = await api.post(EVENT)
    assert (await api.post(EVENT)).content == first.content
    differing = await api.post(EVENT | {"data": {"tokens": 2}})
    assert (differing.status_code, differing.json()["id"]) == (202, first.json()["id"])
    assert (await api.stored(), await api.stored(models.MeterEventRepeat)) == (1, 2)


async def test_64_at_once_store_one(api: Api) -> None:
    answers = await asyncio.gather(*(api.post(EVENT) for _ in range(64)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert await api.stored() == 1


async def test_the_sandbox_is_another_environment(api: Api) -> None:
    live = (await api.post(EVENT)).json()
    async with client_of(EventsEndpoint(Intake(api.world.sessions, Settings()), EnvironmentKind.SANDBOX)) as client:
        api.client = client
        sandbox = (await api.post(EVENT)).json()
    assert sandbox["id"] == event_id(api.world.sandbox_id, "k-1") != live["id"]
    assert sandbox["namespace"] == live["namespace"]


def nested(levels: int) -> bytes:
    data = b'{"a":' * levels + b"1" + b"}" * levels
    return b'{"type":"t","source":"s","subject":"c","data":%s}' % data


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"nonsense", b"[]", b"null", b"1", b'{"type":NaN}', b'{"x":Infinity}', b'{"x":-Infinity}',
        b'{"x":"\xff"}', b'{"x":"\xed\xa0\x80"}', rb'{"x":"\ud800"}', rb'{"x":"\u0000"}', b'{"x":"\0"}',
        b'{"x":%s}' % (b"1" * 101), b'{"x":1e101}', b'{"x":01}', nested(32), b"[" * 50_000,
    ],
)  # fmt: skip
async def test_what_can_not_be_read_is_400(api: Api, body: bytes) -> None:
    answer = await api.post(body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, JSON)
    assert set(answer.json()) == {"error", "message", "code"}
    assert (answer.json()["error"], answer.json()["code"]) == ("malformed_json", "MALFORMED_JSON")
    assert await api.stored() == 0


async def test_31_levels_within_the_envelope_are_fine(api: Api) -> None:
    assert (await api.post(nested(31))).status_code == 202


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"type": 1}, {"type": "INVALID"}),
        ({"type": None}, {"type": "BLANK"}),
        ({"source": ""}, {"source": "BLANK"}),
        ({"subject": "x" * 256}, {"subject": "TOO_LONG"}),
        ({"subject": None}, {"subject": "BLANK"}),
        ({"externalSubject": "bad id!"}, {"externalSubject": "INVALID"}),
        ({"data": "x"}, {"data": "INVALID"}),
        ({"data": None}, {"data": "BLANK"}),
        ({"externalId": "bad id!"}, {"externalId": "INVALID"}),
        ({"namespace": 5}, {"namespace": "INVALID"}),
        ({"timestamp": "yesterday"}, {"timestamp": "INVALID"}),
        ({"timestamp": "1850-01-01T00:00:00Z"}, {"timestamp": "OUT_OF_RANGE"}),
        ({"idempotencyKey": ""}, {"idempotencyKey": "BLANK"}),
        ({"type": 1, "data": [], "timestamp": 1}, {"type": "INVALID", "data": "INVALID", "timestamp": "INVALID"}),
    ],
)
async def test_invalid_fields_are_all_named(api: Api, changes: dict[str, Any], problems: dict[str, str]) -> None:
    answer = await api.post(EVENT | changes)
    assert answer.status_code == 400
    body = answer.json()
    assert (body["error"], body["code"]) == ("validation_error", "VALIDATION_ERROR")
    assert body["message"]
    assert {error["field"]: error["code"] for error in body["errors"]} == problems
    assert all(error["message"] for error in body["errors"])
    assert await api.stored() == 0


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer sk_wrong", "Basic c2s6", "Bearer a b", "Bearer \xfc", "Bearer " + "x" * 5000],
)
async def test_without_a_valid_key_nothing_is_read(api: Api, authorization: str | None) -> None:
    headers = [(b"content-type", JSON.encode())]
    if authorization is not None:
        headers.append((b"authorization", authorization.encode("latin1")))
    answer = await api.client.post("/v0/events", content=b"{", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert await api.stored() == 0


async def test_a_key_that_expired_or_was_revoked_is_none(api: Api) -> None:
    expired = await api.world.api_key(expires_at=NOW)
    revoked = await api.world.api_key(revoked_at=NOW)
    for secret in (expired, revoked):
        assert (await api.post(EVENT, authorization=f"Bearer {secret}")).status_code == 401
    assert (await api.post(EVENT, authorization=f"bearer  {api.secret}")).status_code == 202


async def test_a_customer_token_reports_nothing(api: Api) -> None:
    customer = await api.world.customer()
    async with api.world.sessions.read() as session:
        key = (await session.scalars(select(models.ApiKey))).one()
    secret = new_customer_token()
    token = models.CustomerToken(
        environment_id=api.world.live_id,
        id=new_id("ctok"),
        created_at=NOW,
        customer_id=customer.id,
        api_key_id=key.id,
        secret_hash=hash_secret(secret),
        expires_at=NOW + timedelta(minutes=5),
    )
    await api.world.save(token)
    assert (await api.post(EVENT, authorization=f"Bearer {secret}")).status_code == 401
    assert await api.stored() == 0


async def test_two_authorization_headers_are_none(api: Api) -> None:
    assert (await api.post(EVENT)).status_code == 202  # from now on the key is remembered
    valid = ("authorization", f"Bearer {api.secret}")
    for other in (valid, ("authorization", ""), ("authorization", "Bearer sk_wrong")):
        for pair in ([valid, other], [other, valid]):
            headers = [*pair, ("content-type", JSON)]
            assert (await api.client.post("/v0/events", json=EVENT, headers=headers)).status_code == 401


async def test_the_scope_is_needed(api: Api) -> None:
    for scope, status in ((Scope.CATALOG_WRITE, 403), (Scope.EVENTS_CREATE, 202)):
        answer = await api.post(EVENT, authorization=f"Bearer {await api.world.api_key(scope)}")
        assert answer.status_code == status
    refused = await api.post(EVENT, authorization=f"Bearer {await api.world.api_key(Scope.AUDIT_READ)}")
    assert (refused.json()["error"], refused.json()["code"]) == ("forbidden", "FORBIDDEN")
    assert (await api.stored(), await api.stored(models.MeterEventRepeat)) == (1, 0)


async def test_a_foreign_namespace_reads_the_same_whether_it_exists_or_not(api: Api) -> None:
    other = await make_world(api.world.sessions)
    answers = [await api.post(EVENT | {"namespace": name}) for name in (other.merchant_id, "org_none")]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].content == answers[1].content
    assert answers[0].json()["code"] == "FOREIGN_NAMESPACE"
    assert await api.stored() == 0


async def test_the_use_of_a_key_is_noted_once_a_minute(api: Api) -> None:
    async def last_used() -> datetime | None:
        async with api.world.sessions.read() as session:
            found: datetime | None = await session.scalar(select(table_of(models.ApiKey).c.last_used_at))
            return found

    for seconds, noted in ((0, 0), (59, 0), (60, 60)):
        api.clock.time = NOW + timedelta(seconds=seconds)
        await api.post(EVENT)
        assert await last_used() == NOW + timedelta(seconds=noted)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_only_post(api: Api, method: str) -> None:
    answer = await api.client.request(method, "/v0/events", headers={"authorization": f"Bearer {api.secret}"})
    assert (answer.status_code, answer.headers["allow"], answer.json()["code"]) == (405, "POST", "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("given", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx",
                                   "multipart/form-data; boundary=x", "application/json; charset=latin1"])  # fmt: skip
async def test_only_json(api: Api, given: str | None) -> None:
    answer = await api.post(EVENT, content_type=given)
    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert await api.stored() == 0


@pytest.mark.parametrize("given", ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'])
async def test_parameters_of_the_content_type_are_fine(api: Api, given: str) -> None:
    assert (await api.post(EVENT, content_type=given)).status_code == 202


async def test_compressed_bodies_are_refused(api: Api) -> None:
    assert (await api.post(EVENT, content_encoding="gzip")).status_code == 415
    assert (await api.post(EVENT, content_encoding="identity")).status_code == 202


async def test_no_content_type_is_not_json_however_often_the_key_was_seen(api: Api) -> None:
    key, body = ("authorization", f"Bearer {api.secret}"), json.dumps(EVENT).encode()
    for _ in range(2):
        answer = await api.client.post("/v0/events", content=body, headers=[key])
        assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
        assert (await api.post({**EVENT, "idempotencyKey": "seen"})).status_code == 202


async def test_64_kib_and_not_a_byte_more(api: Api) -> None:
    assert (await api.post(sized(65_536))).status_code == 202

    async def chunks() -> AsyncIterator[bytes]:
        yield sized(65_537)[:65_000]
        yield sized(65_537)[65_000:]
        raise AssertionError("read on")

    headers = {"authorization": f"Bearer {api.secret}", "content-type": JSON}
    declared = await api.post(sized(65_537))
    chunked = await api.client.post("/v0/events", content=chunks(), headers=headers)
    for answer in (declared, chunked):
        assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert await api.stored() == 1


async def test_a_client_that_hangs_up_stores_nothing(api: Api) -> None:
    sent: list[Any] = []
    headers = [(b"authorization", f"Bearer {api.secret}".encode()), (b"content-type", JSON.encode())]
    messages = iter([{"type": "http.request", "body": json.dumps(EVENT).encode(), "more_body": True},
                     {"type": "http.disconnect"}])  # fmt: skip

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v0/events", "headers": headers}
    await EventsEndpoint(Intake(api.world.sessions, Settings()), EnvironmentKind.LIVE)(scope, receive, send)
    assert sent == []
    assert await api.stored() == 0


async def test_revoking_a_key_works_at_once(api: Api) -> None:
    assert (await api.post(EVENT)).status_code == 202
    async with api.world.sessions.begin() as session:
        await session.execute(table_of(models.ApiKey).update().values(revoked_at=NOW))
    assert (await api.post(EVENT)).status_code == 401
