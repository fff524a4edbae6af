"""The shape of documents: how deep, wide and entangled they are, found before anything else looks at them.

Each fragment is looked at once, whatever spreads it, so the work is linear in the document. What grows beyond its bound
is refused there and then, so no number gets far beyond one either.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

from app.schema.repeats import find_repeated

#: Fields within each other.
MAX_DEPTH: Final = 20
#: Fields of one selection. Like the next three it counts a fragment as often as it is spread.
MAX_BREADTH: Final = 200
#: Fields, aliases and directives of all operations together.
MAX_FIELDS: Final = 1000
MAX_ALIASES: Final = 100
MAX_DIRECTIVES: Final = 50
#: Fragments, and how many of them, named or not, lie within each other.
MAX_FRAGMENTS: Final = 50
#: Fields with a selection that are selected again in the same place: validation compares each pair of them.
MAX_REPEATS: Final = 50


class TooComplex(Exception):
    """A document that goes beyond a bound. Its message is for the client, the rest for its program."""

    def __init__(self, measure: str, bound: int, subject: str) -> None:
        """Take what was measured, its bound, and the rest of the sentence that begins with what goes beyond it."""
        super().__init__(f"{subject} {bound} is the most.")
        self.measure = measure
        self.bound = bound


class Shape(NamedTuple):
    """What a selection adds up to.

    `depth` is that of its deepest field, `nesting` that of its deepest fragment, `breadth` how many fields lie side
    by side.
    """

    depth: int = 0
    nesting: int = 0
    breadth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0

    def beside(self, other: "Shape") -> "Shape":
        """Return what two parts of one selection are together."""
        return Shape(
            max(self.depth, other.depth),
            max(self.nesting, other.nesting),
            self.breadth + other.breadth,
            self.fields + other.fields,
            self.aliases + other.aliases,
            self.directives + other.directives,
        )


NOTHING: Final = Shape()


def check_shape(document: DocumentNode) -> bool:
    """Raise TooComplex where a document goes beyond a bound; return whether its fragments go in circles.

    What is wrong with it otherwise, a circle too, is left to validation.
    """
    looked = _Looked(document)
    whole = NOTHING
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            part = looked.whole_of(node, f"the {node.operation.value}")
            whole = _within_bounds(whole.beside(part))
        elif isinstance(node, FragmentDefinitionNode):
            # Those that nothing spreads too, and those whose name another one has: validation reads them all.
            looked.of_fragment(node)
    if not looked.goes_in_circles:
        looked.check_repeats()
    return looked.goes_in_circles


class _Looked:
    def __init__(self, document: DocumentNode) -> None:
        nodes = [node for node in document.definitions if isinstance(node, FragmentDefinitionNode)]
        if len(nodes) > MAX_FRAGMENTS:
            raise TooComplex("fragments", MAX_FRAGMENTS, f"The document has {len(nodes)} fragments;")
        self.goes_in_circles = False
        self._document = document
        self._fragments: Mapping[str, FragmentDefinitionNode] = {node.name.value: node for node in nodes}
        self._known: dict[int, Shape] = {}
        self._open: set[int] = set()

    def whole_of(self, node: OperationDefinitionNode, name: str) -> Shape:
        shape = self._selection(node.selection_set, name, 0, 0)
        own = _directives(node) + sum(map(_directives, node.variable_definitions or ()))
        return _within_bounds(shape.beside(Shape(directives=own)))

    def of_fragment(self, node: FragmentDefinitionNode, depth: int = 0, within: int = 0) -> Shape:
        if id(node) in self._open:
            self.goes_in_circles = True
            return NOTHING
        known = self._known.get(id(node))
        if known is None:
            self._open.add(id(node))
            shape = self._selection(node.selection_set, f"the fragment {node.name.value}", depth, within)
            self._open.remove(id(node))
            known = self._known[id(node)] = _within_bounds(shape.beside(Shape(directives=_directives(node))))
        return known

    def check_repeats(self) -> None:
        for kind in (OperationDefinitionNode, FragmentDefinitionNode):
            selections = [node.selection_set for node in self._document.definitions if isinstance(node, kind)]
            found = find_repeated(selections, self._fragments, MAX_REPEATS, MAX_BREADTH)
            if found is not None and found.is_too_wide:
                raise TooComplex("breadth", MAX_BREADTH, f"Of {found.name} too many fields are selected, in all;")
            if found is not None:
                what = f"{found.name} and other fields with a selection are selected again too often where they are;"
                raise TooComplex("repeats", MAX_REPEATS, what)

    def _selection(self, selected: SelectionSetNode, name: str, depth: int, within: int) -> Shape:
        """Return the shape of a selection that lies `depth` fields deep `within` so many fragments."""
        shape = NOTHING
        for node in selected.selections:
            if isinstance(node, FieldNode):
                part = self._field(node, depth + 1, within)
            else:
                assert isinstance(node, FragmentSpreadNode | InlineFragmentNode)
                part = self._spread(node, name, depth, within + 1)
            shape = shape.beside(part).beside(Shape(directives=_directives(node)))
            _check_depth(depth + shape.depth, part_name(node))
            if shape.breadth > MAX_BREADTH:
                raise TooComplex("breadth", MAX_BREADTH, f"Of {name} too many fields are selected;")
            _within_bounds(shape)
        return shape

    def _field(self, node: FieldNode, depth: int, within: int) -> Shape:
        _check_depth(depth, node.name.value)
        below = NOTHING
        if node.selection_set is not None:
            below = self._selection(node.selection_set, node.name.value, depth, within)
        aliases = below.aliases + (node.alias is not None)
        return below._replace(depth=below.depth + 1, breadth=1, fields=below.fields + 1, aliases=aliases)

    def _spread(self, node: FragmentSpreadNode | InlineFragmentNode, name: str, depth: int, within: int) -> Shape:
        """Return the shape of what a fragment puts into a selection."""
        # Before it is looked at, as what goes down too far would come to the end of the interpreter's stack.
        _check_nesting(within, name)
        if isinstance(node, InlineFragmentNode):
            part = self._selection(node.selection_set, name, depth, within)
        else:
            fragment = self._fragments.get(node.name.value)
            part = self.of_fragment(fragment, depth, within) if fragment else NOTHING
        _check_nesting(within + part.nesting, name)
        return part._replace(nesting=part.nesting + 1)


def part_name(node: SelectionNode) -> str:
    """Return what a part of a selection is called."""
    if isinstance(node, FieldNode):
        return node.name.value
    return f"...{node.name.value}" if isinstance(node, FragmentSpreadNode) else "..."


def _directives(node: Any) -> int:
    return len(node.directives or ())


def _check_depth(depth: int, name: str) -> None:
    if depth > MAX_DEPTH:
        raise TooComplex("depth", MAX_DEPTH, f"Too many fields lie within each other, up to {name};")


def _check_nesting(nesting: int, name: str) -> None:
    if nesting > MAX_FRAGMENTS:
        raise TooComplex("fragments", MAX_FRAGMENTS, f"In {name} too many fragments lie within each other;")


def _within_bounds(shape: Shape) -> Shape:
    if shape.fields > MAX_FIELDS:
        raise TooComplex("fields", MAX_FIELDS, "The document selects too many fields;")
    if shape.aliases > MAX_ALIASES:
        raise TooComplex("aliases", MAX_ALIASES, "The document has too many aliases;")
    if shape.directives > MAX_DIRECTIVES:
        raise TooComplex("directives", MAX_DIRECTIVES, "The document has too many directives;")
    return shape
