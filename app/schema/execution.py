"""How operations are executed: by graphql-core, but for selections that are written breadth first."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from types import CoroutineType
from typing import Any, TypeGuard

from graphql import (
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution.collect_fields import CollectedFields, FieldDetailsList, GroupedFieldSet
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.schema.documents import KNOWN
from app.schema.selections import MOST, Selections


def is_awaitable(value: object) -> TypeGuard[Awaitable[Any]]:
    """Tell whether a value is still to come. Ours are coroutines and futures; asking rows for `__await__` is slow."""
    return isinstance(value, CoroutineType | asyncio.Future)


class Shape:
    """What an operation selects, level by level. Only directives make it depend on the variables."""

    def __init__(self, schema: GraphQLSchema) -> None:
        """Begin with nothing known; who executes the operation finds it out on the way."""
        self.root: GroupedFieldSet | None = None
        self.below: dict[tuple[str, int], tuple[FieldDetailsList, CollectedFields]] = {}
        self.selections = Selections(schema)


class Execution(StrawberryGraphQLCoreExecutionContext):
    """One operation."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Begin as graphql-core does, with what is known from executing the same operation before."""
        super().__init__(*args, **options)
        self.is_awaitable = is_awaitable
        location = self.operation.loc
        varies = location is None or "@" in location.source.body
        self._shape = Shape(self.schema) if varies else _shape_of(self.schema, _Same(self.operation))
        self._collect = lambda kind, details: self.collect_subfields(kind, details).grouped_field_set

    @classmethod
    def build(cls, *args: Any, **options: Any) -> Any:
        """Begin with an operation, or say what is wrong with its variables, without the names that were near."""
        return super().build(*args, **{**options, "hide_suggestions": True})

    def execute_root_grouped_field_set(
        self,
        root_type: GraphQLObjectType,
        root_value: Any,
        grouped_field_set: GroupedFieldSet,
        serially: bool,  # noqa: FBT001 - the base class calls it so
        position_context: Any,
    ) -> Any:
        """Answer the whole."""
        if self._shape.root is None:
            self._shape.root = grouped_field_set
        return super().execute_root_grouped_field_set(
            root_type, root_value, self._shape.root, serially, position_context
        )

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: FieldDetailsList
    ) -> CollectedFields:
        """Return what is selected below a field."""
        key = (return_type.name, id(field_details_list))
        known = self._shape.below.get(key)
        if known is None:
            collected = super().collect_subfields(return_type, field_details_list)
            if len(self._shape.below) >= MOST:
                return collected
            known = self._shape.below[key] = field_details_list, collected
        return known[1]

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> Any:
        """Answer the fields of an object."""
        execute = partial(super().execute_fields, parent_type, source_value, path)
        again = partial(execute, grouped_field_set, position_context)
        try:
            selection = self._shape.selections.of(parent_type, grouped_field_set, self._collect)
            if selection.followed:
                return _settled(selection.settle([source_value], self.context_value), again)
            answer = selection.write(source_value)
        except Exception:  # noqa: BLE001 - whatever it was, graphql-core meets it again and tells it
            return again()
        if not selection.rest:
            return answer
        others: Any = execute(selection.rest, position_context)
        return _joined(answer, others) if is_awaitable(others) else answer | others

    def complete_list_value(
        self,
        return_type: GraphQLList[GraphQLOutputType],
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Answer a list."""
        again = partial(
            super().complete_list_value, return_type, field_details_list, info, path, result, position_context
        )
        with suppress(Exception):  # as above
            writer = self._shape.selections.of_list(return_type, field_details_list, self._collect)
            if writer is not None and writer.settle is not None:
                return _settled(writer.settle([result], self.context_value), again)
            if writer is not None:
                return writer.write(result)
        return again()


async def _settled(coming: Awaitable[Sequence[Any]], again: Callable[[], Any]) -> Any:
    try:
        return (await coming)[0]
    except Exception:  # noqa: BLE001 - as above
        answer = again()
        return await answer if is_awaitable(answer) else answer


async def _joined(answer: dict[str, Any], others: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return answer | await others


class _Same:
    """A node that is equal to itself only: nodes are hashed and compared in depth."""

    def __init__(self, node: OperationDefinitionNode) -> None:
        self.node = node

    def __hash__(self) -> int:
        return id(self.node)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.node is other.node


@lru_cache(maxsize=KNOWN)
def _shape_of(schema: GraphQLSchema, _operation: _Same) -> Shape:
    return Shape(schema)
