"""What an operation costs: said in its answer, refused beyond a bound, and never less than what is answered."""

from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLObjectType,
    OperationDefinitionNode,
    get_introspection_query,
    get_nullable_type,
    is_introspection_type,
    is_list_type,
)

from app.graphql import schema
from app.schema.costs import formula_of
from app.schema.documents import Document
from app.schema.weights import LENGTHS, OF_PAGES, PAGES, WEIGHTS, takes_page
from app.services.cost_budgets import MAX_COST
from bench.reads import LIGHT, NESTED
from tests.support.api import make_api
from tests.support.crowd import fill
from tests.support.edges import EDGES

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
SPREAD = "fragment twice on Query { ...once ...once } fragment once on Query { "
MOST_OF_ALL = (
    """{ customers(first: 100) { nodes { id invoices(first: 100) { nodes { id lines { id price { id } } } } } } }"""
)


def objects_in(answer: object) -> int:
    """How many objects an answer has."""
    if isinstance(answer, dict):
        return 1 + sum(map(objects_in, answer.values()))
    return sum(map(objects_in, answer)) if isinstance(answer, list) else 0


def values_in(answer: object) -> int:
    """How many fields the objects of an answer have."""
    if isinstance(answer, dict):
        return len(answer) + sum(map(values_in, answer.values()))
    return sum(map(values_in, answer)) if isinstance(answer, list) else 0


def cost_of(text: str, name: str | None = None, **variables: Any) -> int:
    return formula_of(schema._schema, Document(text), name).cost(variables)


async def test_refusals_name_what_is_too_much_and_execute_nothing(database_url: str) -> None:
    async with make_api(database_url) as api:
        for document, details in [
            ("{ " + "a { " * 25 + "b" + " }" * 26, {"measure": "depth", "bound": 20}),
            ("{ " + "__typename " * 500 + "}", {"measure": "breadth", "bound": 200}),
            (
                "{ " + "".join(f"m{n}: merchant {{ id }} " for n in range(101)) + "}",
                {"measure": "aliases", "bound": 100},
            ),
            ("{ __typename " + "@x " * 51 + "}", {"measure": "directives", "bound": 50}),
            (f"{{ ...twice }} {SPREAD} {'id ' * 150} }}", {"measure": "breadth", "bound": 200}),
            ("{ " + "merchant { id } " * 60 + "}", {"measure": "repeats", "bound": 50}),
        ]:
            answer = await api.answer(document)
            assert list(answer) == ["errors"]
            [error] = answer["errors"]
            assert error["extensions"] == {"code": "QUERY_TOO_COMPLEX", **details}
        answer = await api.answer(MOST_OF_ALL)
        assert list(answer) == ["errors"]
        [error] = answer["errors"]
        cost = 100 + 2 + 100 * (3 + 100 * (2 + 10 * 3))
        place = "customers.nodes.invoices.nodes.lines"
        assert error["extensions"] == {"code": "QUERY_TOO_COSTLY", "cost": cost, "bound": MAX_COST, "field": place}
        assert error["message"] == (
            f"The operation costs {cost}; 200000 is the most. "
            f"Most of it is {place}. Ask for smaller pages or fewer fields."
        )


async def test_variables_are_page_sizes(database_url: str) -> None:
    query = """query($first: Int, $last: Int = 7, $ids: [ID!]!) {
        products(first: $first) { nodes { id fees(last: $last) { nodes { id } } } } nodes(ids: $ids) { id }
    }"""
    async with make_api(database_url) as api:
        sizes: list[tuple[dict[str, Any], int]] = [
            ({"first": 10, "last": 5}, 10 * (3 + 5)),
            ({"first": 10}, 10 * (3 + 7)),
            ({"first": 3, "last": None}, 3 * (3 + 20)),
            ({"first": None}, 20 * (3 + 7)),
            ({}, 20 * (3 + 7)),
            ({"first": 0}, 0),
        ]
        for variables, cost in sizes:
            answer = await api.answer(query, ids=["a", "b"], **variables)
            assert answer["extensions"]["cost"]["requested"] == 100 + 3 + cost + 2
        # What is no size is refused as ever.
        assert await api.code(query, ids=["a"], first=101) == "BAD_PAGE"
        assert await api.code(query, ids=["a"], first="x") == "BAD_INPUT"
        assert await api.code(query, ids=["a"], first=-1) == "BAD_PAGE"


