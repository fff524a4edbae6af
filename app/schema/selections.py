"""Writing answers breadth first: all values of a selected field together, and so a coroutine a field, not a value.

It is for fields without arguments, whose declarations say what they read of a row or which loader they follow. Whatever
is not as promised raises, and `execution` leaves it to graphql-core, which knows how errors are told.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from graphql import (
    GraphQLAbstractType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    Undefined,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet

from app.context import Context
from app.schema.declarations import loaded

#: How many selections of an operation are looked at. Fragments that spread each other twice make exponentially many,
#: which graphql-core only meets as far as there is data.
MOST = 200

Write = Callable[[Any], Any]
Settle = Callable[[Sequence[Any], Context], Awaitable[list[Any]]]
#: Returns what is selected below a field.
Collect = Callable[[GraphQLObjectType, FieldDetailsList], GroupedFieldSet]


class NotAsPromised(Exception):
    """A value is not what its field says; nobody sees this, as graphql-core then says what is wrong."""


@dataclass(frozen=True)
class Writer:
    """How the values of a field are written: each by itself or, with `settle`, all when what they lead to is loaded."""

    write: Write = lambda value: value
    settle: Settle | None = None

    async def written(self, values: Sequence[Any], context: Context) -> list[Any]:
        """Write values."""
        if self.settle is not None:
            return await self.settle(values, context)
        return [self.write(value) for value in values]


@dataclass(frozen=True)
class Selection:
    """What is asked of the objects of a type. With a `rest`, which only graphql-core can do, it follows nothing."""

    names: GroupedFieldSet
    read: list[tuple[str, Callable[[Any], Any], Write]] = field(default_factory=list)
    followed: list[tuple[str, Settle]] = field(default_factory=list)
    rest: GroupedFieldSet = field(default_factory=dict)

    def write(self, source: Any) -> dict[str, Any]:
        """Return what is read of an object, in the order asked for, with None for what is not there yet."""
        answer: dict[str, Any] = dict.fromkeys(self.names) if self.followed or self.rest else {}
        for name, read, write in self.read:
            answer[name] = write(read(source))
        return answer

    async def settle(self, sources: Sequence[Any], context: Context) -> list[dict[str, Any]]:
        """Return everything of some objects. Fields are followed at the same time, and all of them to their end."""
        answers = [self.write(source) for source in sources]
        if len(self.followed) == 1:
            columns: list[Any] = [await self.followed[0][1](sources, context)]
        else:
            following = (settle(sources, context) for _, settle in self.followed)
            columns = await asyncio.gather(*following, return_exceptions=True)
        for (name, _), column in zip(self.followed, columns, strict=True):
            if isinstance(column, BaseException):
                raise column
            for answer, value in zip(answers, column, strict=True):
                answer[name] = value
        return answers


class Selections:
    """The selections of an operation, each looked at once."""

    def __init__(self, schema: GraphQLSchema) -> None:
        """Begin with none."""
        self._schema = schema
        self._begun = 0
        self._selections: dict[int, Selection] = {}
        self._lists: dict[int, tuple[FieldDetailsList, Writer | None]] = {}

    def of(self, kind: GraphQLObjectType, names: GroupedFieldSet, collect: Collect) -> Selection:
        """Return a selection. It holds on to `names`, so that their id stays theirs."""
        known = self._selections.get(id(names))
        if known is None:
            if self._begun >= MOST:
                return Selection(names, rest=dict(names))
            self._begun += 1
            known = self._selections[id(names)] = self._sorted(kind, names, collect)
        return known

    def of_list(self, kind: GraphQLOutputType, details: FieldDetailsList, collect: Collect) -> Writer | None:
        """Return how a list is written; None where graphql-core has to."""
        known = self._lists.get(id(details))
        if known is None and len(self._lists) >= MOST:
            return None
        if known is None:
            known = self._lists[id(details)] = details, self._writer(kind, details, collect)
        return known[1]

    def _sorted(self, kind: GraphQLObjectType, names: GroupedFieldSet, collect: Collect) -> Selection:
        selection, followed = Selection(names), dict[str, FieldDetailsList]()
        for name, details in names.items():
            asked = details[0].node.name.value
            declared = kind.fields.get(asked)
            if asked == "__typename":
                selection.read.append((name, lambda _: kind.name, str))
            elif declared is None or (writer := self._writer_of(declared, details, collect)) is None:
                selection.rest[name] = details
            elif writer.settle is None and "read" in declared.extensions:
                selection.read.append((name, declared.extensions["read"], writer.write))
            else:
                followed[name] = details
                selection.followed.append((name, _follow(declared, writer)))
        if selection.rest:
            selection.rest.update(followed)
            selection.followed.clear()
        return selection

    def _writer_of(self, declared: GraphQLField, details: FieldDetailsList, collect: Collect) -> Writer | None:
        known = "read" in declared.extensions or "follow" in declared.extensions
        return self._writer(declared.type, details, collect) if known else None

    def _writer(self, kind: GraphQLOutputType, details: FieldDetailsList, collect: Collect) -> Writer | None:
        if is_leaf_type(kind):
            return Writer(_nullable(kind.coerce_output_value))
        if is_non_null_type(kind) and is_leaf_type(kind.of_type):
            return Writer(_required(kind.of_type.coerce_output_value))
        if is_object_type(kind):
            selection = self.of(kind, collect(kind, details), collect)
            return None if selection.rest else _of_objects(kind, selection)
        if is_non_null_type(kind) or is_list_type(kind):
            inner = self._writer(kind.of_type, details, collect)
            return inner and (_all_required(inner) if is_non_null_type(kind) else _of_lists(inner))
        assert is_abstract_type(kind)
        return self._of_members(kind, details, collect)

    def _of_members(self, kind: GraphQLAbstractType, details: FieldDetailsList, collect: Collect) -> Writer | None:
        members = [
            (_type_check(member), self.of(member, collect(member, details), collect))
            for member in self._schema.get_possible_types(kind)
        ]
        if any(selection.rest or selection.followed for _, selection in members):
            return None

        def write(value: Any) -> Any:
            for is_of, selection in members:
                if is_of(value):
                    return selection.write(value)
            raise NotAsPromised

        return Writer(_nullable(write))


def _follow(declared: GraphQLField, writer: Writer) -> Settle:
    how = declared.extensions
    if "read" in how:
        read = how["read"]
        return lambda sources, context: writer.written([read(source) for source in sources], context)
    follow, then = how["follow"], how["then"]

    async def settle(sources: Sequence[Any], context: Context) -> list[Any]:
        # All are asked for before the first is awaited: so they come with one statement.
        coming = [follow(source, context) for source in sources]
        come = [None if future is None else await loaded(future) for future in coming]
        values = come if then is None else [then(source, value) for source, value in zip(sources, come, strict=True)]
        return await writer.written(values, context)

    return settle


def _nullable(write: Write) -> Write:
    return lambda value: None if value is None else write(value)


def _required(write: Write) -> Write:
    def write_required(value: Any) -> Any:
        written = None if value is None else write(value)
        if written is None or written is Undefined:
            raise NotAsPromised
        return written

    return write_required


def _all_required(inner: Writer) -> Writer:
    async def settle(values: Sequence[Any], context: Context) -> list[Any]:
        answers = await inner.written(values, context)
        if None in answers:
            raise NotAsPromised
        return answers

    return Writer(_required(inner.write), inner.settle and settle)


def _of_lists(inner: Writer) -> Writer:
    async def settle(values: Sequence[Any], context: Context) -> list[Any]:
        items = [item for value in values if value is not None for item in value]
        written = iter(await inner.written(items, context))
        return [None if value is None else list(islice(written, len(value))) for value in values]

    return Writer(_nullable(lambda items: [inner.write(item) for item in items]), inner.settle and settle)


def _type_check(kind: GraphQLObjectType) -> Callable[[Any], bool]:
    # Ours look at the value only.
    is_type_of: Callable[[Any, None], bool] | None = kind.is_type_of  # type: ignore[assignment]
    return (lambda _: True) if is_type_of is None else (lambda value: is_type_of(value, None))


def _of_objects(kind: GraphQLObjectType, selection: Selection) -> Writer:
    is_of = _type_check(kind)

    def checked(value: Any) -> Any:
        if not is_of(value):
            raise NotAsPromised
        return value

    async def settle(values: Sequence[Any], context: Context) -> list[Any]:
        answers = iter(await selection.settle([checked(value) for value in values if value is not None], context))
        return [None if value is None else next(answers) for value in values]

    return Writer(_nullable(lambda value: selection.write(checked(value))), settle if selection.followed else None)
