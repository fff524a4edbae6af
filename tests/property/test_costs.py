"""What is found of a document with memory is what writing every fragment out would find."""

from collections.abc import Callable
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from app.graphql import schema
from app.schema.costs import CEILING, formula_of
from app.schema.documents import Document
from app.schema.shape import MAX_ALIASES, MAX_BREADTH, MAX_DEPTH, MAX_DIRECTIVES, MAX_FIELDS
from app.schema.weights import OPERATION, length_of, weight_of

SCHEMA = schema._schema
#: What fragments are on, each once or twice.
ON = (
    *("Customer", "InvoiceConnection", "Invoice", "Node", "PlanVersion", "Query"),
    *("InvoiceLine", "Customer", "Invoice", "Query"),
)
NAMES = [f"F{number}" for number in range(len(ON))]
VARIABLES = {"few": 2, "many": 70, "ids": ["a", "b", "c"], "none": None}
HEAD = "query($few: Int, $many: Int!, $ids: [ID!]!, $none: Int, $default: Int = 4, $absent: Int)"
SIZES = ("3", "0", "100", "$few", "$many", "$none", "$default", "$absent", "null")
DIRECTIVES = ("", "", "", "", "@include(if: true)", "@skip(if: false) @include(if: true)")


def fields_of(kind: Any) -> list[str]:
    """The fields that can be asked for without arguments, or with ids."""
    if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        return []
    fields = kind.fields.items()
    return [
        name for name, field in fields if name == "nodes" or not any(map(is_required_argument, field.args.values()))
    ]


