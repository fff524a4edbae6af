"""Connections: pages by key in both directions, and cursors that work where they were made."""

from typing import Any

import pytest

from app.billing.access import Scope
from tests.support.api import Api, make_api

PAGE = "nodes { name } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount"
QUERY = (
    "query($first: Int, $after: String, $last: Int, $before: String) {"
    f" products(first: $first, after: $after, last: $last, before: $before) {{ {PAGE} }} }}"
)


async def page(api: Api, **arguments: Any) -> tuple[list[str], bool, bool, str | None, str | None]:
    found = (await api.gql(QUERY, **arguments))["products"]
    assert found["totalCount"] == 7
    info = found["pageInfo"]
    names = [node["name"] for node in found["nodes"]]
    return names, info["hasPreviousPage"], info["hasNextPage"], info["startCursor"], info["endCursor"]


async def seven(api: Api) -> None:
    for number in range(7):
        await api.make("productCreate", name=str(number))


async def test_pages_forwards_and_backwards(database_url: str) -> None:
    async with make_api(database_url) as api:
        await seven(api)
        names, previous, following, _, end = await page(api, first=3)
        assert (names, previous, following) == (["0", "1", "2"], False, True)
        names, previous, following, start, end = await page(api, first=3, after=end)
        assert (names, previous, following) == (["3", "4", "5"], True, True)
        back, previous, following, *_ = await page(api, last=2, before=start)
        assert (back, previous, following) == (["1", "2"], True, True)
        names, previous, following, *_ = await page(api, first=3, after=end)
        assert (names, previous, following) == (["6"], True, False)
        names, previous, following, start, _ = await page(api, last=4)
        assert (names, previous, following) == (["3", "4", "5", "6"], True, False)
        names, previous, following, *_ = await page(api, last=4, before=start)
        assert (names, previous, following) == (["0", "1", "2"], False, True)
        assert await page(api, first=0) == ([], False, True, None, None)
        assert (await page(api))[0] == [str(number) for number in range(7)]


async def test_a_page_between_two_cursors(database_url: str) -> None:
    async with make_api(database_url) as api:
        await seven(api)
        edges = (await api.gql("{ products { edges { cursor node { name } } } }"))["products"]["edges"]
        assert [edge["node"]["name"] for edge in edges] == [str(number) for number in range(7)]
        after, before = edges[1]["cursor"], edges[5]["cursor"]
        assert (await page(api, after=after, before=before))[0] == ["2", "3", "4"]
        assert (await page(api, last=2, after=after, before=before))[0] == ["3", "4"]


async def test_a_nested_connection_pages_for_each_parent(database_url: str) -> None:
    async with make_api(database_url) as api:
        for number in range(3):
            product = await api.make("productCreate", name=str(number))
            for letter in "abc":
                await api.make("feeCreate", productId=product, name=f"{number}{letter}")
        query = (
            "query($after: String) { products { nodes { fees(%s) { totalCount nodes { name } edges { cursor } } } } }"
        )
        data = await api.gql(query % "first: 2, after: $after")
        fees = [node["fees"] for node in data["products"]["nodes"]]
        assert [[fee["name"] for fee in found["nodes"]] for found in fees] == [["0a", "0b"], ["1a", "1b"], ["2a", "2b"]]
        assert [found["totalCount"] for found in fees] == [3, 3, 3]
        data = await api.gql(query % "last: 1, after: $after", after=fees[1]["edges"][0]["cursor"])
        names = [[fee["name"] for fee in node["fees"]["nodes"]] for node in data["products"]["nodes"]]
        assert names == [[], ["1c"], ["2c"]]


async def test_a_cursor_of_elsewhere_is_refused(database_url: str) -> None:
    async with make_api(database_url) as api:
        await seven(api)
        _, _, _, _, cursor = await page(api, first=1)
        assert cursor is not None
        for forged in ("", "x", cursor[:-2], cursor + "A", cursor.swapcase(), "é", "eA==", cursor.rstrip("=") + "%"):
            assert await api.code(QUERY, first=1, after=forged) == "BAD_CURSOR"
        query = "query($after: String) { fees(after: $after) { totalCount } }"
        assert await api.code(query, after=cursor) == "BAD_CURSOR"
        assert await api.in_sandbox().code(QUERY, first=1, after=cursor) == "BAD_CURSOR"


@pytest.mark.parametrize(
    "arguments", [{"first": -1}, {"first": 101}, {"last": -1}, {"last": 101}, {"first": 1, "last": 1}]
)
async def test_a_page_that_makes_no_sense_is_refused(database_url: str, arguments: dict[str, int]) -> None:
    async with make_api(database_url) as api:
        assert await api.code(QUERY, **arguments) == "BAD_PAGE"


async def test_node_and_nodes_find_what_exists_and_may_be_read(database_url: str) -> None:
    async with make_api(database_url) as api:
        product = await api.make("productCreate", name="Engine")
        customer = await api.make("customerCreate", name="Acme")
        query = """query($ids: [ID!]!, $id: ID!) {
          nodes(ids: $ids) { __typename id } node(id: $id) { ... on Product { name } } }"""
        absent = [
            "prod_00000000000000000000000000",
            "bm" + product[4:],
            "",
            "x",
            "Product:1",
            "aud_" + product[5:],
            "é",
        ]
        data = await api.gql(query, ids=[customer, product, *absent, product], id=product)
        found = {"__typename": "Product", "id": product}
        assert data["nodes"] == [{"__typename": "Customer", "id": customer}, found, *[None] * len(absent), found]
        assert data["node"] == {"name": "Engine"}
        elsewhere = await api.in_sandbox().gql(query, ids=[customer, product], id=product)
        assert elsewhere == {"nodes": [None, None], "node": None}
        narrow = await api.with_scopes(Scope.CATALOG_READ)
        data = await narrow.gql("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[customer, product])
        assert data == {"nodes": [None, {"id": product}]}


async def test_too_many_ids_are_refused(database_url: str) -> None:
    async with make_api(database_url) as api:
        assert await api.code("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["x"] * 101) == "BAD_INPUT"
