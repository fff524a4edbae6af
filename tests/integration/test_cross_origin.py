"""Browsers: which pages may ask GraphQL, and what they are told where they may not."""

import httpx
import pytest

from app.models import EnvironmentKind
from tests.support.api import Api, make_api

APP, OTHER = "https://app.example.com", "http://localhost:3000"
ALLOWED = frozenset({APP, OTHER})
HEADERS = ("Accept", "Accept-Language", "Authorization", "Content-Language", "Content-Type")
QUERY = {"query": "{ __typename }"}
ASKING = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
STRANGERS = (
    "https://evil.example",
    "https://app.example.com.evil.example",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://APP.example.com",
    "https://app.example.com/",
    "null",
    "*",
    "",
    f"{APP}, {OTHER}",
)
PATHS = tuple(f"{kind.path_prefix}/graphql" for kind in EnvironmentKind)


def cors(answer: httpx.Response) -> dict[str, str]:
    return {name: text for name, text in answer.headers.items() if name.startswith("access-control-")}


async def preflight(api: Api, origin: str, path: str = "/graphql", **headers: str) -> httpx.Response:
    return await api.client.options(path, headers={**ASKING, "origin": origin, **headers})


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_of_an_allowed_origin_may_ask(database_url: str, path: str) -> None:
    async with make_api(database_url, allowed_origins=ALLOWED) as api:
        for origin in ALLOWED:
            asked = await preflight(api, origin, path)
            assert asked.status_code == 200
            assert cors(asked) == {
                "access-control-allow-origin": origin,
                "access-control-allow-methods": "POST",
                "access-control-allow-headers": ", ".join(HEADERS),
                "access-control-max-age": "600",
            }
            assert "Origin" in asked.headers["vary"]
            api.path = path
            answer = await api.post(QUERY, origin=origin)
            assert answer.json()["data"] == {"__typename": "Query"}
            assert cors(answer) == {
                "access-control-allow-origin": origin, "access-control-expose-headers": "Retry-After"
            }  # fmt: skip
            assert answer.headers["vary"] == "Origin"


async def test_what_is_wrong_can_be_read_by_an_allowed_page(database_url: str) -> None:
    async with make_api(database_url, allowed_origins=ALLOWED) as api:
        expired = await api.post(QUERY, origin=APP, authorization="Bearer ct_x")
        refused = await api.post({"query": "{ nothing }"}, origin=APP)
        huge = await api.post({"query": "#" * 30_000}, origin=APP)
        assert [answer.status_code for answer in (expired, refused, huge)] == [401, 200, 413]
        assert [answer.headers["access-control-allow-origin"] for answer in (expired, refused, huge)] == [APP] * 3


@pytest.mark.parametrize("origin", STRANGERS)
async def test_a_page_of_another_origin_is_told_nothing(database_url: str, origin: str) -> None:
    async with make_api(database_url, allowed_origins=ALLOWED) as api:
        asked, answer = await preflight(api, origin), await api.post(QUERY, origin=origin)
        assert asked.status_code == 400
        for got in (asked, answer):
            assert "access-control-allow-origin" not in cors(got)
            assert "access-control-allow-credentials" not in cors(got)
            assert "Origin" in got.headers["vary"]


async def test_more_than_a_bearer_token_and_json_is_not_asked_for(database_url: str) -> None:
    async with make_api(database_url, allowed_origins=ALLOWED) as api:
        for asked in (
            {"access-control-request-method": "GET"},
            {"access-control-request-method": "DELETE"},
            {"access-control-request-headers": "x-anything"},
            {"access-control-request-private-network": "true"},
        ):
            assert (await preflight(api, APP, **asked)).status_code == 400


async def test_no_origin_is_allowed_unless_it_is_said(database_url: str) -> None:
    async with make_api(database_url) as api:
        asked, answer = await preflight(api, APP), await api.post(QUERY, origin=APP)
        assert asked.status_code == 405
        for got in (asked, answer):
            assert cors(got) == {}
            assert "vary" not in got.headers


async def test_only_graphql_is_for_pages_of_other_origins(database_url: str) -> None:
    async with make_api(database_url, allowed_origins=ALLOWED) as api:
        key = {"authorization": f"Bearer {api.secret}", "origin": APP}
        check = await api.client.get("/v0/entitlements/check?customerId=x&featureKey=y", headers=key)
        consume = await api.client.post("/v0/entitlements/consume", json={}, headers=key)
        assert cors(check) == cors(consume) == {}
        for path in ("/v0/entitlements/check", "/v0/entitlements/consume"):
            assert cors(await preflight(api, APP, path)) == {}


async def test_a_cookie_is_no_key(database_url: str) -> None:
    async with make_api(database_url, allowed_origins=ALLOWED) as api:
        headers = {"origin": APP, "cookie": f"authorization=Bearer {api.secret}; key={api.secret}"}
        answer = await api.client.post("/graphql", json=QUERY, headers=headers)
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