class Writer:
    """Writes documents, valid but for fields that conflict."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw

    def one_of(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def document(self) -> str:
        fragments = [
            f"fragment {name} on {kind} {self.selection(SCHEMA.type_map[kind], 2, number + 1)}"
            for number, (name, kind) in enumerate(zip(NAMES, ON, strict=True))
        ]
        return f"{HEAD} {self.selection(SCHEMA.query_type, 3, 0)} {' '.join(fragments)}"

    def selection(self, kind: Any, depth: int, later: int) -> str:
        """Select something; only fragments from `later` on may be spread, so that there is no circle."""
        parts = [self.part(kind, depth, later) for _ in range(self.one_of(1, 2, 3))]
        return f"{{ {' '.join(parts)} }}"

    def part(self, kind: Any, depth: int, later: int) -> str:
        directive = self.one_of(*DIRECTIVES)
        fitting = [name for number, name in enumerate(NAMES) if number >= later and ON[number] == kind.name]
        inside = [name for name in ("Customer", "Invoice") if kind.name == "Node"]
        way = self.one_of("field", "field", "spread", "inline")
        if way == "spread" and fitting:
            return f"...{self.one_of(*fitting)} {directive}"
        if way == "inline" and depth > 0:
            on = f"on {self.one_of(*inside)}" if inside else ""
            selected = self.selection(SCHEMA.type_map[on.removeprefix("on ")] if on else kind, depth - 1, later)
            return f"... {on} {directive} {selected}"
        return self.field(kind, depth, later, directive)

    def field(self, kind: Any, depth: int, later: int, directive: str) -> str:
        alias = self.one_of("", "", "a: ")
        simple = [name for name in fields_of(kind) if is_leaf_type(get_named_type(kind.fields[name].type))]
        nested = [name for name in fields_of(kind) if name not in simple]
        if depth <= 0 or not nested or self.one_of(True, False, False):
            return f"{alias}{self.one_of('__typename', *simple)} {directive}"
        name = self.one_of(*nested)
        arguments = ""
        if kind.name == "Query" and name == "nodes":
            arguments = self.one_of("(ids: $ids)", '(ids: ["a", "b"])', '(ids: "a")', "(ids: [])")
        elif "first" in kind.fields[name].args:
            arguments = self.one_of("", f"(first: {self.one_of(*SIZES)})", f"(last: {self.one_of(*SIZES)})")
        selected = self.selection(get_named_type(kind.fields[name].type), depth - 1, later)
        return f"{alias}{name}{arguments} {directive} {selected}"


documents = st.composite(lambda draw: Writer(draw).document())()


class Expansion:
    """Everything counted by writing it out, with no memory and no formula."""

    def __init__(self, text: str) -> None:
        self.node = Document(text).node
        definitions = self.node.definitions
        self.fragments = {node.name.value: node for node in definitions if isinstance(node, FragmentDefinitionNode)}
        [self.operation] = [node for node in definitions if isinstance(node, OperationDefinitionNode)]

    def cost(self, kind: Any, selected: SelectionSetNode, page: int = 0) -> int:
        """What a selection of an object costs; `page` is how many objects the field above it was asked for."""
        total = 0
        for node in selected.selections:
            if isinstance(node, FieldNode):
                total += weight_of(SCHEMA, kind, node.name.value) + self.below(kind, node, page)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                inside = SCHEMA.type_map[condition.name.value] if condition else kind
                total += self.cost(inside, node.selection_set, page)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self.fragments[node.name.value]
                inside = SCHEMA.type_map[fragment.type_condition.name.value]
                total += self.cost(inside, fragment.selection_set, page)
        return total

    def below(self, kind: Any, node: FieldNode, page: int) -> int:
        if node.selection_set is None:
            return 0
        name, field = node.name.value, kind.fields[node.name.value]
        asked = self.asked(node)
        one = self.cost(get_named_type(field.type), node.selection_set, asked)
        if not is_list_type(get_nullable_type(field.type)):
            return one
        if kind.name.endswith("Connection"):
            return page * one
        return one * (asked if kind.name == "Query" else length_of(SCHEMA, kind, name))

    def asked(self, node: FieldNode) -> int:
        for argument in node.arguments or ():
            value: Any = argument.value
            if isinstance(value, VariableNode):
                given = VARIABLES.get(value.name.value, {"default": 4}.get(value.name.value))
                value = len(given) if isinstance(given, list) else given
            elif isinstance(value, IntValueNode):
                value = int(value.value)
            elif argument.name.value == "ids":
                value = len(value.values) if hasattr(value, "values") else 1
            else:
                value = None
            if value is not None:
                return int(value)
        return 20

    def shape(self, selected: SelectionSetNode) -> dict[str, int]:
        """Depth, breadth and sums of a selection, and the greatest breadth of those below it."""
        found = {"depth": 0, "breadth": 0, "widest": 0, "fields": 0, "aliases": 0, "directives": 0}
        for node in selected.selections:
            found["directives"] += len(node.directives or ())
            if isinstance(node, FieldNode):
                below = self.shape(node.selection_set) if node.selection_set else {}
                found["breadth"] += 1
                found["fields"] += 1
                found["aliases"] += node.alias is not None
                depth = below.get("depth", 0) + 1
            else:
                is_inline = isinstance(node, InlineFragmentNode)
                inside: Any = node if is_inline else self.fragments[node.name.value]  # type: ignore[attr-defined]
                below = self.shape(inside.selection_set)
                found["breadth"] += below["breadth"]
                depth = below["depth"]
            found["depth"] = max(found["depth"], depth)
            for name in ("fields", "aliases", "directives"):
                found[name] += below.get(name, 0)
            found["widest"] = max(found["widest"], below.get("widest", 0))
        found["widest"] = max(found["widest"], found["breadth"])
        return found


@settings(max_examples=50)
@given(documents)
def test_the_cost_is_that_of_the_document_written_out(text: str) -> None:
    expansion = Expansion(text)
    expected = OPERATION + min(expansion.cost(SCHEMA.query_type, expansion.operation.selection_set), CEILING)
    formula = formula_of(SCHEMA, Document(text), None)
    assert formula.cost(VARIABLES) == expected
    # And again, from memory, beside other sizes.
    formula.cost({})
    assert formula.cost(VARIABLES) == expected


@settings(max_examples=50)
@given(documents)
def test_the_shape_is_that_of_the_document_written_out(text: str) -> None:
    expansion = Expansion(text)
    bounds = {
        "depth": MAX_DEPTH,
        "widest": MAX_BREADTH,
        "fields": MAX_FIELDS,
        "aliases": MAX_ALIASES,
        "directives": MAX_DIRECTIVES,
    }
    beyond = set()
    # Fragments that nothing spreads too.
    for node in (expansion.operation, *expansion.fragments.values()):
        shape = expansion.shape(node.selection_set)
        beyond |= {"breadth" if name == "widest" else name for name, bound in bounds.items() if shape[name] > bound}
    found = Document(text).too_complex
    assert (found.measure in beyond | {"repeats"}) if found else not beyond
