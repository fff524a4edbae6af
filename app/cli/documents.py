"""The documents of the quickstart, with keys of their own for every run."""

from importlib.resources import files
from typing import Any

from graphql import (
    ObjectFieldNode,
    OperationDefinitionNode,
    StringValueNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

#: What a second run may not repeat.
FRESH = ("externalId", "idempotencyKey")


def quickstart() -> str:
    """Return the quickstart's text; it is that of examples/quickstart.graphql."""
    return files("app.cli").joinpath("quickstart.graphql").read_text(encoding="utf-8")


def fresh_documents(suffix: str) -> dict[str, str]:
    """Return the quickstart's operations by name, with the suffix behind what may be used once only."""
    document = visit(parse(quickstart()), _Suffixed(suffix))
    operations = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    return {node.name.value: print_ast(node) for node in operations if node.name}


class _Suffixed(Visitor):
    def __init__(self, suffix: str) -> None:
        super().__init__()
        self._suffix = suffix

    def enter_object_field(self, node: ObjectFieldNode, *_: Any) -> ObjectFieldNode | None:
        if node.name.value not in FRESH or not isinstance(node.value, StringValueNode):
            return None
        value = StringValueNode(value=f"{node.value.value}-{self._suffix}")
        return ObjectFieldNode(name=node.name, value=value)
