"""A document for every field of the schema: the shortest way to its type, with what has to be given on it."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    is_introspection_type,
    is_leaf_type,
)

from app.graphql import schema
from tests.support.edges import ARGUMENTS, TYPES

QUERY = schema._schema.query_type
MUTATION = schema._schema.mutation_type
#: Values that scalars take.
LITERALS = {
    "DateTime": '"2026-02-01T00:00:00Z"',
    "Decimal": '"1"',
    "CurrencyCode": '"USD"',
    "Boolean": "true",
    "JSON": "{}",
}
Chosen = Callable[[str, str], bool]


@dataclass(frozen=True)
class Step:
    """A field on the way: of which type, called how, and through which member of an interface or union."""

    kind: str
    name: str
    call: str


def literal(kind: object) -> str:
    """A value of an input type, with as little in it as can be."""
    if isinstance(kind, GraphQLNonNull):
        return literal(kind.of_type)
    if isinstance(kind, GraphQLList):
        return f"[{literal(kind.of_type)}]"
    if isinstance(kind, GraphQLEnumType):
        return str(next(iter(kind.values)))
    if isinstance(kind, GraphQLInputObjectType):
        names = [name for name, item in kind.fields.items() if is_needed(item)]
        one_of = getattr(kind.extensions.get("strawberry-definition"), "is_one_of", False)
        names = names or ([next(iter(kind.fields))] if one_of else [])
        return "{ " + ", ".join(f"{name}: {literal(kind.fields[name].type)}" for name in names) + " }"
    name = str(kind)
    return LITERALS.get(name, "1" if name in {"Int", "Float"} else '"x"')


def is_needed(item: GraphQLArgument | GraphQLInputField) -> bool:
    return isinstance(item.type, GraphQLNonNull) and item.default_value is Undefined


def call(parent: str, name: str, field: GraphQLField, **given: str) -> str:
    """A field with the arguments that it needs, and those that are given."""
    if not given and (parent, name) in ARGUMENTS:
        return name + ARGUMENTS[parent, name]
    asked = {key: literal(item.type) for key, item in field.args.items() if is_needed(item)} | given
    return name + ("(" + ", ".join(f"{key}: {text}" for key, text in asked.items()) + ")" if asked else "")


def members(kind: object) -> Iterator[GraphQLObjectType]:
    """The object types that a field may lead to."""
    if isinstance(kind, GraphQLObjectType):
        yield kind
    elif isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
        yield from schema._schema.get_possible_types(kind)


def ways(chosen: Chosen) -> dict[str, tuple[Step, ...]]:
    """The shortest way from the root of queries to every type that fields which are chosen lead to."""
    assert QUERY is not None
    found: dict[str, tuple[Step, ...]] = {QUERY.name: ()}
    waiting: list[GraphQLObjectType] = [QUERY]
    while waiting:
        parent = waiting.pop(0)
        for name, field in parent.fields.items():
            if not chosen(parent.name, name):
                continue
            for kind in members(get_named_type(field.type)):
                if kind.name not in found and not is_introspection_type(kind):
                    # Pages on the way are short: what lies behind many of them costs more than a query may.
                    short = {"first": "5"} if "first" in field.args and (parent.name, name) not in ARGUMENTS else {}
                    step = Step(kind.name, name, call(parent.name, name, field, **short))
                    found[kind.name] = (*found[parent.name], step)
                    waiting.append(kind)
    return found


def document(way: tuple[Step, ...], selected: str) -> str:
    """A query that goes a way and selects something at its end."""
    for step in reversed(way):
        selected = f"{step.call} {{ ... on {step.kind} {{ {selected} }} }}"
    return f"{{ {selected} }}"


def leaves(kind: object, chosen: Chosen) -> str:
    """All that is chosen of what a field leads to and is no object itself; the names alone where nothing is."""
    parts, types = ["__typename"], defaultdict[str, set[str]](set)
    for member in members(kind):
        for name, field in member.fields.items():
            types[name].add(str(field.type))
    for member in members(kind):
        names = [n for n, f in member.fields.items() if is_leaf_type(get_named_type(f.type)) and chosen(member.name, n)]
        # What has several types needs several names in an answer.
        aliases = {n: f"{member.name}_{n}: " if len(types[n]) > 1 else "" for n in names}
        calls = [f"{aliases[n]}{call(member.name, n, member.fields[n])}" for n in names]
        parts.append(f"... on {member.name} {{ {' '.join(calls)} }}" if calls else "")
    return " ".join(parts)


def asked(parent: GraphQLObjectType, name: str, chosen: Chosen, **given: str) -> str:
    """A field as it is selected: with the leaves of what it leads to."""
    field = parent.fields[name]
    kind = get_named_type(field.type)
    text = call(parent.name, name, field, **given)
    return text if is_leaf_type(kind) else f"{text} {{ {leaves(kind, chosen)} }}"


def objects() -> Iterator[GraphQLObjectType]:
    """The object types that queries answer with."""
    for kind in TYPES.values():
        if isinstance(kind, GraphQLObjectType) and kind is not MUTATION and not is_introspection_type(kind):
            yield kind
