"""Orders of rows, and where in one a page goes on."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, literal, or_, tuple_

from app.loaders.bytewise import bytewise
from app.loaders.identity import place_of

#: Where a row stands in an order: the value of the order's column, and what tells rows with the same value apart.
Position = tuple[Any, Any]


@dataclass(frozen=True)
class Order:
    """By a column, nulls after every value, and then by the place; by that alone without one. See `place_of`."""

    column: str | None = None
    descending: bool = False

    def position_of(self, row: Any, place: str) -> Position:
        """Return where a row stands; `place` names the column that tells rows apart."""
        return (None if self.column is None else getattr(row, self.column)), getattr(row, place)


def sorting(table: Table, order: Order, *, backward: bool) -> list[ColumnElement[Any]]:
    """Return what rows are sorted by, from the end if `backward`."""
    down = order.descending != backward
    place = place_of(table)
    by_place = place.desc() if down else place.asc()
    if order.column is None:
        return [by_place]
    column = table.c[order.column]
    key = bytewise(column)
    by_value = key.desc() if down else key.asc()
    if column.nullable:
        by_value = by_value.nulls_first() if down else by_value.nulls_last()
    return [by_value, by_place]


def beyond(table: Table, order: Order, position: Position, *, after: bool) -> ColumnElement[bool]:
    """Return the condition that a row comes after a position, or before it."""
    upwards = after != order.descending
    value, identifier = position
    place = place_of(table)
    by_place: ColumnElement[bool] = place > identifier if upwards else place < identifier
    if order.column is None:
        return by_place
    column = table.c[order.column]
    if value is None:
        return column.is_(None) & by_place if upwards else column.is_not(None) | by_place
    key = tuple_(bytewise(column), place)
    here = tuple_(literal(value, column.type), literal(identifier, place.type))
    if not upwards:
        return key < here
    return or_(key > here, column.is_(None)) if column.nullable else key > here
