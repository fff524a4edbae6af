"""The matrix of every field and every scope: a key of one scope gets what that scope opens, and nothing else."""

from typing import Any

import httpx
import pytest
from graphql import GraphQLInterfaceType, GraphQLNamedType, GraphQLObjectType, get_named_type, parse, validate

from app.billing.access import Scope, allows
from app.graphql import schema
from app.schema.access import needed_access
from app.schema.declarations import AnyKey
from app.schema.documents import Document
from tests.support.api import Api
from tests.support.identifiers import TYPES
from tests.support.scopes import ANY, declared, paths, reviewed
from tests.support.served import dump, serve

SCOPES = list(Scope)
EVENT = {"type": "t", "source": "s", "subject": "c", "data": {}}


def opened(way: list[str], scope: Scope | None) -> bool:
    """Whether a key of one scope may read all fields of a way, by what the reviewed file says."""
    said = reviewed_once
    needed = {said[field] for field in way} | {leading_to(field) for field in way}
    return needed <= {ANY, *([scope.name] if scope is not None else [])} or scope is Scope.ALL


reviewed_once = reviewed()


def leading_to(field: str) -> str:
    """What is needed to be led somewhere, even where only the type is asked."""
    owner, _, name = field.partition(".")
    kind = TYPES[owner]
    assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
    target: GraphQLNamedType = get_named_type(kind.fields[name].type)
    return reviewed_once.get(target.name, ANY)


def test_every_field_is_as_open_as_was_reviewed() -> None:
    now, file = declared(), reviewed_once
    changed = {name: (file.get(name), now.get(name)) for name in now | file if file.get(name) != now.get(name)}
    assert changed == {}, "if this is meant: python -m tests.support.scopes"
    assert "none" not in now.values()


def test_the_matrix_of_every_field_and_every_scope() -> None:
    """Each field is asked for by a document of its own; the guard's look at it says what a key needs."""
    asked, size, wrong = set(), 0, []
    for text, way in paths():
        document = Document(text)
        assert validate(schema._schema, parse(text)) == [], text
        needed = needed_access(schema._schema, document, None)
        asked.add(way[-1])
        for scope in (None, *SCOPES):
            size += 1
            scopes = frozenset() if scope is None else frozenset({scope})
            allowed = all(isinstance(one, AnyKey) or (one is not None and allows(scopes, one)) for one in needed)
            if allowed is not opened(way, scope):
                wrong.append((text, scope, allowed))
    assert wrong == []
    assert {name for name in reviewed_once if "." in name} - asked == set()
    assert size == len(asked) * 13
    assert size > 10_000


async def keys(api: Api) -> dict[Scope, Api]:
    """A key of each scope alone."""
    return {scope: await api.with_scopes(scope) for scope in SCOPES}


async def test_every_root_field_and_mutation_serves_those_keys_that_it_says(database_url: str) -> None:
    size, wrong = 0, []
    async with serve(database_url) as api:
        mine = await keys(api)
        for text, way in paths():
            if len(way) > 1:
                continue
            before = await dump(api)
            # Who may not is asked first, and then nothing was done.
            for scope in sorted(SCOPES, key=lambda one: opened(way, one)):
                size += 1
                expected = opened(way, scope)
                if expected and before:
                    assert await dump(api) == before, text
                    before = {}
                answer = (await mine[scope].post({"query": text})).json()
                codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
                allowed = codes != ["FORBIDDEN"]
                if allowed is not expected or (not allowed and "data" in answer) or "INTERNAL" in codes:
                    wrong.append((text, scope, answer))
    assert wrong == []
    assert size > 1200


REST: dict[Scope, list[tuple[str, str, Any]]] = {
    Scope.EVENTS_CREATE: [("POST", "/v0/events", EVENT), ("POST", "/v0/events/batch", [EVENT])],
    Scope.ENTITLEMENTS_READ: [("GET", "/v0/entitlements/check?featureKey=f&customerId=c", None)],
    Scope.ENTITLEMENTS_WRITE: [
        ("POST", "/v0/entitlements/consume", {"featureKey": "f", "customerId": "c", "amount": 1})
    ],
}


@pytest.mark.parametrize("prefix", ["", "/sandbox"])
async def test_rest_serves_those_keys_that_it_says(database_url: str, prefix: str) -> None:
    async with serve(database_url) as api:
        mine = await keys(api)
        for needed, requests in REST.items():
            for method, path, body in requests:
                for scope, key in mine.items():
                    answer: httpx.Response = await api.client.request(
                        method, prefix + path, json=body, headers={"authorization": f"Bearer {key.secret}"}
                    )
                    is_open = scope in (needed, Scope.ALL)
                    assert (answer.status_code == 403) is not is_open, (path, scope, answer.text)
                    assert is_open or answer.json()["code"] == "FORBIDDEN"
