"""Each code of a request that is not served, provoked once."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from app.billing.access import Scope
from app.billing.request_codes import RequestCode
from app.db import Sessions
from app.services import keys
from tests.support.api import Api
from tests.support.served import serve

Provoke = Callable[[Api, pytest.MonkeyPatch], Awaitable[httpx.Response]]
EVENT = {"type": "t", "source": "s", "subject": "c", "data": {}}


def asked(query: str, **variables: Any) -> Provoke:
    """GraphQL with a good key."""

    async def provoke(api: Api, _patch: pytest.MonkeyPatch) -> httpx.Response:
        return await api.post({"query": query, "variables": variables})

    return provoke


def told(body: bytes | dict[str, Any], path: str = "/v0/events", **headers: str) -> Provoke:
    """REST with a good key, unless there is another."""

    async def provoke(api: Api, _patch: pytest.MonkeyPatch) -> httpx.Response:
        sent = {"authorization": f"Bearer {api.secret}", "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        content: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await api.client.post(path, headers=sent, **content)

    return provoke


async def without_scope(api: Api, _patch: pytest.MonkeyPatch) -> httpx.Response:
    return await (await api.with_scopes(Scope.EVENTS_CREATE)).post({"query": "{ products { totalCount } }"})


async def often(api: Api, patch: pytest.MonkeyPatch) -> httpx.Response:
    for _ in range(3):
        answer = await told(EVENT)(api, patch)
    return answer


async def away(api: Api, patch: pytest.MonkeyPatch) -> httpx.Response:
    """The key is known, and then the database is gone."""

    def gone(*_args: Any) -> Any:
        raise OperationalError("SELECT secret", {}, ConnectionRefusedError("10.0.0.1"))

    patch.setattr(keys, "check_secret", gone)
    return await api.post({"query": "{ merchant { id } }"})


async def broken(api: Api, patch: pytest.MonkeyPatch) -> httpx.Response:
    def fail(*_args: Any) -> Any:
        raise KeyError("secret of ours")

    patch.setattr(Sessions, "acting_as", fail)
    return await api.post({"query": "{ merchant { id } }"})


PROVOKED: dict[RequestCode, tuple[int, Provoke]] = {
    RequestCode.UNAUTHENTICATED: (401, told({"query": "{ merchant { id } }"}, "/graphql", authorization="Bearer sk_x")),
    RequestCode.UNAUTHORIZED: (401, told(EVENT, authorization="Bearer sk_x")),
    RequestCode.FORBIDDEN: (200, without_scope),
    RequestCode.FOREIGN_NAMESPACE: (403, told({**EVENT, "namespace": "org_x"})),
    RequestCode.METHOD_NOT_ALLOWED: (405, lambda api, _patch: api.client.put("/v0/events")),
    RequestCode.UNSUPPORTED_MEDIA_TYPE: (415, told(EVENT, content_type="text/plain")),
    RequestCode.PAYLOAD_TOO_LARGE: (413, told(b" " * 70_000)),
    RequestCode.BAD_REQUEST: (400, told(b"5", "/graphql")),
    RequestCode.MALFORMED_JSON: (400, told(b"{")),
    RequestCode.VALIDATION_ERROR: (400, told({**EVENT, "type": ""})),
    RequestCode.GRAPHQL_PARSE_FAILED: (200, asked("{ merchant { id }")),
    RequestCode.GRAPHQL_VALIDATION_FAILED: (200, asked("{ merchants { id } }")),
    RequestCode.QUERY_TOO_COMPLEX: (200, asked(f"{{ {'__typename ' * 300} }}")),
    RequestCode.QUERY_TOO_COSTLY: (
        200,
        asked(
            "{ customers(first: 100) { nodes { subscriptions(first: 100) { nodes {"
            " invoices(first: 100) { nodes { id } } } } } } }"
        ),
    ),
    RequestCode.BAD_TEXT: (200, asked('{ product(id: "\\u0000") { id } }')),
    RequestCode.BAD_NUMBER: (200, asked(f"{{ products(first: {'9' * 200}) {{ totalCount }} }}")),
    RequestCode.BAD_INPUT: (200, asked("query($n: Int) { products(first: $n) { totalCount } }", n="many")),
    RequestCode.BAD_PAGE: (200, asked("{ products(first: 101) { totalCount } }")),
    RequestCode.BAD_CURSOR: (200, asked('{ products(after: "x") { totalCount } }')),
    RequestCode.RATE_LIMITED: (429, often),
    RequestCode.UNAVAILABLE: (503, away),
    RequestCode.INTERNAL: (500, broken),
}


def code_of(answer: httpx.Response) -> str:
    body = answer.json()
    return str(body["errors"][0]["extensions"]["code"] if "errors" in body and "code" not in body else body["code"])


@pytest.mark.parametrize("code", RequestCode)
async def test_each_code_is_answered_where_it_says(
    database_url: str, code: RequestCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, provoke = PROVOKED[code]
    async with serve(database_url, events_per_second=2) as api:
        answer = await provoke(api, monkeypatch)
        monkeypatch.undo()
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert not {"secret", "10.0.0.1", "KeyError"} & set(answer.text.replace('"', " ").split())
