"""How answers are made quick, and that they are those of graphql-core nevertheless."""

import asyncio
import gc
import inspect
from typing import Any
from unittest.mock import Mock

import pytest
from graphql import GraphQLField, GraphQLObjectType, is_introspection_type, parse, validate
from sqlalchemy import update
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app import models
from app.billing.access import Scope
from app.graphql import schema
from app.models import table_of
from app.schema import shortcuts
from tests.support.api import Api, make_api
from tests.support.crowd import fill
from tests.support.edges import EDGES

PRICES = "prices { __typename id model { __typename ... on StandardPrice { unitPrice } } target { fee { id } } }"
NESTED = f"""query($few: Boolean! = true, $first: Int) {{
  subscriptions(first: $first) {{
    total: totalCount pageInfo {{ endCursor }} edges {{ cursor node {{ ...seen id }} }}
    nodes {{
      ...seen
      customer @skip(if: $few) {{ id testClock {{ now }} email }}
      plan {{ id defaultVersion {{ {PRICES} plan {{ name product {{ key }} }} }} }}
      invoices(first: 1) {{ nodes {{
        lines {{ price {{ id }} explanation {{ steps {{ output }} }} amount {{ amount }} }}
      }} }}
    }}
  }}
}}
fragment seen on Node {{
  id ... on Subscription {{ status usage {{ quantity billableMetric {{ name }} }} customer {{ name }} }}
}}"""
LINES = """{ invoices(first: 3) { nodes { id lines {
  amount { amount } explanation { steps { output } events(first: 1) { nodes { id } } } price { id }
} } } }"""
EXPLAINED = "{ invoices(first: 3) { nodes { id lines { id explanation { steps { output } } price { id } } } } }"
NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Invoice { lines { id } } ... on Plan { name } } }"


def fields() -> dict[str, GraphQLField]:
    """Every field without arguments, those of the root aside."""
    return {
        f"{kind.name}.{name}": field
        for kind in schema._schema.type_map.values()
        if isinstance(kind, GraphQLObjectType) and not is_introspection_type(kind)
        if kind not in (schema._schema.query_type, schema._schema.mutation_type)
        for name, field in kind.fields.items()
        if not field.args
    }


def test_fields_without_arguments_say_what_they_read_or_follow() -> None:
    silent = {name for name, field in fields().items() if not field.extensions.keys() & {"read", "follow"}}
    # Catalog changes are few, and found by what is not a loader's.
    assert silent == {"CatalogAffected.customers", "CatalogChange.affected", "CatalogChange.object"}


def test_a_field_that_is_read_is_read_without_a_wrapper_or_a_coroutine() -> None:
    for name, field in fields().items():
        if "read" in field.extensions:
            assert inspect.getmodule(field.resolve) is shortcuts, name
            assert not inspect.iscoroutinefunction(field.resolve), name


async def test_a_document_is_parsed_and_validated_once(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with make_api(database_url) as api:
        parsing, validating = Mock(side_effect=parse), Mock(side_effect=validate)
        monkeypatch.setattr("app.schema.documents.parse", parsing)
        monkeypatch.setattr("app.schema.documents.validate", validating)
        for _ in range(3):
            await api.gql(f"{{ merchant {{ id name }} }} # {database_url}")
        assert (parsing.call_count, validating.call_count) == (1, 1)


async def both(api: Api, monkeypatch: pytest.MonkeyPatch, query: str, **variables: Any) -> list[dict[str, Any]]:
    """The answer of a document, twice, and then as graphql-core alone gives it; the ids of bugs are left out."""
    answers = [await api.answer(query, **variables), await api.answer(query, **variables)]
    with monkeypatch.context() as alone:
        alone.setattr(schema, "execution_context_class", StrawberryGraphQLCoreExecutionContext)
        answers.append(await api.answer(query, **variables))
    for answer in answers:
        for error in answer.get("errors", ()):
            error["extensions"].pop("id", None)
        answer.get("errors", []).sort(key=lambda error: error["path"])
    return answers


async def test_answers_are_those_of_graphql_core(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with make_api(database_url) as api:
        await fill(api)
        asked: list[tuple[str, dict[str, Any]]] = [
            (NESTED, {"first": 2}),
            (NESTED, {"first": 3, "few": False}),
            (LINES, {}),
            *((f"{{ {root}(first: 2) {{ nodes {{ id {edge} {selected} }} }} }}", {}) for root, edge, selected in EDGES),
        ]
        for query, variables in asked:
            first, again, alone = await both(api, monkeypatch, query, **variables)
            assert "errors" not in first, (query, first["errors"])
            assert list(walk(first)) == list(walk(again)) == list(walk(alone)), query


def walk(answer: Any) -> Any:
    """Everything in an answer in its order, which comparing dictionaries would not look at."""
    if isinstance(answer, dict):
        for name, value in answer.items():
            yield name
            yield from walk(value)
    elif isinstance(answer, list):
        yield len(answer)
        for item in answer:
            yield from walk(item)
    else:
        yield answer


async def test_nodes_of_several_kinds_and_of_none(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with make_api(database_url) as api:
        await fill(api)
        found = await api.gql("{ invoices(first: 1) { nodes { id } } plans(first: 1) { nodes { id } } }")
        ids = [found["invoices"]["nodes"][0]["id"], "nothing", found["plans"]["nodes"][0]["id"]]
        first, again, alone = await both(api, monkeypatch, NODES, ids=ids)
        assert first == again == alone
        assert [node and node["id"] for node in first["data"]["nodes"]] == [ids[0], None, ids[2]]


# graphql-core awaits nothing beside a value that failed, and the collector may find what it leaves at any time.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("query", [LINES, EXPLAINED, NESTED])
async def test_a_bug_in_one_value_is_told_as_graphql_core_tells_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    async with make_api(database_url) as api:
        await fill(api)
        async with api.sessions.begin() as session:
            await session.execute(update(table_of(models.InvoiceLine)).values(rules_version=999))
        first, again, alone = await both(api, monkeypatch, query, first=2)
        assert first == again == alone
        assert first["errors"]
        assert {error["message"] for error in first["errors"]} == {"Internal error"}
    gc.collect()  # what is left must not be found in another test


async def test_what_is_known_of_an_operation_is_not_what_it_answered(database_url: str) -> None:
    """The same document, asked with two keys and in two environments."""
    async with make_api(database_url) as api:
        await fill(api)
        query = "{ plans(first: 1) { nodes { id defaultVersion { prices { id } } } } }"
        assert len((await api.gql(query))["plans"]["nodes"]) == 1
        narrow = await api.with_scopes(Scope.CUSTOMERS_READ)
        assert await narrow.code(query) == "FORBIDDEN"
        assert (await api.in_sandbox().gql(query))["plans"]["nodes"] == []
        assert len((await api.gql(query))["plans"]["nodes"]) == 1


async def test_fragments_that_spread_each_other_twice_are_not_executed(database_url: str) -> None:
    """2^40 selections, where there is nothing: none is looked at."""
    twice = "{{ a: defaultVersion {{ plan {{ ...f{next} }} }} b: defaultVersion {{ plan {{ ...f{next} }} }} }}"
    fragments = [f"fragment f{number} on Plan {twice.format(next=number + 1)}" for number in range(40)]
    document = "{ plans { nodes { ...f0 } } }" + " ".join([*fragments, "fragment f40 on Plan { id }"])
    async with make_api(database_url) as api:
        assert await asyncio.wait_for(api.code(document), 10) == "QUERY_TOO_COMPLEX"
