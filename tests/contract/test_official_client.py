"""The official Python client (paygentic-sdk) against the real server: what it sends, what is kept, what it is told."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import asyncpg
import pytest
from sqlalchemy.engine import URL, make_url

from tests.support.official_client import Json, OfficialClient
from tests.support.server import Server, billgraph, serve

MINIMUM = {"type": "api-call", "source": "s", "subject": "cus_1", "data": {"tokens": 1}}
EVENT = MINIMUM | {"idempotency_key": "k-1"}
DATA = "query ($id: ID!) { meterEvent(id: $id) { timestamp data } }"
RECEIPT = "query ($id: ID!) { eventReceipt(eventId: $id) { repeats { totalCount } } }"
PREPARE = """mutation {
  productCreate(input: { key: "p", name: "p" }) { product { id } }
  billableMetricCreate(input: {
    productId: "p", key: "calls", name: "calls", unit: "call", eventType: "api-call", aggregation: COUNT
  }) { userErrors { code } }
  customerCreate(input: { name: "Acme", externalId: "acme-1" }) { customer { id } }
}"""
DISCONNECT = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{}'"
USAGE = """{ billableMetric(id: "calls") {
  usage(from: "2026-01-01T00:00:00Z", to: "2027-01-01T00:00:00Z") { total }
} }"""


def accepted(outcomes: list[Json]) -> list[Json]:
    """The events that the client read; a call that raised fails the test."""
    assert [outcome for outcome in outcomes if "event" not in outcome] == []
    return [outcome["event"] for outcome in outcomes]


@pytest.fixture
def server(database_url: str) -> Iterator[Server]:
    with serve(database_url) as server:
        yield server


@pytest.fixture
def client(server: Server) -> OfficialClient:
    return OfficialClient(server)


def test_what_it_sends_is_counted_once_in_each_environment(server: Server, client: OfficialClient) -> None:
    for prefix in ("", "/sandbox"):
        client.defaults["url"] = server.base + prefix
        customer = server.gql(PREPARE, f"{prefix}/graphql")["customerCreate"]["customer"]
        by_id, by_name, both = three_ways(customer["id"])
        other = by_id | {"type": "no.such"}
        first, again, named, renamed, combined, differing, *repeats = accepted(
            client.outcomes(
                *({"event": event} for event in (by_id, by_id, by_name, by_name, both, other)),
                {"event": both, "async": True},
                {"event": both, "headers": {"x-request-id": "r-1", "user-agent": "mine"}},
                {"event": both, "url": client.defaults["url"] + "/"},
            )
        )
        assert first == again
        assert (first["object"], first["subject"], first.get("externalSubject")) == ("event", customer["id"], None)
        assert (named["externalSubject"], named.get("subject")) == ("acme-1", None)
        assert named["id"] != renamed["id"]  # without a key nothing tells a retry from another event
        assert combined["externalId"] == "ext-1"
        assert repeats == [combined] * 3
        assert differing["id"] == first["id"]
        receipt = server.gql(RECEIPT, f"{prefix}/graphql", id=first["id"])["eventReceipt"]
        assert receipt["repeats"]["totalCount"] == 2
        # by id, by name twice, and both
        assert server.gql(USAGE, f"{prefix}/graphql")["billableMetric"]["usage"]["total"] == "4"


def three_ways(customer_id: str) -> tuple[Json, Json, Json]:
    """Events that name a customer by its id, by its external id, and by both."""
    at = {"type": "api-call", "source": "s", "data": {"tokens": 1}, "timestamp": "2026-08-01T12:00:00Z"}
    by_id = at | {"subject": customer_id, "idempotency_key": "k-1"}
    by_name = at | {"external_subject": "acme-1"}
    return by_id, by_name, by_id | by_name | {"idempotency_key": "k-2", "data": {}, "external_id": "ext-1"}


def test_an_unknown_type_is_accepted(server: Server, client: OfficialClient) -> None:
    [event] = accepted(client.outcomes({"event": EVENT | {"type": "no.such"}}))
    reasons = "query ($id: ID!) { eventReceipt(eventId: $id) { status reasons { code } } }"
    receipt = server.gql(reasons, id=event["id"])["eventReceipt"]
    assert (receipt["status"], receipt["reasons"][0]["code"]) == ("UNCOUNTED", "NO_METRIC")


# What is given as a datetime, what as text, and how both are kept.
DATETIMES = {
    "2026-08-01T12:00:00": "2026-08-01T12:00:00Z",
    "2026-08-01T12:00:00+02:00": "2026-08-01T10:00:00Z",
    "2026-08-01T12:00:00.123456+02:00": "2026-08-01T10:00:00.123456Z",
}
TEXTS = {"2026-08-01T12:00:00Z": "2026-08-01T12:00:00Z", "2026-08-01T12:00:00.5-07:30": "2026-08-01T19:30:00.500000Z"}
NUMBERS = {
    "big": 123456789012345678901234567890, "negative": -(2**63) - 1, "price": "0.10000000000000000001",
    "zeros": "1.500", "float": 0.1, "list": [18446744073709551616], "model": "größe-2",
}  # fmt: skip


def test_instants_and_numbers_are_kept_digit_by_digit(server: Server, client: OfficialClient) -> None:
    event = MINIMUM | {"data": NUMBERS}
    calls = [{"event": event | {"timestamp": at}, "datetimes": ["timestamp"]} for at in DATETIMES]
    calls += [{"event": event | {"timestamp": at}} for at in TEXTS]
    for sent, instant in zip(accepted(client.outcomes(*calls)), [*DATETIMES.values(), *TEXTS.values()], strict=True):
        assert sent["timestamp"] == instant
        assert server.gql(DATA, id=sent["id"])["meterEvent"] == {"timestamp": instant, "data": NUMBERS}


REFUSALS: dict[str, tuple[Json, int, str, str]] = {
    "malformed": ({"event": EVENT | {"data": {"x": "a\0b"}}}, 400, "BadRequest", "MALFORMED_JSON"),
    "invalid field": ({"event": EVENT | {"external_id": "bad id!"}}, 400, "BadRequest", "VALIDATION_ERROR"),
    "no key": ({"event": EVENT, "key": None}, 401, "Error", "UNAUTHORIZED"),
    "wrong key": ({"event": EVENT, "key": "wrong"}, 401, "Error", "UNAUTHORIZED"),
    "narrow key": ({"event": EVENT, "key": "narrow"}, 403, "Error", "FORBIDDEN"),
    "foreign namespace": ({"event": EVENT | {"namespace": "org_other"}}, 403, "Error", "FOREIGN_NAMESPACE"),
    "wrong address": ({"event": EVENT, "url": "/nowhere"}, 404, "Error", "NOT_FOUND"),
    "too large": ({"event": EVENT | {"data": {"x": "x" * 70_000}}}, 413, "PaygenticDefaultError", "PAYLOAD_TOO_LARGE"),
    "far too large": (
        {"event": EVENT | {"data": {"x": "x" * 5_000_000}}}, 413, "PaygenticDefaultError", "PAYLOAD_TOO_LARGE",
    ),
    "not json": (
        {"event": EVENT, "headers": {"content-type": "text/plain"}}, 415, "PaygenticDefaultError",
        "UNSUPPORTED_MEDIA_TYPE",
    ),
    "compressed": (
        {"event": EVENT, "headers": {"content-encoding": "gzip"}}, 415, "PaygenticDefaultError",
        "UNSUPPORTED_MEDIA_TYPE",
    ),
}  # fmt: skip


def test_every_refusal_is_the_error_that_its_contract_names(
    server: Server, client: OfficialClient, database_url: str
) -> None:
    narrow = billgraph(database_url, "keys", "create", "--scope", "catalog:read").stdout.split()[1]
    calls: list[Json] = []
    for prefix in ("", "/sandbox"):
        for call, *_ in REFUSALS.values():
            key = {"key": narrow} if call.get("key") == "narrow" else {}
            calls.append(call | key | {"url": server.base + prefix + call.get("url", "")})
    expected = [*REFUSALS.items()] * 2
    for (name, (_, status, raised, code)), outcome in zip(expected, client.outcomes(*calls), strict=True):
        told = told_by(outcome)
        assert (outcome["status"], outcome["raised"], told["code"]) == (status, raised, code), name
        assert told["error"] == code.lower(), name
        assert told["message"], name
    for prefix in ("", "/sandbox"):
        stored = server.gql("{ meterEvents { totalCount } }", f"{prefix}/graphql")
        assert stored["meterEvents"]["totalCount"] == 0


def told_by(outcome: Json) -> Json:
    """The body of an answer, after checking that the client's own reading of it says the same."""
    assert outcome["headers"]["content-type"] == "application/json"
    body: Json = json.loads(outcome["body"])
    read = outcome["attributes"]
    if outcome["raised"] == "PaygenticDefaultError":
        assert read is None
    elif "errors" in body:
        assert outcome["data"] == "ValidationErrorData"
        assert read == {name: body[name] for name in ("error", "message", "errors")}
    else:
        assert outcome["data"] == "ErrorData"
        assert read == body
    return body


