"""Every edge of the schema, as documents ask for them."""

from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
)

from app.graphql import schema
from app.schema.declarations import NOUNS

TYPES = schema._schema.type_map
NOUN_NAMES = {noun.kind.__name__ for noun in NOUNS.values()}
# What has to be given where a field can't be asked for without arguments.
ARGUMENTS = {
    ("BillableMetric", "usage"): (
        '(from: "2026-01-01T00:00:00Z", to: "2026-03-01T00:00:00Z", window: MONTH, groupBy: [])'
    ),
    ("Entitlement", "balanceHistory"): '(from: "2026-01-01T00:00:00Z", to: "2026-03-01T00:00:00Z")',
    ("Customer", "account"): '(currency: "USD")',
    ("Subscription", "projectedInvoices"): '(until: "2026-06-01T00:00:00Z")',
}


def roots() -> Iterator[tuple[str, GraphQLObjectType]]:
    """The connections of the root, with the noun each leads to."""
    query = TYPES["Query"]
    assert isinstance(query, GraphQLObjectType)
    for name, field in query.fields.items():
        kind = get_named_type(field.type)
        if kind.name.endswith("Connection"):
            noun = TYPES[kind.name.removesuffix("Connection")]
            assert isinstance(noun, GraphQLObjectType)
            yield name, noun


def selection(field: GraphQLField) -> str:
    """What to select of a field: of nouns the id, of connections a page and its size, of values everything."""
    kind = get_named_type(field.type)
    if is_leaf_type(kind):
        return ""
    if kind.name in NOUN_NAMES:
        return "{ id }"
    if kind.name.endswith("Connection"):
        return "{ totalCount nodes { id } edges { cursor } pageInfo { hasNextPage } }"
    if not isinstance(kind, GraphQLObjectType):
        return "{ __typename }"
    return "{ " + " ".join(f"{name} {selection(inner)}" for name, inner in kind.fields.items()) + " }"


def narrowed(field: GraphQLField) -> str:
    """Arguments that a connection is filtered and ordered by, and let everything of the crowd through."""
    filter, order = (get_named_type(field.args[name].type) for name in ("filter", "orderBy"))
    assert isinstance(filter, GraphQLInputObjectType)
    assert isinstance(order, GraphQLInputObjectType)
    span = next(name for name, item in filter.fields.items() if str(item.type) == "InstantRange")
    fields = get_named_type(order.fields["field"].type)
    assert isinstance(fields, GraphQLEnumType)
    by = f"{{ field: {next(iter(fields.values))}, direction: DESC }}"
    return f'(filter: {{ {span}: {{ from: "2020-01-01T00:00:00Z" }} }}, orderBy: {by})'


EDGES = [
    (root, name, ARGUMENTS.get((noun.name, name), "") + selection(field))
    for root, noun in roots()
    for name, field in noun.fields.items()
    if selection(field)
]
EDGES += [
    (root, name, narrowed(field) + selection(field))
    for root, noun in roots()
    for name, field in noun.fields.items()
    if "orderBy" in field.args
]
COUNTED = "{ totalCount nodes { id } }"
LATEST = 'events(filter: { timestamp: { from: "2020-01-01T00:00:00Z" } }, orderBy: { field: TIMESTAMP })'
EDGES += [
    ("invoices", "lines", f"{{ invoice {{ id }} price {{ id }} explanation {{ {events} {COUNTED} }} }}")
    for events in ("events", LATEST)
]
