"""How a noun declares its `filter` and `orderBy`: which field of the API compares or sorts by which column."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar, dataclass_transform

import strawberry
from sqlmodel import SQLModel
from strawberry import UNSET
from strawberry.utils.str_converters import to_camel_case

from app.loaders.conditions import Condition, Given, contains, is_one_of, is_set, is_within
from app.loaders.orders import Order
from app.models.row import CatalogRow
from app.schema.client_error import ClientError
from app.schema.declarations import field
from app.schema.enums import describe

C = TypeVar("C", bound=type)

MAX_ENTRIES = 100
#: No name is longer.
MAX_TEXT = 255


class OrderDirection(StrEnum):
    """From the least to the greatest, or the other way round."""

    ASC = "ASC"
    DESC = "DESC"


describe(
    OrderDirection,
    "Which end of an order comes first.",
    {
        OrderDirection.ASC: "The least first: oldest, lowest, A before a; null last.",
        OrderDirection.DESC: "The greatest first: newest, highest, a before A; null first.",
    },
)


@strawberry.input(description="A span of time with its start and without its end; either may be left out.")
class InstantRange:
    """Becomes the pair that `conditions.is_within` compares with."""

    start: datetime | None = field(
        "At this instant or later. Example: `2026-01-01T00:00:00Z`.", name="from", default=None
    )
    before: datetime | None = field("Earlier than this instant. Example: `2026-02-01T00:00:00Z`.", default=None)


@dataclass(frozen=True)
class By:
    """A column that lists can be ordered by, and what it is called in the API's prose."""

    column: str
    description: str


@dataclass(frozen=True)
class Listing:
    """The inputs of a noun's lists."""

    filter: type
    order: type


LISTINGS: Final[dict[type[SQLModel], Listing]] = {}


def one_of(column: str, description: str, *, derived: Callable[[str, str], str] | None = None) -> Any:
    """Declare a list of values of which the column has one."""
    return _condition(Condition(column, is_one_of, derived), f"{description} At most {MAX_ENTRIES}.")


def one_of_these(column: str, model: type[CatalogRow], description: str) -> Any:
    """Declare a list of ids or keys of a catalog noun, of which the column has one's id."""
    return _condition(Condition(column, is_one_of, refers_to=model), f"{description} At most {MAX_ENTRIES}.")


def containing(column: str, description: str) -> Any:
    """Declare a text that the column contains."""
    return _condition(Condition(column, contains), f"{description} Case counts for letters outside ASCII only.")


def within(column: str, description: str) -> Any:
    """Declare a span that the column's instant lies in."""
    return _condition(Condition(column, is_within), f'{description} Example: `{{ from: "2026-01-01T00:00:00Z" }}`.')


def is_given(column: str, description: str) -> Any:
    """Declare a boolean: true where the column is set, false where it is null."""
    return _condition(Condition(column, is_set), f"{description} Example: `true`.")


def _condition(condition: Condition, description: str) -> Any:
    return strawberry.field(description=description, default=UNSET, metadata={"condition": condition})


@dataclass_transform(kw_only_default=True, field_specifiers=(one_of, one_of_these, containing, within, is_given))
def listing(model: type[SQLModel], **orders: By) -> Callable[[C], C]:
    """Declare the filter of a noun, named after it, and the fields that its lists can be ordered by."""

    def declare(cls: C) -> C:
        noun = cls.__name__.removesuffix("Filter")
        declared = strawberry.input(
            cls,
            description=f"Which of type {noun} to list: those that meet every condition given. Of a list any entry may "
            "match, none of an empty one; null is no condition.",
        )
        LISTINGS[model] = Listing(declared, _order_input(noun, orders))
        return declared

    return declare


def _order_input(noun: str, orders: dict[str, By]) -> type:
    fields: Any = StrEnum(f"{noun}OrderField", {name: by.column for name, by in orders.items()})  # type: ignore[misc]  # no literal
    describe(
        fields,
        f"What lists of type {noun} can be ordered by.",
        {fields[name]: by.description for name, by in orders.items()},
    )
    body = {
        "__annotations__": {"field": fields, "direction": OrderDirection},
        "field": field(f"What to order by. Example: `{next(iter(orders))}`."),
        "direction": field("Which end comes first. Example: `DESC`.", default=OrderDirection.ASC),
    }
    return strawberry.input(
        type(f"{noun}Order", (), body),
        description=f"An order of type {noun}. Where the field is the same, the id decides, in the same direction.",
    )


def conditions_of(filter: Any) -> Given:
    """Return the conditions that a filter gives; ClientError naming the first that is wrong."""
    return tuple(_given(filter)) if filter else ()


def _given(filter: Any) -> Iterator[tuple[Condition, Any]]:
    for item in filter.__strawberry_definition__.fields:
        value = getattr(filter, item.python_name)
        if value is not None and value is not UNSET:
            yield item.metadata["condition"], _checked(f"filter.{to_camel_case(item.python_name)}", value)


def _checked(path: str, value: Any) -> Any:
    if isinstance(value, list):
        if len(value) > MAX_ENTRIES:
            raise ClientError(f"{path}: at most {MAX_ENTRIES} at once.")
        return tuple(value)
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise ClientError(f"{path}: at most {MAX_TEXT} characters.")
    if isinstance(value, InstantRange):
        if value.start is not None and value.before is not None and value.start >= value.before:
            raise ClientError(f"{path}: `from` must be earlier than `before`.")
        return value.start, value.before
    return value


def order_of(order: Any) -> Order:
    """Return the order asked for, or that of the ids."""
    return Order(order.field.value, order.direction is OrderDirection.DESC) if order else BY_ID


BY_ID: Final = Order()