@contextmanager
def away(database_url: str) -> Iterator[None]:
    """Take the database from a running server, and give it back."""
    url = make_url(database_url)
    change = _move_table if url.get_backend_name() == "sqlite" else _refuse_connections
    change(url, gone=True)
    try:
        yield
    finally:
        change(url, gone=False)


def _move_table(url: URL, *, gone: bool) -> None:
    """SQLite is a file that its server holds open, so what is taken is a table."""
    names = ("event_inbox", "taken") if gone else ("taken", "event_inbox")
    with closing(sqlite3.connect(url.database or "", timeout=30)) as connection:
        connection.execute("ALTER TABLE {} RENAME TO {}".format(*names))


def _refuse_connections(url: URL, *, gone: bool) -> None:
    asyncio.run(_execute_beside(url, f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS {not gone}'))
    asyncio.run(_execute_beside(url, DISCONNECT.format(url.database)))


async def _execute_beside(url: URL, statement: str) -> None:
    beside = url.set(drivername="postgresql", database="postgres")
    connection = await asyncpg.connect(beside.render_as_string(hide_password=False))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def test_while_the_database_is_away_it_is_told_to_wait_and_a_retry_is_stored_once(
    server: Server, client: OfficialClient, database_url: str
) -> None:
    with ExitStack() as absence:
        absence.enter_context(away(database_url))
        [refused] = client.outcomes({"event": EVENT})
        assert (refused["status"], refused["raised"]) == (503, "PaygenticDefaultError")
        assert told_by(refused)["code"] == "UNAVAILABLE"
        assert refused["headers"]["retry-after"] == "1"
        with client.running([{"event": EVENT, "retries": True}]) as process:
            assert process.stderr is not None
            assert process.stderr.readline() == "503\n"
            absence.close()
            printed, noted = process.communicate(timeout=60)
    [event] = accepted(json.loads(printed))
    assert noted.split()[-1] == "202"
    assert server.gql(RECEIPT, id=event["id"])["eventReceipt"]["repeats"]["totalCount"] == 0
