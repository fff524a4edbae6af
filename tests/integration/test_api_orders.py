"""Orders: pages under every order of every noun, in both directions, and cursors that work under their own only."""

from typing import Any

import pytest

from app.loaders.identity import place_name
from app.models import table_of
from tests.support.api import Api, make_api
from tests.support.crowd import fill
from tests.support.lists import LISTS, List

STEP = 7
# What no two rows of the crowd have in common.
UNIQUE = {"key", "external_id", "number", "event_type"}


def standing(row: Any, column: str) -> tuple[bool, Any, str]:
    """What Python sorts a row by: nulls last, text by its bytes, then the id."""
    value = getattr(row, column)
    if value is None:
        return True, 0, getattr(row, place_name(type(row)))
    return False, value.encode() if isinstance(value, str) else value, getattr(row, place_name(type(row)))


async def forwards(api: Api, listed: List, **arguments: Any) -> list[str]:
    """All ids of a list, read from the start to the end."""
    ids: list[str] = []
    cursor, more = None, True
    while more:
        page = await listed.page(api, first=STEP, after=cursor, **arguments)
        assert page["pageInfo"]["hasPreviousPage"] is (cursor is not None)
        ids += [node["id"] for node in page["nodes"]]
        cursor, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert page["totalCount"] == len(ids)
    return ids


async def backwards(api: Api, listed: List, **arguments: Any) -> list[str]:
    """All ids of a list, read from the end to the start."""
    ids: list[str] = []
    cursor, more = None, True
    while more:
        page = await listed.page(api, last=STEP, before=cursor, **arguments)
        assert page["pageInfo"]["hasNextPage"] is (cursor is not None)
        ids = [node["id"] for node in page["nodes"]] + ids
        cursor, more = page["pageInfo"]["startCursor"], page["pageInfo"]["hasPreviousPage"]
    return ids


@pytest.mark.parametrize("listed", LISTS, ids=lambda listed: listed.root)
async def test_every_order_pages_as_python_sorts(database_url: str, listed: List) -> None:
    async with make_api(database_url) as api:
        await fill(api)
        rows = await api.rows(listed.model)
        assert len(rows) >= 50
        for name, column in listed.orders.items():
            values = [getattr(row, column) for row in rows]
            assert column in UNIQUE or len(set(values)) < len(values)
            assert not table_of(listed.model).c[column].nullable or None in values
            expected = [row.id for row in sorted(rows, key=lambda row: standing(row, column))]
            for direction, ids in (("ASC", expected), ("DESC", expected[::-1])):
                order = {"field": name, "direction": direction}
                assert await forwards(api, listed, orderBy=order) == ids, order
                assert await backwards(api, listed, orderBy=order) == ids, order


async def test_an_order_pages_what_a_filter_lets_through(database_url: str) -> None:
    async with make_api(database_url) as api:
        await fill(api)
        [listed] = [listed for listed in LISTS if listed.noun == "Customer"]
        rows = [row for row in await api.rows(listed.model) if row.test_clock_id is not None]
        assert 0 < len(rows) < 50
        for name, column in listed.orders.items():
            expected = [row.id for row in sorted(rows, key=lambda row: standing(row, column))]
            order = {"field": name}
            assert await forwards(api, listed, orderBy=order, filter={"onTestClock": True}) == expected
            assert await backwards(api, listed, orderBy=order, filter={"onTestClock": True}) == expected


async def test_a_nested_list_is_ordered_for_each_parent(database_url: str) -> None:
    async with make_api(database_url) as api:
        for product in "xy":
            made = await api.make("productCreate", name=product)
            for name in ("b", "a", "B", "c", "a"):
                await api.make("feeCreate", productId=made, name=name)
        query = """query($after: String, $first: Int, $last: Int, $before: String) { products { nodes {
          fees(orderBy: { field: NAME, direction: DESC }, first: $first, after: $after, last: $last, before: $before)
          { nodes { name } pageInfo { startCursor endCursor } } } } }"""

        async def pages(**arguments: Any) -> list[Any]:
            return [node["fees"] for node in (await api.gql(query, **arguments))["products"]["nodes"]]

        first = await pages(first=2)
        assert [[fee["name"] for fee in page["nodes"]] for page in first] == [["c", "b"]] * 2
        # The end of the second product's page lies beyond the b of the first one too, whose id is smaller.
        second = await pages(first=2, after=first[1]["pageInfo"]["endCursor"])
        assert [[fee["name"] for fee in page["nodes"]] for page in second] == [["b", "a"], ["a", "a"]]
        last = await pages(last=2)
        assert [[fee["name"] for fee in page["nodes"]] for page in last] == [["a", "B"]] * 2
        before = await pages(last=1, before=last[0]["pageInfo"]["startCursor"])
        assert [[fee["name"] for fee in page["nodes"]] for page in before] == [["a"], ["a"]]


BY_NAME = """query($after: String) { products(first: 2, after: $after, orderBy: { field: NAME }) {
  nodes { name } pageInfo { endCursor } } }"""


async def test_pages_stay_what_they_are_while_rows_come_and_are_renamed(database_url: str) -> None:
    async with make_api(database_url) as api:
        products = {name: await api.make("productCreate", name=name) for name in "abcde"}
        found = (await api.gql(BY_NAME))["products"]
        assert [node["name"] for node in found["nodes"]] == ["a", "b"]
        await api.make("productCreate", name="aa")
        await api.make("productCreate", name="bb")
        await api.mutate("productUpdate", "product { id }", id=products["b"], name="z")
        await api.mutate("productUpdate", "product { id }", id=products["a"], name="a2")
        found = (await api.gql(BY_NAME, after=found["pageInfo"]["endCursor"]))["products"]
        assert [node["name"] for node in found["nodes"]] == ["bb", "c"]


async def test_a_cursor_works_under_its_own_order_only(database_url: str) -> None:
    async with make_api(database_url) as api:
        await fill(api)
        [listed] = [listed for listed in LISTS if listed.noun == "Product"]
        orders = [None] + [
            {"field": name, "direction": direction} for name in listed.orders for direction in ("ASC", "DESC")
        ]
        cursors = [(await listed.page(api, first=3, orderBy=order))["pageInfo"]["endCursor"] for order in orders]
        query = """query($after: String, $orderBy: ProductOrder) {
          products(after: $after, orderBy: $orderBy) { totalCount nodes { id } } }"""
        for own, cursor in enumerate(cursors):
            for other, order in enumerate(orders):
                answer = await api.answer(query, after=cursor, orderBy=order)
                if own == other:
                    assert len(answer["data"]["products"]["nodes"]) == 20
                else:
                    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_CURSOR"]
                    assert answer["data"] is None


async def test_what_is_no_order_is_refused(database_url: str) -> None:
    async with make_api(database_url) as api:
        query = "query($orderBy: ProductOrder) { products(orderBy: $orderBy) { totalCount } }"
        wrong: list[Any] = [
            {"field": "COLOUR"},
            {"field": "name"},
            {"field": None},
            {"direction": "ASC"},
            {"field": "NAME", "direction": "DOWN"},
            {"field": "NAME", "direction": None},
            {"field": "created_at; DROP TABLE product"},
            "NAME",
        ]
        for order in wrong:
            assert await api.code(query, orderBy=order) == "BAD_INPUT", order
        literal = "{ products(orderBy: { field: COLOUR }) { totalCount } }"
        assert await api.code(literal) == "GRAPHQL_VALIDATION_FAILED"
