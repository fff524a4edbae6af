"""Who may read which field, as `tests/corpus/scopes.txt` says: a change of it is seen there, by whoever reviews.

After a field was added or opened on purpose: `python -m tests.support.scopes`.
"""

from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
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

from app.billing.access import Scope
from app.schema.access import _access_of_type, access_of
from app.schema.declarations import AnyKey
from tests.support.identifiers import TYPES

FILE = Path(__file__).parent.parent / "corpus" / "scopes.txt"
ANY = "any"
Fields = GraphQLObjectType | GraphQLInterfaceType


def types() -> Iterator[Fields]:
    """Yield the types that have fields."""
    for kind in TYPES.values():
        if isinstance(kind, Fields) and not is_introspection_type(kind):
            yield kind


def declared() -> dict[str, str]:
    """Return what the code declares, by `Type.field`; by `Type` what it takes to be led to one."""
    found = {}
    for kind in types():
        found[kind.name] = _written(_access_of_type(kind))
        found |= {f"{kind.name}.{name}": _written(access_of(kind, kind.fields[name])) for name in sorted(kind.fields)}
    return found


def _written(access: Scope | AnyKey | None) -> str:
    if access is None:
        return "none"
    return ANY if isinstance(access, AnyKey) else access.name


def reviewed() -> dict[str, str]:
    """Return what the file says, in the same way."""
    return dict(line.split() for line in FILE.read_text().splitlines())


def paths() -> Iterator[tuple[str, list[str]]]:
    """Yield for every field a document that selects it, and the fields on the way, itself last; shortest ways first."""
    waiting: list[tuple[Fields, list[str], str, str]] = []
    for root in ("Query", "Mutation"):
        kind = TYPES[root]
        assert isinstance(kind, GraphQLObjectType)
        waiting.append((kind, [], root.lower() + " { ", " }"))
    seen = set()
    while waiting:
        kind, way, before, after = waiting.pop(0)
        if kind.name in seen:
            continue
        seen.add(kind.name)
        for name, field in sorted(kind.fields.items()):
            here = [*way, f"{kind.name}.{name}"]
            asked = before + name + _arguments(field.args)
            target = get_named_type(field.type)
            yield asked + ("" if is_leaf_type(target) else " { __typename }") + after, here
            for inner in _below(target):
                on = f" {{ ... on {inner.name} {{ "
                waiting.append((inner, here, asked + on, " } }" + after))


def _below(kind: object) -> Iterator[Fields]:
    if isinstance(kind, Fields):
        yield kind
    if isinstance(kind, GraphQLUnionType):
        yield from kind.types
    if isinstance(kind, GraphQLInterfaceType):
        yield from (one for one in TYPES.values() if isinstance(one, GraphQLObjectType) and kind in one.interfaces)


def _arguments(taken: dict[str, GraphQLArgument]) -> str:
    """Write the least that a field takes, as literals, with ids of nobody."""
    given = [f"{name}: {_literal(item.type)}" for name, item in taken.items() if _is_needed(item)]
    return f"({', '.join(given)})" if given else ""


def _is_needed(item: GraphQLArgument | GraphQLInputField) -> bool:
    return isinstance(item.type, GraphQLNonNull) and item.default_value is Undefined


def _literal(kind: GraphQLInputType) -> str:
    if isinstance(kind, GraphQLNonNull):
        return _literal(kind.of_type)
    if isinstance(kind, GraphQLList):
        return f"[{_literal(kind.of_type)}]"
    if isinstance(kind, GraphQLEnumType):
        return str(next(iter(kind.values)))
    if isinstance(kind, GraphQLInputObjectType):
        needed = {name: item for name, item in kind.fields.items() if _is_needed(item)}
        if is_one_of(kind):
            needed = dict(list(kind.fields.items())[:1])
        return "{" + ", ".join(f"{name}: {_literal(item.type)}" for name, item in needed.items()) + "}"
    literals = {"Int": "1", "Boolean": "true", "DateTime": '"2026-03-01T00:00:00Z"', "CurrencyCode": '"USD"'}
    return literals.get(kind.name, '"1"')


def is_one_of(kind: GraphQLInputObjectType) -> bool:
    """Whether exactly one of an input's fields is given."""
    return bool(kind.extensions["strawberry-definition"].is_one_of)


if __name__ == "__main__":
    FILE.write_text("".join(f"{name} {access}\n" for name, access in declared().items()))
