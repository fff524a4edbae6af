"""How types are declared: what each field means, where its value comes from, and which scope may read it."""

import enum
from asyncio import ensure_future, shield
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, TypeVar, dataclass_transform

import strawberry
from sqlmodel import SQLModel
from strawberry import Info, Parent

from app.billing.access import Scope
from app.context import Context

C = TypeVar("C", bound=type)


#: Of what waits for events to be counted, and answers without some of them rather than too late.
CORRECTS: Final = (
    "The first line of a closed period whose usage came late: this one charges what the period costs with it, less "
    "what was charged before. Null for all else."
)
COUNTED_UP_TO: Final = (
    "Where acknowledged events still wait to be counted: all received before this instant are. Else null."
)


class AnyKey(enum.Enum):
    """The access of what every key may read, whatever its scopes."""

    ANY_KEY = enum.auto()


ANY_KEY: Final = AnyKey.ANY_KEY
#: Who may read a field: holders of a scope, any key, or whoever may read the noun it leads to.
Access = Scope | AnyKey | type[SQLModel]
Follow = Callable[[Any, Context], Awaitable[Any] | None]


@dataclass(frozen=True)
class Noun:
    """What the schema knows of a type that has ids."""

    kind: type
    prefix: str
    model: type[SQLModel]
    access: Scope | AnyKey


NOUNS: Final[dict[str, Noun]] = {}


def field(
    description: str,
    *,
    of: str | Callable[[Any], Any] | None = None,
    access: Access | None = None,
    **options: Any,
) -> Any:
    """Declare a field of an output or input type.

    Its value is the attribute of its name, the one that `of` names, or what `of` makes of the row. Without `access`
    it is as open as its type.
    """
    metadata: dict[str, Any] = {"access": access}
    if of is not None:
        metadata["read"] = read = attrgetter(of) if isinstance(of, str) else of
        options["resolver"] = _reader(read)
    return strawberry.field(description=description, metadata=metadata, **options)


def followed(
    description: str,
    follow: Follow,
    then: Callable[[Any, Any], Any] | None = None,
    *,
    access: Access | None = None,
) -> Any:
    """Declare a field without arguments whose value a loader will have.

    `follow` asks the loader for it, or returns None where there is nothing to ask for; `then` makes the value of the
    row and what was loaded.
    """

    async def resolve(root: Parent[Any], info: Info[Context, None]) -> Any:
        future = follow(root, info.context)
        found = None if future is None else await loaded(future)
        return found if then is None else then(root, found)

    metadata = {"access": access, "follow": follow, "then": then}
    return strawberry.field(description=description, metadata=metadata, resolver=resolve)


async def loaded(coming: Awaitable[Any]) -> Any:
    """Wait for what a loader has. To await the future itself would cancel it with this task, and others wait for it."""
    future = ensure_future(coming)
    return future.result() if future.done() else await shield(future)


def edge(description: str, model: type[SQLModel], key: str) -> Any:
    """Declare the way to the one noun whose id is in the attribute `key`, or to null where that is."""
    identifier_of = attrgetter(key)

    def follow(root: Any, context: Context) -> Awaitable[Any] | None:
        identifier = identifier_of(root)
        return None if identifier is None else context.loaders.linked(model).load(identifier)

    return followed(description, follow)


def batched(description: str, batch: Callable[..., Any], *, access: Access | None = None) -> Any:
    """Declare a field whose value a batch function of `loaders` finds by the row's id."""
    return followed(description, lambda root, context: context.loaders.of(batch).load(root.id), access=access)


@dataclass_transform(kw_only_default=True, field_specifiers=(field, edge, batched))
def value(description: str, access: Access = ANY_KEY) -> Callable[[C], C]:
    """Declare an output type without an id."""

    def declare(cls: C) -> C:
        declared = strawberry.type(cls, description=description)
        declared.__access__ = access  # type: ignore[attr-defined]
        return declared

    return declare


def noun(prefix: str, model: type[SQLModel], access: Scope | AnyKey, description: str) -> Callable[[C], C]:
    """Declare an output type with ids; its fields take `access` unless they say otherwise."""

    def declare(cls: C) -> C:
        declared = value(description, access)(cls)
        declared.id_prefix = f"{prefix}_"  # type: ignore[attr-defined]
        NOUNS[prefix] = Noun(declared, prefix, model, access)
        return declared

    return declare


def _reader(of: Callable[[Any], Any]) -> Callable[..., Any]:
    def resolve(root: Parent[Any]) -> Any:
        return of(root)

    return resolve
