"""How often fields are selected again in the same place, which validation compares pair by pair."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, InlineFragmentNode, SelectionSetNode


def find_repeated(
    selections: Sequence[SelectionSetNode], fragments: Mapping[str, FragmentDefinitionNode], most: int
) -> str | None:
    """Return a field with a selection that is selected again in the same place once too often, in all selections.

    Their fields must be few, fragments expanded, and their fragments go in no circle.
    """
    count, waiting = 0, [[selection] for selection in selections]
    while waiting:
        same = defaultdict[str, list[SelectionSetNode]](list)
        for node in _fields(waiting.pop(), fragments):
            if node.selection_set is not None:
                same[(node.alias or node.name).value].append(node.selection_set)
        for name, again in same.items():
            count += len(again) - 1
            if count > most:
                return name
            waiting.append(again)
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
