"""Takes what fields declare to where execution finds it: beside the field of the built schema."""

from operator import attrgetter
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema
from strawberry.types.field import StrawberryField


def take_shortcuts(schema: GraphQLSchema) -> None:
    """Note beside each field what it reads of a row, or what it follows; the others stay with Strawberry.

    Where graphql-core resolves a field that is read, it reads too, without what Strawberry wraps around a resolver.
    """
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType):
            for field in kind.fields.values():
                declared = field.extensions.get("strawberry-definition")
                if isinstance(declared, StrawberryField):
                    field.extensions |= (how := _how(declared))
                    if "read" in how:
                        field.resolve = lambda root, _info, read=how["read"]: read(root)


def _how(declared: StrawberryField) -> dict[str, Any]:
    how = {name: declared.metadata[name] for name in ("read", "follow", "then") if name in declared.metadata}
    if how or not declared.is_basic_field:
        return how
    return {"read": attrgetter(declared.python_name)}
