"""Every place of the schema that takes the id, the key or the external id of something."""

import re
from collections.abc import Iterator

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from app.graphql import schema

TYPES = schema._schema.type_map
#: Texts that name something which exists, beside all of the type ID.
NAMING = {"MeterEventInput.subject", "MeterEventInput.externalSubject", "EntitlementConsumeInput.externalId"}
NAMING |= {"MeterEventFilter.externalSubjects", "CustomerFilter.externalIds", "hasAccess.externalId"}
NAMING |= {"hasAccess.featureKey", "MeterEventFilter.idempotencyKeys", "MeterEventFilter.externalIds"}
#: Texts that look like it, and name nothing: they are given to what is made, or compared with names.
GIVEN = re.compile(r".*Input\.(key|idempotencyKey|taxId)|Customer(Create|Update)Input\.externalId")
GIVEN_TOO = {"MeterEventInput.externalId"}
_KEYS = re.compile(r".*Filter\.keys")
_LOOKS = re.compile(r".*(Id|Ids|Key|Keys|[sS]ubject|[sS]ubjects|^key|^keys|cursor)$")

Path = tuple[str, ...]


def root(name: str) -> GraphQLObjectType:
    """Return Query or Mutation."""
    kind = TYPES[name]
    assert isinstance(kind, GraphQLObjectType)
    return kind


def identifiers(name: str, field: GraphQLField) -> Iterator[Path]:
    """Yield the paths under which a field's arguments name something; entries of lists are at `*`."""
    for argument, taken in field.args.items():
        yield from _within(name, argument, taken, ())


def unclassified() -> Iterator[str]:
    """Yield the texts of inputs and arguments that look like identifiers, and of which nobody said what they are."""
    for kind in TYPES.values():
        if isinstance(kind, GraphQLInputObjectType):
            yield from _strange(kind.name, kind.fields)
        elif isinstance(kind, GraphQLObjectType):
            for name, field in kind.fields.items():
                yield from _strange(name, field.args)


def _strange(owner: str, taken: dict[str, GraphQLInputField] | dict[str, GraphQLArgument]) -> Iterator[str]:
    for name, item in taken.items():
        path = f"{owner}.{name}"
        if get_named_type(item.type).name != "String" or not _LOOKS.fullmatch(name):
            continue
        if path not in NAMING | GIVEN_TOO and not GIVEN.fullmatch(path) and not _KEYS.fullmatch(path):
            yield path


def _within(owner: str, name: str, taken: GraphQLInputField | GraphQLArgument, path: Path) -> Iterator[Path]:
    kind: GraphQLInputType = taken.type
    here = (*path, name, *("*" for _ in range(_lists(kind))))
    named = get_named_type(kind)
    if isinstance(named, GraphQLInputObjectType):
        for inner, item in named.fields.items():
            yield from _within(named.name, inner, item, here)
    elif named.name == "ID" or f"{owner}.{name}" in NAMING or _KEYS.fullmatch(f"{owner}.{name}"):
        yield here


def _lists(kind: GraphQLInputType) -> int:
    bare = get_nullable_type(kind)
    return 1 + _lists(bare.of_type) if is_list_type(bare) else 0
