"""How often fields are selected again in the same place, which validation compares pair by pair."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, InlineFragmentNode, SelectionSetNode


class Repeated(NamedTuple):
    """A field that goes beyond a bound, by itself or for what is selected of it in all its places together."""

    name: str
    is_too_wide: bool


def find_repeated(
    selections: Sequence[SelectionSetNode], fragments: Mapping[str, FragmentDefinitionNode], most: int, widest: int
) -> Repeated | None:
    """Return a field with a selection that is selected again in the same place once too often, in all selections.

    Or one whose selections in the same place together have more fields than the widest may. The fields must be few,
    fragments expanded, and the fragments go in no circle.
    """
    count = 0
    waiting = [("", [selection]) for selection in selections]
    while waiting:
        name, together = waiting.pop()
        same, breadth = defaultdict[str, list[SelectionSetNode]](list), 0
        for node in _fields(together, fragments):
            breadth += 1
            if node.selection_set is not None:
                same[(node.alias or node.name).value].append(node.selection_set)
        if breadth > widest:
            return Repeated(name, is_too_wide=True)
        for again in same.values():
            count += len(again) - 1
        if count > most:
            return Repeated(max(same, key=lambda one: len(same[one])), is_too_wide=False)
        waiting += same.items()
    return None


def _fields(
    selections: Sequence[SelectionSetNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterator[FieldNode]:
    """Return the fields of some selections as if they were one, with each fragment once."""
    waiting, spread = list(selections), set[str]()
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                waiting.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                spread.add(node.name.value)
                if (fragment := fragments.get(node.name.value)) is not None:
                    waiting.append(fragment.selection_set)