@pytest.mark.parametrize(
    ("text", "variables", "cost"),
    [
        ("{ products { nodes { id } } }", {}, 2 + 20),
        ("{ products(first: 5) { edges { node { id } cursor } pageInfo { endCursor } totalCount } }", {}, 14 + 5 * 3),
        ("{ products(first: 2000000000) { nodes { id } } }", {}, 2 + 100),
        ("query($n: Int) { products(first: $n) { nodes { id } } }", {"n": 10**20}, 2 + 100),
        ("query($n: Int) { products(first: $n) { nodes { id } } }", {"n": -(10**20)}, 2),
        ("query($n: Int, $m: Int) { products(first: $n, last: $m) { nodes { id } } }", {"m": 6}, 2 + 6),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', {}, 1 + 3),
        ('query($a: ID!) { nodes(ids: [$a, "b"]) { id } }', {"a": "a"}, 1 + 2),
        ('{ nodes(ids: "a") { id } }', {}, 1 + 1),
        ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": "a"}, 1 + 1),
        ('{ plan(id: "a") { defaultVersion { prices { id } } } }', {}, 3 + 10),
        ('{ plan(id: "a") { ...F ...F } } fragment F on Plan { defaultVersion { prices { id } } }', {}, 1 + 2 * 12),
        ('{ plan(id: "a") @skip(if: true) { id } }', {}, 2),
        ('{ customer(id: "a") { account(currency: "USD") { entries { at } } } }', {}, 1 + 300 + 1 + 100),
        ("{ merchant { id } products { ...P } } fragment P on ProductConnection { nodes { id } }", {}, 4 + 20),
        ("mutation { a: testClockAdvance(input: {}) { __typename } }", {}, 5001),
        (
            "mutation($input: MeterEventsIngestInput!) { meterEventsIngest(input: $input) { events { id } } }",
            {"input": {"events": [{}] * 700}},
            1001 + 700,
        ),
        (
            "mutation($e: [MeterEventInput!]!) { meterEventsIngest(input: { events: $e }) { events { id } } }",
            {"e": [{}] * 5000},
            1001 + 1000,
        ),
        (
            "mutation($input: PlanVersionMigrateInput!) { planVersionMigrate(input: $input) { subscriptions { id } } }",
            {"input": {"first": 40}},
            5001 + 40,
        ),
        (
            "mutation { planVersionMigrate(input: { subscriptionIds: [1, 2] }) { subscriptions { id } } }",
            {},
            5001 + 2,
        ),
    ],
)
def test_what_is_counted(text: str, variables: dict[str, Any], cost: int) -> None:
    assert cost_of(text, **variables) == 100 + cost


def test_costs_do_not_grow_beyond_all_numbers() -> None:
    inner = "id"
    for _ in range(8):
        inner = f"invoices(first: 100) {{ nodes {{ customer {{ {inner} }} }} }}"
    text = f"{{ customers(first: 100) {{ nodes {{ {inner} }} }} }}"
    assert cost_of(text) == 10**9 + 100


async def test_no_answer_has_more_than_it_costs(database_url: str) -> None:
    """Of what lists without pages count as here: prices, lines and steps are few."""
    asked = [
        LIGHT,
        NESTED,
        get_introspection_query(),
        *(f"{{ {root}(first: 20) {{ nodes {{ id {edge} {selected} }} }} }}" for root, edge, selected in EDGES),
    ]
    async with make_api(database_url) as api:
        await fill(api)
        for query in asked:
            answer = await api.answer(query)
            cost = answer["extensions"]["cost"]["requested"]
            assert "errors" not in answer
            assert objects_in(answer["data"]) <= values_in(answer["data"]) <= cost <= MAX_COST, query


def test_what_is_shown_to_users_costs_far_less_than_it_may() -> None:
    text = (EXAMPLES / "quickstart.graphql").read_text()
    document = Document(text)
    assert document.too_complex is None
    operations = [node for node in document.node.definitions if isinstance(node, OperationDefinitionNode)]
    costs = {node.name.value: cost_of(text, node.name.value) for node in operations if node.name}
    assert len(costs) > 5
    assert max(costs.values()) < MAX_COST / 20, costs
    assert cost_of(get_introspection_query()) < MAX_COST * 0.75


async def test_mutations_and_errors_in_fields_cost_too(database_url: str) -> None:
    async with make_api(database_url) as api:
        answer = await api.answer('mutation { productCreate(input: { name: "" }) { userErrors { code } } }')
        assert answer["data"]["productCreate"]["userErrors"] == [{"code": "BLANK"}]
        assert answer["extensions"] == {"cost": {"requested": 100 + 1000 + 1 + 10}}
        answer = await api.answer('{ products(after: "made up") { totalCount } merchant { id } }')
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_CURSOR"]
        assert (answer["data"], answer["extensions"]) == (None, {"cost": {"requested": 100 + 11 + 2}})


def test_the_tables_of_lists_and_weights_are_of_this_schema() -> None:
    kinds = [kind for kind in schema._schema.type_map.values() if isinstance(kind, GraphQLObjectType)]
    fields = {f"{kind.name}.{name}": field for kind in kinds for name, field in kind.fields.items()}
    lists = {name for name, field in fields.items() if is_list_type(get_nullable_type(field.type))}
    assert (WEIGHTS.keys() - {"totalCount"}) | PAGES.keys() <= fields.keys()
    assert LENGTHS.keys() | OF_PAGES <= lists
    # Every list that is as long as the field above was told is below such a field, and nowhere else.
    paged = {kind.name for kind in kinds for name in kind.fields if takes_page(kind, name)}
    told = {
        getattr(get_nullable_type(field.type), "name", "")
        for name, field in fields.items()
        if "first" in field.args or name in PAGES
    }
    assert paged == told - {""}


def test_introspection_counts_as_about_what_the_schema_has() -> None:
    kinds = [kind for kind in schema._schema.type_map.values() if not is_introspection_type(kind)]
    fields = sum(len(getattr(kind, "fields", ())) for kind in kinds if isinstance(kind, GraphQLObjectType))
    assert fields <= len(kinds) * LENGTHS["__Type.fields"]
