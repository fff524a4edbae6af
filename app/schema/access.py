"""Who may read what: the scope of every field, and what an operation needs of a key."""

from collections.abc import Iterator
from functools import lru_cache

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
    get_operation_ast,
)

from app.billing.access import Scope
from app.schema.declarations import ANY_KEY, NOUNS, Access, AnyKey
from app.schema.documents import KNOWN, Document

#: What nothing was declared for is open to no key.
UNDECLARED = None


def access_of(parent: GraphQLNamedType, field: GraphQLField) -> Scope | AnyKey | None:
    """Return who may read a field: what it declares, else what its type does; None where neither says."""
    declared: Access | None = field.extensions["strawberry-definition"].metadata.get("access")
    if declared is None:
        declared = getattr(parent.extensions["strawberry-definition"].origin, "__access__", UNDECLARED)
    if isinstance(declared, type):
        return next(noun.access for noun in NOUNS.values() if noun.model is declared)
    return declared


def _access_of_type(kind: GraphQLNamedType) -> Scope | AnyKey:
    declaration = kind.extensions.get("strawberry-definition")
    access: Scope | AnyKey = getattr(getattr(declaration, "origin", None), "__access__", ANY_KEY)
    return access


@lru_cache(maxsize=KNOWN)
def needed_access(
    schema: GraphQLSchema, document: Document, operation_name: str | None
) -> dict[Scope | AnyKey | None, str]:
    """Return what an operation needs of a key, each with the first field that needs it.

    Each fragment is visited once, so the work is linear in the document, whatever its fragments spread.
    """
    needed: dict[Scope | AnyKey | None, str] = {}
    for parent, name in selected_fields(schema, document.node, operation_name):
        field = getattr(parent, "fields", {}).get(name)
        if field is not None:
            needed.setdefault(access_of(parent, field), f"{parent.name}.{name}")
            # What it leads to too: seen through an interface, the fields selected there would say less.
            needed.setdefault(_access_of_type(get_named_type(field.type)), f"{parent.name}.{name}")
    return needed


def selected_fields(
    schema: GraphQLSchema, document: DocumentNode, operation_name: str | None
) -> Iterator[tuple[GraphQLNamedType, str]]:
    """Yield the fields that an operation selects, each with the type it is selected of, fragments once."""
    operation = get_operation_ast(document, operation_name)
    root = schema.get_root_type(operation.operation) if operation else None
    if operation is None or root is None:
        return
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    waiting: list[tuple[GraphQLNamedType, SelectionSetNode]] = [(root, operation.selection_set)]
    while waiting:
        parent, selected = waiting.pop()
        for node in selected.selections:
            if isinstance(node, FieldNode):
                yield parent, node.name.value
                if node.selection_set is not None and (kind := _kind_of(parent, node)) is not None:
                    waiting.append((kind, node.selection_set))
            elif isinstance(node, FragmentSpreadNode):
                if (fragment := fragments.pop(node.name.value, None)) is not None:
                    waiting.append((schema.type_map[fragment.type_condition.name.value], fragment.selection_set))
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                waiting.append((schema.type_map[condition.name.value] if condition else parent, node.selection_set))


def _kind_of(parent: GraphQLNamedType, node: FieldNode) -> GraphQLNamedType | None:
    """Return the type a field leads to; None for those of introspection, which shows no merchant's data."""
    if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        return None
    field = parent.fields.get(node.name.value)
    return get_named_type(field.type) if field else None
