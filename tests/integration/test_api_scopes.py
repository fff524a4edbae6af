"""Scopes: every field has one, and a key without it gets nothing of the operation."""

import pytest
from graphql import GraphQLEnumType, GraphQLInterfaceType, GraphQLObjectType, is_introspection_type

from app import models
from app.billing.access import Scope
from app.graphql import schema
from app.schema.access import access_of
from app.schema.declarations import ANY_KEY
from tests.support.api import make_api

# Whatever key may read these: nothing here is a merchant's secret, or what is under them has a scope of its own.
OPEN_ROOTS = {"merchant", "node", "nodes", "testClock", "testClocks"}


def test_every_field_declares_who_may_read_it() -> None:
    kinds = [kind for kind in schema._schema.type_map.values() if not is_introspection_type(kind)]
    fields = {
        f"{kind.name}.{name}": access_of(kind, field)
        for kind in kinds
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        for name, field in kind.fields.items()
    }
    assert len(fields) > 200
    assert [name for name, access in fields.items() if access is None] == []
    roots = {name for name, access in fields.items() if access is ANY_KEY and name.startswith(("Query.", "Mutation."))}
    assert roots == {f"Query.{name}" for name in OPEN_ROOTS}


def test_scopes_say_all_that_they_open() -> None:
    scopes = schema._schema.type_map["Scope"]
    assert isinstance(scopes, GraphQLEnumType)
    read, write = (str(scopes.values[name].description) for name in ("BILLING_READ", "BILLING_WRITE"))
    assert [word for word in ("subscriptions", "discounts", "credit", "invoices", "payments") if word not in read] == []
    assert [word for word in ("subscriptions", "discounts", "credit", "lines", "payments") if word not in write] == []


@pytest.mark.parametrize(
    ("query", "scope"),
    [
        ("{ products { nodes { id } } }", Scope.CATALOG_READ),
        ("{ products { totalCount } }", Scope.CATALOG_READ),
        ('{ node(id: "x") { ... on Product { id } } }', Scope.CATALOG_READ),
        ('{ customer(id: "x") { __typename } }', Scope.CUSTOMERS_READ),
        ("{ testClocks { nodes { customers { totalCount } } } }", Scope.CUSTOMERS_READ),
        ("{ invoices { totalCount } }", Scope.BILLING_READ),
        ('{ eventReceipt(eventId: "x") { status } }', Scope.BILLING_READ),
        ("{ apiKeys { nodes { name } } }", Scope.SETTINGS_WRITE),
        ("query { ...F } fragment F on Query { ...G } fragment G on Query { fees { totalCount } }", Scope.CATALOG_READ),
        ("query A { merchant { id } products { totalCount } }", Scope.CATALOG_READ),
    ],
)
async def test_a_key_without_the_scope_is_refused_and_one_with_it_served(
    database_url: str, query: str, scope: Scope
) -> None:
    async with make_api(database_url) as api:
        others = [other for other in Scope if other not in (scope, Scope.ALL)]
        answer = await (await api.with_scopes(*others)).answer(query)
        [error] = answer["errors"]
        assert "data" not in answer
        assert error["extensions"] == {"code": "FORBIDDEN"}
        assert scope.name in error["message"]
        await (await api.with_scopes(scope)).gql(query)


async def test_nothing_of_a_forbidden_operation_is_executed(database_url: str) -> None:
    async with make_api(database_url) as api:
        writer = await api.with_scopes(Scope.CATALOG_WRITE)
        make = 'mutation { productCreate(input: { name: "Engine" }) { userErrors { code } %s } }'
        assert await writer.code(make % "product { name }") == "FORBIDDEN"
        assert await api.rows(models.Product) == []
        await writer.gql(make % "")
        assert len(await api.rows(models.Product)) == 1
        reader = await api.with_scopes(Scope.CATALOG_READ)
        assert await reader.code(make % "product { name }") == "FORBIDDEN"
        assert len(await api.rows(models.Product)) == 1


async def test_only_the_operation_that_runs_is_looked_at(database_url: str) -> None:
    async with make_api(database_url) as api:
        narrow = await api.with_scopes(Scope.CATALOG_READ)
        query = "query A { fees { totalCount } } query B { customers { totalCount } }"
        answers = [(await narrow.post({"query": query, "operationName": name})).json() for name in ("A", "B")]
        assert answers[0]["data"] == {"fees": {"totalCount": 0}}
        assert answers[1]["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_key_may_know_its_merchant_and_the_schema(database_url: str) -> None:
    async with make_api(database_url) as api:
        narrow = await api.with_scopes(Scope.EVENTS_CREATE)
        data = await narrow.gql("{ merchant { name } __schema { queryType { name } } __typename }")
        assert data["merchant"] == {"name": "Example Inc."}


async def test_a_key_gives_no_scope_that_it_has_not(database_url: str) -> None:
    async with make_api(database_url) as api:
        settler = await api.with_scopes(Scope.SETTINGS_WRITE, Scope.CATALOG_READ)
        wanted = [Scope.CATALOG_READ.name, Scope.ALL.name, Scope.CUSTOMERS_READ.name]
        refused = await settler.mutate("apiKeyCreate", "secret", name="root", scopes=wanted)
        assert [error["field"] for error in refused["userErrors"]] == ["scopes.1", "scopes.2"]
        assert refused["secret"] is None
        assert (await settler.mutate("apiKeyCreate", "secret", name="mine", scopes=wanted[:1]))["secret"]


async def test_an_interface_opens_nothing_that_its_noun_keeps_closed(database_url: str) -> None:
    async with make_api(database_url) as api:
        biller = await api.with_scopes(Scope.BILLING_READ)
        for edge in ("customer", "plan", "product"):
            query = f"{{ subscriptions {{ nodes {{ {edge} {{ ... on Node {{ id }} }} }} }} }}"
            assert await biller.code(query) == "FORBIDDEN"
        assert await biller.gql("{ subscriptions { nodes { id status } } }") == {"subscriptions": {"nodes": []}}
