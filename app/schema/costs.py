"""What operations cost: about how many values their answers have, pages multiplied.

What a document says is worked out once, as a formula of the sizes that its variables ask for. Each fragment is one step
of it, wherever it is spread, so both are linear in the document.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum, auto
from functools import lru_cache
from typing import Any, Final, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    get_operation_ast,
    is_list_type,
    value_from_ast_untyped,
)

from app.schema.documents import KNOWN, Document
from app.schema.shape import part_name
from app.schema.weights import LENGTH, OPERATION, Pages, length_of, pages_of, takes_page, weight_of

#: No number gets greater than this one; how far beyond the bound a cost lies is nobody's concern.
CEILING: Final = 10**9
#: How many answers of a formula are remembered.
REMEMBERED: Final = 1000


class Given(NamedTuple):
    """A variable that says how many objects are asked for, or in its value at `path` has what does."""

    variable: str
    path: tuple[str, ...]
    default: Any

    def amount(self, variables: Mapping[str, Any]) -> int | None:
        """Return how many; None where nothing is given. What can't be a size is refused when it is converted."""
        value = variables.get(self.variable, self.default)
        for name in self.path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, list):
            return len(value)
        if isinstance(value, int | float | Decimal):
            return int(value)
        return None if value is None else 1


class Asked(NamedTuple):
    """How many objects a field is asked for, where variables say it."""

    amounts: tuple[int | Given, ...]
    pages: Pages

    def size(self, variables: Mapping[str, Any]) -> int:
        """Return the greatest of the amounts, within bounds."""
        amounts = [one.amount(variables) if isinstance(one, Given) else one for one in self.amounts]
        given = [amount for amount in amounts if amount is not None]
        return max(0, min(max(given, default=self.pages.default), self.pages.most))


class Role(Enum):
    """How often what is selected in a part of a selection is answered."""

    #: As often as the selection: a fragment.
    SPREAD = auto()
    #: As often as the part says itself.
    OWN = auto()
    #: As often as the page has objects that the selection is of.
    PAGED = auto()


class Part(NamedTuple):
    """A part of a selection that has a selection of its own, the step `below`; sizes by their place in the formula."""

    name: str
    below: int
    role: Role
    length: int = 0
    page: int = 0


class Step(NamedTuple):
    """A selection: what its fields cost themselves, those of them that come with each object of a page apart."""

    own: int
    parts: tuple[Part, ...]


class Formula:
    """The cost of an operation, as it depends on its variables."""

    def __init__(self, steps: Sequence[Step], sizes: Sequence[int | Asked]) -> None:
        """Take the steps, each after those that it is made of, and the sizes that they name."""
        self._steps = steps
        self._sizes = sizes
        self._asked = [size for size in sizes if isinstance(size, Asked)]
        self._known: dict[tuple[int, ...], int] = {}

    def cost(self, variables: Mapping[str, Any]) -> int:
        """Return the cost with these variables, which need not fit."""
        asked = tuple(size.size(variables) for size in self._asked)
        known = self._known.get(asked)
        if known is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            known = self._known[asked] = OPERATION + self._costs(self._given(asked))[-1][0]
        return known

    def costliest(self, variables: Mapping[str, Any]) -> str:
        """Return the path to what most of the cost comes from."""
        sizes = self._given([size.size(variables) for size in self._asked])
        costs, path, at = self._costs(sizes), list[str](), len(self._steps) - 1
        while self._steps[at].parts:
            parts = {part: sum(_answered(part, costs, sizes)) for part in self._steps[at].parts}
            greatest = max(parts, key=parts.__getitem__)
            if parts[greatest] * 2 < sum(parts.values()) + self._steps[at].own:
                break
            path += [greatest.name] if greatest.role is not Role.SPREAD else []
            at = greatest.below
        return ".".join(path)

    def _given(self, asked: Sequence[int]) -> list[int]:
        waiting = iter(asked)
        return [next(waiting) if isinstance(size, Asked) else size for size in self._sizes]

    def _costs(self, sizes: Sequence[int]) -> list[tuple[int, int]]:
        """Return what each step costs once, and with each object of the page above it."""
        costs: list[tuple[int, int]] = []
        for own, parts in self._steps:
            once, each = own, 0
            for part in parts:
                more_once, more_each = _answered(part, costs, sizes)
                once, each = min(once + more_once, CEILING), min(each + more_each, CEILING)
            costs.append((once, each))
        return costs


