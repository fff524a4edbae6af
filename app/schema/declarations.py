"""How types are declared: what each field means, where its value comes from, and which scope may read it."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, TypeVar, dataclass_transform

import strawberry
from sqlmodel import SQLModel
from strawberry import Info, Parent

from app.billing.access import Scope
from app.context import Context

C = TypeVar("C", bound=type)


class AnyKey(enum.Enum):
    """The access of what every key may read, whatever its scopes."""

    ANY_KEY = enum.auto()


ANY_KEY: Final = AnyKey.ANY_KEY
#: Who may read a field: holders of a scope, any key, or whoever may read the noun it leads to.
Access = Scope | AnyKey | type[SQLModel]


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
    if of is not None:
        options["resolver"] = _reader(attrgetter(of) if isinstance(of, str) else of)
    return strawberry.field(description=description, metadata={"access": access}, **options)


def edge(description: str, model: type[SQLModel], key: str) -> Any:
    """Declare the way to the one noun whose id is in the attribute `key`, or to null where that is."""

    async def resolve(root: Parent[Any], info: Info[Context, None]) -> Any:
        identifier = getattr(root, key)
        return None if identifier is None else await info.context.loaders.by_id(model).load(identifier)

    return field(description, resolver=resolve)


def batched(description: str, batch: Callable[..., Any], *, access: Access | None = None) -> Any:
    """Declare a field whose value a batch function of `loaders` finds by the row's id."""

    async def resolve(root: Parent[Any], info: Info[Context, None]) -> Any:
        return await info.context.loaders.of(batch).load(root.id)

    return field(description, resolver=resolve, access=access)


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
