"""Scalars that take exactly one way of writing a value, and keep every digit of it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NewType, TypeVar

import strawberry
from graphql import (
    BooleanValueNode,
    EnumValueNode,
    FloatValueNode,
    GraphQLError,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    value_from_ast_untyped,
)
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from app.billing.decimals import parse_decimal, plain
from app.billing.money import known_currency

CurrencyCode = NewType("CurrencyCode", str)
T = TypeVar("T")

_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:\d{2})", re.ASCII | re.IGNORECASE
)
#: Instants outside these years can't be billed, nor moved by a period without leaving the calendar.
_YEARS = range(1970, 2501)


def parse_instant(value: object) -> datetime:
    """Read an instant: RFC 3339, seconds and offset included, from 1970 to 2500."""
    if not isinstance(value, str) or _INSTANT.fullmatch(value) is None:
        raise GraphQLError("A DateTime is written like 2026-08-01T12:00:00Z, with a time and an offset.")
    try:
        instant = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise GraphQLError("The DateTime names a day or time that does not exist.") from error
    if instant.year not in _YEARS:
        raise GraphQLError(f"A DateTime lies in the years {_YEARS.start} to {_YEARS.stop - 1}.")
    return instant


def write_instant(value: datetime) -> str:
    """Write an instant in UTC, with microseconds only where there are any."""
    return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


def write_number(value: object) -> str:
    """Write a decimal in plain notation; an amount of money comes written already, with the places of its currency."""
    return value if isinstance(value, str) else plain(value)  # type: ignore[arg-type]


def parse_number(value: object) -> Decimal:
    """Read a decimal from a string, or from a JSON number that was read without a float."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise GraphQLError('A Decimal is written like "1234.56".')
    try:
        return parse_decimal(value if isinstance(value, str) else plain(value))
    except ValueError as error:
        raise GraphQLError(f"The Decimal {error}.") from error


def _number_of_literal(node: ValueNode, _variables: object = None) -> Decimal:
    if not isinstance(node, StringValueNode | IntValueNode | FloatValueNode):
        return parse_number(None)
    return parse_number(node.value)


def _literal(read: Callable[[Any], T]) -> Callable[..., T]:
    """Return how a literal is read that any value of is read by `read`."""
    return _placed(lambda node, variables: read(value_from_ast_untyped(node, variables)))


def _placed(read: Callable[..., T]) -> Callable[..., T]:
    """Return a reader of literals whose refusals say where in the document the literal stands."""

    def parse(node: ValueNode, variables: dict[str, Any] | None = None) -> T:
        try:
            return read(node, variables)
        except GraphQLError as error:
            raise GraphQLError(error.message, node) from error

    return parse


def parse_currency(value: object) -> str:
    """Read a currency's code."""
    if not isinstance(value, str) or not known_currency(value):
        raise GraphQLError("A CurrencyCode is that of an active ISO 4217 currency in capitals, like USD.")
    return value


def _json_of_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> object:
    read = _JSON_LITERALS.get(type(node))
    if read is not None:
        return read(node)
    if isinstance(node, ListValueNode):
        return [_json_of_literal(item, variables) for item in node.values]
    if isinstance(node, ObjectValueNode):
        return {item.name.value: _json_of_literal(item.value, variables) for item in node.fields}
    return (variables or {}).get(node.name.value)  # type: ignore[attr-defined]  # what is left is a variable


_JSON_LITERALS: Final[dict[type[ValueNode], Callable[[Any], object]]] = {
    NullValueNode: lambda _node: None,
    BooleanValueNode: lambda node: node.value,
    StringValueNode: lambda node: node.value,
    EnumValueNode: lambda node: node.value,
    IntValueNode: lambda node: int(node.value),
    FloatValueNode: lambda node: Decimal(node.value),
}

SCALARS: Final[dict[object, ScalarDefinition]] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description=(
            "An instant, written as in RFC 3339 with seconds and an offset, from 1970 to 2500; answered in UTC. "
            "Example: `2026-08-01T12:00:00Z`."
        ),
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        serialize=write_instant,
        parse_value=parse_instant,
        parse_literal=_literal(parse_instant),
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description=(
            "An exact decimal number, at most 20 digits before and 18 after the point when given, of any size when "
            "answered. Answered as a string without exponent; money has all places of its currency, other "
            'numbers no trailing zeros. Example: `"0.00002"`.'
        ),
        serialize=write_number,
        parse_value=parse_number,
        parse_literal=_placed(_number_of_literal),
    ),
    CurrencyCode: strawberry.scalar(
        name="CurrencyCode",
        description="The code of an active ISO 4217 currency that has a minor unit. Example: `USD`.",
        specified_by_url="https://www.iso.org/iso-4217-currency-codes.html",
        serialize=str,
        parse_value=parse_currency,
        parse_literal=_literal(parse_currency),
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description='Any JSON value; numbers keep every digit. Example: `{"team": "search"}`.',
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        parse_value=lambda value: value,
        parse_literal=_json_of_literal,
    ),
}
