"""What a browser is told with every answer, whatever was asked where; and what a production profile does not tell."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.routing import Mount, Route

from app.main import Application, create_app
from app.metering.intake import Intake
from app.settings import Profile, Settings
from tests.support.api import found_merchant
from tests.support.rows import opened
from tests.support.world import JANUARY_31

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
EVENT = b'{"type":"call","source":"s","externalSubject":"acme","data":{"n":1}}'
PAGES = ("/graphiql/", "/invoices/x", "/sandbox/invoices/x")


def paths_of(app: Application) -> list[str]:
    """Return every address that the application has, one of each kind where there are many, and some it has not."""
    paths = [*app.quick]
    for route in app.router.routes:
        assert isinstance(route, Route | Mount)
        paths.append(route.path.replace("{token:path}", "x"))
    return sorted({*paths, "/graphiql/", "/graphiql/index.html", "/graphiql/none.js", "/none", "/healthz/", "/sandbox"})


@asynccontextmanager
async def asking(database_url: str, profile: Profile) -> AsyncIterator[tuple[Application, httpx.AsyncClient]]:
    """Yield the application and a client with a key, on a database with a merchant."""
    async with opened(database_url) as sessions:
        secret = await found_merchant(sessions, JANUARY_31)
    app = create_app(Settings(database_url=database_url, profile=profile, background_work=False))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}
    async with (
        app.router.router.lifespan_context(app.router),
        httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client,
    ):
        yield app, client


def check_headers(answer: httpx.Response) -> None:
    said = f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.headers}"
    assert answer.headers.get("x-content-type-options") == "nosniff", said
    assert answer.headers.get("referrer-policy") == "no-referrer", said
    policy = dict(part.split(" ", 1) for part in answer.headers.get("content-security-policy", "").split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'", said
    is_page = answer.headers.get("content-type", "").startswith("text/html")
    path = answer.request.url.path
    assert not is_page or path.startswith(PAGES), said
    assert (set(policy) == {"default-src", "frame-ancestors"}) == (not path.startswith(PAGES) or not is_page), said
    if not path.startswith("/graphiql/") or answer.is_error:
        assert "no-store" in answer.headers.get("cache-control", ""), said
    assert "set-cookie" not in answer.headers, said


@pytest.mark.parametrize("profile", Profile)
async def test_every_answer_has_them(database_url: str, profile: Profile) -> None:
    statuses = set()
    async with asking(database_url, profile) as (app, client):
        for path in paths_of(app):
            for method in METHODS:
                for headers in ({}, {"authorization": ""}, {"content-encoding": "gzip"}, {"content-type": "text/html"}):
                    for body in (b"", EVENT, b'{"query":"{ merchant { name } }"}'):
                        answer = await client.request(method, path, content=body, headers=headers)
                        check_headers(answer)
                        assert answer.status_code < 500, f"{method} {path}"
                        statuses.add(answer.status_code)
    assert statuses >= {200, 202, 400, 401, 404, 405, 415}
    assert (307 in statuses) == (profile is Profile.DEVELOPMENT)


@pytest.mark.parametrize("profile", Profile)
async def test_also_what_goes_wrong(database_url: str, profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_intake: Intake) -> float:
        raise ValueError("canary")

    monkeypatch.setattr(Intake, "lag", broken)
    async with asking(database_url, profile) as (_, client):
        for path in ("/readyz", "/metrics"):
            answer = await client.get(path)
            check_headers(answer)
            assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
            assert "canary" not in answer.text


@pytest.mark.parametrize("profile", Profile)
async def test_no_path_speaks_by_websocket(database_url: str, profile: Profile) -> None:
    async with asking(database_url, profile) as (app, _):
        for path in paths_of(app):
            sent: list[MutableMapping[str, Any]] = []
            incoming: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
            incoming.put_nowait({"type": "websocket.connect"})

            async def send(message: MutableMapping[str, Any], sent: list[Any] = sent) -> None:
                sent.append(message)

            scope = {"type": "websocket", "path": path, "headers": [], "query_string": b"", "subprotocols": []}
            await app(scope, incoming.get, send)
            assert [message["type"] for message in sent] == ["websocket.close"], path


COMPRESSED = ("gzip", "deflate", "br", "zstd", "identity, gzip", "x-gzip")
TAKES_BODIES = ("/graphql", "/v0/events", "/v0/events/batch", "/v0/entitlements/consume")


@pytest.mark.parametrize("prefix", ["", "/sandbox"])
@pytest.mark.parametrize("path", TAKES_BODIES)
async def test_no_path_takes_compressed_or_other_bodies(database_url: str, prefix: str, path: str) -> None:
    async with asking(database_url, Profile.PRODUCTION) as (_, client):
        for refused in (
            *({"content-encoding": coding} for coding in COMPRESSED),
            *({"content-type": kind} for kind in ("", "text/plain", "application/x-www-form-urlencoded")),
            *(
                {"content-type": kind}
                for kind in ("multipart/form-data; boundary=x", "application/json; charset=utf-7")
            ),
        ):
            answer = await client.post(prefix + path, content=EVENT, headers=refused)
            assert answer.status_code == 415, refused
            check_headers(answer)


@pytest.mark.parametrize("path", TAKES_BODIES)
async def test_every_body_is_counted_while_it_comes(database_url: str, path: str) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            yield b" " * 65_536
            read += 65_536
            assert read < 16 * 1024 * 1024

    async with asking(database_url, Profile.PRODUCTION) as (_, client):
        answer = await client.post(path, content=endless())
        assert answer.status_code == 413
        check_headers(answer)


async def test_a_production_profile_shows_neither_the_schema_nor_what_is_near_it(database_url: str) -> None:
    async with asking(database_url, Profile.PRODUCTION) as (_, client):
        for prefix in ("", "/sandbox"):
            for document in ("{ __schema { types { name } } }", '{ __type(name: "Query") { name } }'):
                errors = (await client.post(f"{prefix}/graphql", json={"query": document})).json()["errors"]
                assert {error["extensions"]["code"] for error in errors} == {"GRAPHQL_VALIDATION_FAILED"}
            for document in (
                "{ merchan { name } }",
                "{ merchant { nam } }",
                "{ products(frst: 1) { totalCount } }",
                'mutation { productCreate(input: { nam: "x" }) { replayed } }',
                "query($a: Produc) { __typename }",
                "{ products { ... on Produc { id } } }",
                "{ products(orderBy: { field: NAM }) { totalCount } }",
                "{ merchant { name @skp(if: true) } }",
                "query($input: ProductCreateInput!) { __typename }",
            ):
                answer = await client.post(f"{prefix}/graphql", json={"query": document, "variables": {"input": {}}})
                assert "Did you mean" not in answer.text, document
                assert "data" not in answer.json(), document
            got = await client.get(f"{prefix}/graphql", params={"query": "{ __typename }"})
            assert (got.status_code, got.headers["allow"]) == (405, "POST")
        for path in ("/", "/graphiql", "/graphiql/", "/graphiql/index.html", "/docs", "/openapi.json"):
            assert (await client.get(path)).status_code == 404, path
