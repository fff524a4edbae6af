"""What is sent to /graphql besides documents: whatever it is, the answer is JSON, readable and never a 500."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx
import pytest

from app.api.graphql_view import GraphQLView
from app.graphql import schema
from app.models import EnvironmentKind
from app.settings import Profile, Settings
from tests.support.api import make_api

RESPONSE_JSON = "application/graphql-response+json"
MERCHANT = {"query": "{ merchant { name } }"}
MALFORMED = [
    b"",
    b"5",
    b"null",
    b"true",
    b'"x"',
    b"[]",
    b'[{"query":"{ merchant { name } }"}]',
    b"{}",
    b"{",
    b'{"query":5}',
    b'{"query":null}',
    b'{"query":""}',
    b'{"query":"{ merchant { name } }","variables":[]}',
    b'{"query":"{ merchant { name } }","variables":"{}"}',
    b'{"query":"{ merchant { name } }","operationName":5}',
    b'{"query":"{ merchant { name } }","operationName":"Nope"}',
    b'{"query":"{ merchant { name } }","extensions":5}',
    b'{"query":"fragment F on Query { __typename }"}',
    b"\xff\xfe",
    b'{"query":"\xed\xa0\x80"}',
    b'{"query":"{ merchant { name } }","variables":{"a":NaN}}',
    b'{"query":"{ merchant { name } }","variables":{"a":Infinity}}',
    b'{"query":"{ merchant { name } }","variables":{"a":' + b"9" * 5000 + b"}}",
    b'{"query":"{ merchant { name } }","variables":{"a":1e999999}}',
    b'{"query":"{ merchant { name } }","variables":{"a":"\\u0000"}}',
    b'{"query":"{ merchant { name } }","variables":{"a":"\\ud800"}}',
    b'{"query":"{ merchant { name } }","variables":{"\\u0000":1}}',
    b'{"query":"{ merchant { name } }","variables":{"a":' + b"[" * 9000 + b"]" * 9000 + b"}}",
]


def check_refusal(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/")
    [error] = response.json()["errors"]
    assert error["message"]
    assert "data" not in response.json()
    return str(error["extensions"]["code"])


async def test_no_malformed_body_is_a_500(database_url: str) -> None:
    async with make_api(database_url) as api:
        for body in MALFORMED:
            assert check_refusal(await api.post(body), 400) == "BAD_REQUEST", body


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ ...Nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ ...F } fragment F on Query { ...F }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ products { " + "a " * 3000 + "} }", "GRAPHQL_PARSE_FAILED"),
        ('{ product(id: "\\u0000") { id } }', "BAD_TEXT"),
        ('{ product(id: """a\\u0000b""") { id } }', None),
        ("{ product(id: " + "9" * 5000 + ") { id } }", "BAD_NUMBER"),
        ("{ products(first: " + "9" * 90 + ") { totalCount } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ pricePreview(currency: USD) { exactAmount } }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_no_document_is_a_500(database_url: str, document: str, code: str | None) -> None:
    async with make_api(database_url) as api:
        answer = await api.answer(document)
        assert [error["extensions"]["code"] for error in answer.get("errors", ())][:1] == ([code] if code else [])


async def test_deep_and_spreading_documents_are_refused_at_once(database_url: str) -> None:
    async with make_api(database_url) as api:
        deep = "{ products { nodes " * 300 + "{ id }" + " } }" * 300
        spreading = "{ ...F0 } " + " ".join(
            f"fragment F{number} on Query {{ ...F{number + 1} ...F{number + 1} }}" for number in range(90)
        )
        lists = "{ product(id: " + "[" * 950 + "]" * 950 + ") { id } }"
        objects = "{ a: " * 450 + "1" + " }" * 450
        metadata = f'mutation {{ productCreate(input: {{ name: "x", metadata: {objects} }}) {{ replayed }} }}'
        for document in (lists, metadata):
            assert "INTERNAL" not in json.dumps(await api.answer(document))
        answers = [
            await api.answer(document) for document in (deep, f"{spreading} fragment F90 on Query {{ __typename }}")
        ]
        assert "INTERNAL" not in json.dumps(answers)
        assert answers[1]["errors"][0]["extensions"]["code"] == "QUERY_TOO_COMPLEX"


async def test_of_several_operations_the_named_one_runs(database_url: str) -> None:
    async with make_api(database_url) as api:
        body = {"query": "query A { merchant { id } } query B { __typename }"}
        assert (await api.post({**body, "operationName": "B"})).json() == {
            "data": {"__typename": "Query"},
            "extensions": {"cost": {"requested": 101}},
        }
        answer = await api.post(body, accept=RESPONSE_JSON)
        assert check_refusal(answer, 400) == "BAD_REQUEST"


async def test_wrong_variables_name_the_variable(database_url: str) -> None:
    async with make_api(database_url) as api:
        query = "query($id: ID!, $first: Int) { product(id: $id) { id } products(first: $first) { totalCount } }"
        wrong: list[dict[str, Any]] = [{}, {"id": None}, {"id": {}}, {"id": []}, {"id": True}, {"id": 1.5}]
        for variables in wrong:
            [error] = (await api.answer(query, **variables))["errors"]
            assert error["extensions"] == {"code": "BAD_INPUT"}
            assert "$id" in error["message"]
        for first in ("1", 1.5, 2**31, True):
            assert await api.code(query, id="x", first=first) == "BAD_INPUT"


async def test_only_a_valid_key_is_served(database_url: str) -> None:
    async with make_api(database_url) as api:
        for secret in ("", "sk_wrong", "x" * 9000):
            api.secret, kept = secret, api.secret
            response = await api.post(MERCHANT)
            assert check_refusal(response, 401) == "UNAUTHENTICATED"
            assert response.headers["www-authenticate"] == "Bearer"
            api.secret = kept
        assert (await api.post(MERCHANT, authorization="")).status_code == 401
        assert (await api.post(MERCHANT)).json() == {
            "data": {"merchant": {"name": "Example Inc."}},
            "extensions": {"cost": {"requested": 102}},
        }


async def test_a_key_is_checked_before_the_body_is_read(database_url: str) -> None:
    async with make_api(database_url) as api:
        assert (await api.post(b"\xff" * 30_000, authorization="Bearer sk_wrong")).status_code == 401


async def test_content_types_and_encodings(database_url: str) -> None:
    async with make_api(database_url) as api:
        body = json.dumps(MERCHANT).encode()
        for kind in ("", "text/plain", "application/graphql", "multipart/form-data; boundary=x", "application/jsonp"):
            assert check_refusal(await api.post(body, **{"content-type": kind}), 415) == "UNSUPPORTED_MEDIA_TYPE"
        zipped = await api.post(gzip.compress(body), **{"content-encoding": "gzip"})
        assert check_refusal(zipped, 415) == "UNSUPPORTED_MEDIA_TYPE"
        assert (await api.post(body, **{"content-type": "application/json; charset=UTF-8"})).status_code == 200


async def test_a_body_has_a_largest_size_however_it_is_sent(database_url: str) -> None:
    async with make_api(database_url) as api:
        padded = json.dumps({**MERCHANT, "variables": {"pad": "x" * 20_000}}).encode()
        assert check_refusal(await api.post(padded), 413) == "PAYLOAD_TOO_LARGE"

        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(padded), 1000):
                yield padded[start : start + 1000]

        headers = {"authorization": f"Bearer {api.secret}", "content-type": "application/json"}
        chunked = await api.client.post("/graphql", content=chunks(), headers=headers)
        assert check_refusal(chunked, 413) == "PAYLOAD_TOO_LARGE"


async def test_get_queries_in_development_only_and_never_mutations(database_url: str) -> None:
    headers: dict[str, str] = {}
    mutation = 'mutation { productCreate(input: { name: "x" }) { replayed } }'
    async with make_api(database_url) as api:
        headers["authorization"] = f"Bearer {api.secret}"
        query = {"query": "query($id: ID!) { product(id: $id) { id } }", "variables": '{"id":"x"}'}
        assert (await api.client.get("/graphql", params=query, headers=headers)).json() == {
            "data": {"product": None},
            "extensions": {"cost": {"requested": 102}},
        }
        refused = await api.client.get("/graphql", params={"query": mutation}, headers=headers)
        assert check_refusal(refused, 405) == "BAD_REQUEST"
        bad: list[dict[str, str]] = [{}, {"query": "{ a }\0"}, {**query, "variables": "{"}, {**query, "variables": "5"}]
        for parameters in bad:
            answer = await api.client.get("/graphql", params=parameters, headers={**headers, "accept": "text/html"})
            assert check_refusal(answer, 400) == "BAD_REQUEST"
        put = await api.client.put("/graphql", json=MERCHANT, headers=headers)
        assert put.status_code == 405
    async with make_api(database_url, Profile.PRODUCTION) as api:
        headers["authorization"] = f"Bearer {api.secret}"
        refused = await api.client.get("/graphql", params=MERCHANT, headers=headers)
        assert check_refusal(refused, 405) == "METHOD_NOT_ALLOWED"
        assert refused.headers["allow"] == "POST"


async def test_production_hides_the_schema(database_url: str) -> None:
    query = "{ __schema { queryType { name } } }"
    async with make_api(database_url, Profile.PRODUCTION) as api:
        assert await api.code(query) == "GRAPHQL_VALIDATION_FAILED"
        assert await api.gql("{ __typename }") == {"__typename": "Query"}
    async with make_api(database_url) as api:
        await api.gql(query)


async def test_the_status_follows_the_type_of_the_answer(database_url: str) -> None:
    async with make_api(database_url) as api:
        invalid = {"query": "{ nothing }"}
        for accept, kind, status in (
            ("", "application/json", 200),
            ("*/*", "application/json", 200),
            ("application/json", "application/json", 200),
            (RESPONSE_JSON, RESPONSE_JSON, 400),
            (f"application/json;q=0.5, {RESPONSE_JSON}", RESPONSE_JSON, 400),
            (f"{RESPONSE_JSON};q=0.1, application/json", "application/json", 200),
            ("text/html", "application/json", 200),
        ):
            response = await api.post(invalid, accept=accept)
            assert (response.headers["content-type"].split(";")[0], response.status_code) == (kind, status)
            assert "data" not in response.json()
        partial = await api.post(
            {"query": "{ merchant { name } products(first: -1) { totalCount } }"}, accept=RESPONSE_JSON
        )
        assert partial.status_code == 200
        assert partial.json()["data"] is None
        assert partial.json()["errors"][0]["path"] == ["products"]


async def test_websockets_are_refused_before_they_are_accepted(database_url: str) -> None:
    async with make_api(database_url) as api:
        sent: list[MutableMapping[str, Any]] = []
        incoming: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        incoming.put_nowait({"type": "websocket.connect"})

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        scope = {"type": "websocket", "path": "/graphql", "headers": [], "query_string": b"", "subprotocols": []}
        view = GraphQLView(schema, api.sessions, api.clock, Settings(), EnvironmentKind.LIVE)
        await view(scope, incoming.get, send)
        assert [message["type"] for message in sent] == ["websocket.close"]


async def test_a_bug_shows_an_id_and_nothing_else(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with make_api(database_url) as api:

        def fail(*_: object) -> None:
            raise RuntimeError("secret detail")

        monkeypatch.setattr("app.schema.price_preview.preview_price", fail)
        arguments = 'model: { standard: { unitPrice: "1" } }, currency: "USD", quantity: "1"'
        response = await api.post({"query": f"{{ pricePreview({arguments}) {{ exactAmount }} }}"})
        [error] = response.json()["errors"]
        assert error["path"] == ["pricePreview"]
        assert (error["message"], error["extensions"]["code"]) == ("Internal error", "INTERNAL")
        assert "secret detail" not in response.text
        logged = capsys.readouterr().out
        assert error["extensions"]["id"] in logged
        assert "secret detail" in logged