def _answered(part: Part, costs: Sequence[tuple[int, int]], sizes: Sequence[int]) -> tuple[int, int]:
    once, each = costs[part.below]
    if part.role is Role.SPREAD:
        return once, each
    one = once + each * sizes[part.page]
    return (0, one) if part.role is Role.PAGED else (one * sizes[part.length], 0)


@lru_cache(maxsize=KNOWN)
def formula_of(schema: GraphQLSchema, document: Document, operation_name: str | None) -> Formula:
    """Return the formula of an operation of a valid document."""
    operation = get_operation_ast(document.node, operation_name)
    root = schema.get_root_type(operation.operation) if operation else None
    if operation is None or root is None:
        return Formula([Step(0, ())], [])
    made = _Making(schema, document, operation)
    made.step(root, operation.selection_set)
    return Formula(made.steps, made.sizes)


class _Making:
    def __init__(self, schema: GraphQLSchema, document: Document, operation: OperationDefinitionNode) -> None:
        self.steps: list[Step] = []
        #: One object, and as many as a list without pages counts as, are said most.
        self.sizes: list[int | Asked] = [1, LENGTH]
        self._schema = schema
        definitions = document.node.definitions
        self._fragments = {node.name.value: node for node in definitions if isinstance(node, FragmentDefinitionNode)}
        self._defaults = {
            node.variable.name.value: value_from_ast_untyped(node.default_value)
            for node in operation.variable_definitions or ()
            if node.default_value is not None
        }
        self._known: dict[str, int] = {}

    def step(self, parent: GraphQLNamedType, selected: SelectionSetNode) -> int:
        """Make the step of a selection, after those below it; return its place."""
        own, parts = 0, list[Part]()
        for node in selected.selections:
            if isinstance(node, FieldNode):
                own += weight_of(self._schema, parent, node.name.value)
                if node.selection_set is not None:
                    parts.append(self._field(parent, node, node.selection_set))
            elif isinstance(node, FragmentSpreadNode):
                parts.append(Part(part_name(node), self._fragment(node.name.value), Role.SPREAD))
            else:
                assert isinstance(node, InlineFragmentNode)
                kind = self._schema.type_map[node.type_condition.name.value] if node.type_condition else parent
                parts.append(Part(part_name(node), self.step(kind, node.selection_set), Role.SPREAD))
        self.steps.append(Step(own, tuple(parts)))
        return len(self.steps) - 1

    def _fragment(self, name: str) -> int:
        if name not in self._known:
            node = self._fragments[name]
            self._known[name] = self.step(self._schema.type_map[node.type_condition.name.value], node.selection_set)
        return self._known[name]

    def _field(self, parent: Any, node: FieldNode, selected: SelectionSetNode) -> Part:
        name = node.name.value
        field = self._schema.get_field(parent, name)
        assert field is not None
        below, pages = self.step(get_named_type(field.type), selected), pages_of(parent, name, field)
        page = 1 if pages is None else self._size(self._asked(node, pages))
        if not _is_list(field.type):
            return Part(name, below, Role.OWN, 0, page)
        if takes_page(parent, name):
            return Part(name, below, Role.PAGED)
        length = page if pages is not None else self._size(length_of(self._schema, parent, name))
        return Part(name, below, Role.OWN, length)

    def _size(self, size: int | Asked) -> int:
        self.sizes.append(size)
        return len(self.sizes) - 1

    def _asked(self, node: FieldNode, pages: Pages) -> int | Asked:
        values = {argument.name.value: argument.value for argument in node.arguments or ()}
        found = (self._amount(values[path[0]], path[1:]) for path in pages.paths if path[0] in values)
        asked = Asked(tuple(amount for amount in found if amount is not None), pages)
        return asked if any(isinstance(amount, Given) for amount in asked.amounts) else asked.size({})

    def _amount(self, value: ValueNode, path: tuple[str, ...]) -> int | Given | None:
        """Return what a literal says, or which variable does."""
        if isinstance(value, VariableNode):
            return Given(value.name.value, path, self._defaults.get(value.name.value))
        if path:
            inner = _entries(value).get(path[0])
            return None if inner is None else self._amount(inner, path[1:])
        if isinstance(value, IntValueNode):
            return int(value.value)
        if isinstance(value, ListValueNode):
            return len(value.values)
        return None if isinstance(value, NullValueNode) else 1


def _entries(value: ValueNode) -> dict[str, ValueNode]:
    return {entry.name.value: entry.value for entry in value.fields} if isinstance(value, ObjectValueNode) else {}


def _is_list(kind: GraphQLOutputType) -> bool:
    return is_list_type(get_nullable_type(kind))
