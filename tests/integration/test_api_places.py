"""What can't be read, and cursors of elsewhere: the refusal says where it stands."""

import json
from typing import Any

import httpx
import pytest

from app import strict_json
from app.api.graphql_view import MAX_PLACE
from tests.support.api import Api, make_api

MANY = "9" * 101
CREATE = """mutation($input: ProductCreateInput!) {
  productCreate(input: $input) { product { id } userErrors { message } }
}"""
COUNT = "{ products { totalCount } }"


async def get(api: Api, **parameters: str) -> httpx.Response:
    """Ask by the address, as development allows."""
    headers = {"authorization": f"Bearer {api.secret}"}
    return await api.client.get("/graphql", params=parameters, headers=headers)


@pytest.mark.parametrize(
    ("document", "code", "line", "column"),
    [
        ('{ product(id: "\\u0000") { id } }', "BAD_TEXT", 1, 15),
        ('{\n  a: product(id: "x") { id }\n  b: product(id: "\\u0000") { id }\n}', "BAD_TEXT", 3, 18),
        ('query($id: ID! = "\\u0000") { product(id: $id) { id } }', "BAD_TEXT", 1, 18),
        (f"{{ products(first: {MANY}) {{ totalCount }} }}", "BAD_NUMBER", 1, 19),
        ("{ products(\n  first: 1e999) { totalCount } }", "BAD_NUMBER", 2, 10),
        (
            'mutation { productCreate(input: {\n  name: "x"\n  metadata: { a: ["", "bad \\u0000"] }\n}) { replayed } }',
            "BAD_TEXT",
            3,
            23,
        ),
        # Of several, the first.
        (f'{{ product(id: "\\u0000") {{ id }} products(first: {MANY}) {{ totalCount }} }}', "BAD_TEXT", 1, 15),
        (f'{{ products(first: {MANY}) {{ totalCount }} product(id: "\\u0000") {{ id }} }}', "BAD_NUMBER", 1, 19),
    ],
)
async def test_a_literal_that_can_not_be_read_is_located(
    database_url: str, document: str, code: str, line: int, column: int
) -> None:
    async with make_api(database_url) as api:
        for _ in range(2):  # the second time the document is known
            [error] = (await api.answer(document))["errors"]
            assert error["extensions"] == {"code": code}
            assert error["locations"] == [{"line": line, "column": column}]


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ('{"input": {"name": "\\u0000"}}', "$input.name"),
        ('{"input": {"name": "\\ud800"}}', "$input.name"),
        (f'{{"input": {{"name": {MANY}}}}}', "$input.name"),
        ('{"input": {"metadata": {"a": 1e101}}}', "$input.metadata.a"),
        ('{"input": {"metadata": {"a": ["x", {"b": NaN}]}}}', "$input.metadata.a[1].b"),
        ('{"input": {"metadata": {"\\u0000": 1}}}', "$input.metadata"),
        ('{"\\u0000": 1}', "variables"),
        ('{"input": "\\u0000", "input": {"name": "x"}}', "$input"),
        ('{"' + "x" * 300 + '": "\\u0000"}', "$" + "x" * (MAX_PLACE - 1) + "…"),
    ],
)
async def test_a_variable_that_can_not_be_read_is_named(database_url: str, variables: str, place: str) -> None:
    async with make_api(database_url) as api:
        body = f'{{"query": {json.dumps(CREATE)}, "variables": {variables}}}'
        for answer in (await api.post(body.encode()), await get(api, query=CREATE, variables=variables)):
            [error] = answer.json()["errors"]
            assert (answer.status_code, error["extensions"]) == (400, {"code": "BAD_REQUEST"})
            assert error["message"].startswith("The request can't be read: ")
            assert error["message"].endswith(f" at `{place}`.")
        assert await api.gql(COUNT) == {"products": {"totalCount": 0}}


async def test_what_is_nested_too_deep_is_named(database_url: str) -> None:
    async with make_api(database_url) as api:
        deep = "[" * 40 + "]" * 40
        [error] = (await api.post(f'{{"query": "{COUNT}", "variables": {{"a": {deep}}}}}'.encode())).json()["errors"]
        said = f"The request can't be read: nested deeper than 32 levels at `$a{'[0]' * 30}`."
        assert error["message"] == said


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"query": "\0"}, " at `query`"),
        ({"query": COUNT, "operationName": "\0"}, " at `operationName`"),
        ({"query": COUNT, "extensions": {"a": ["\0"]}}, " at `extensions.a[0]`"),
        ({"query": COUNT, "\0": 1}, ""),
        ("\0", ""),
    ],
)
async def test_what_else_can_not_be_read_is_named_too(database_url: str, body: Any, place: str) -> None:
    async with make_api(database_url) as api:
        answers = [await api.post(json.dumps(body).encode())]
        if isinstance(body, dict):
            parameters = {
                name: json.dumps(text) if isinstance(text, dict) else str(text) for name, text in body.items()
            }
            answers.append(await get(api, **parameters))
        for answer in answers:
            [error] = answer.json()["errors"]
            assert (
                error["message"] == f"The request can't be read: text holds a NUL character or a lone surrogate{place}."
            )


@pytest.mark.parametrize("argument", ["after", "before"])
async def test_a_cursor_of_elsewhere_names_its_argument(database_url: str, argument: str) -> None:
    async with make_api(database_url) as api:
        query = f"query($c: String) {{\n  products {{ totalCount }}\n  fees({argument}: $c) {{ totalCount }}\n}}"
        [error] = (await api.answer(query, c="x"))["errors"]
        assert error["extensions"] == {"code": "BAD_CURSOR"}
        assert error["message"] == f"`{argument}` is not a cursor of this connection in this order."
        assert (error["path"], error["locations"]) == (["fees"], [{"line": 3, "column": 3}])


async def test_nothing_is_looked_for_where_all_can_be_read(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_json, "find_refused", None)
    async with make_api(database_url) as api:
        assert await api.gql(COUNT) == {"products": {"totalCount": 0}}
        assert (await get(api, query=COUNT, variables="{}")).status_code == 200
