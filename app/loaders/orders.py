"""Orders of rows, and where in one a page goes on."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, literal, or_, tuple_

from app.loaders.bytewise import bytewise

#: Where a row stands in an order: the value of the order's column, and the id.
Position = tuple[Any, str]


@dataclass(frozen=True)
class Order:
    """By a column, nulls after every value, and then by id; by id alone without one. Reversed if `descending`."""

    column: str | None = None
    descending: bool = False

    def position_of(self, row: Any) -> Position:
        """Return where a row stands."""
        return (None if self.column is None else getattr(row, self.column)), row.id


def sorting(table: Table, order: Order, *, backward: bool) -> list[ColumnElement[Any]]:
    """Return what rows are sorted by, from the end if `backward`."""
    down = order.descending != backward
    by_id = table.c.id.desc() if down else table.c.id.asc()
    if order.column is None:
        return [by_id]
    column = table.c[order.column]
    key = bytewise(column)
    by_value = key.desc() if down else key.asc()
    if column.nullable:
        by_value = by_value.nulls_first() if down else by_value.nulls_last()
    return [by_value, by_id]


def beyond(table: Table, order: Order, position: Position, *, after: bool) -> ColumnElement[bool]:
    """Return the condition that a row comes after a position, or before it."""
    upwards = after != order.descending
    value, identifier = position
    by_id = table.c.id > identifier if upwards else table.c.id < identifier
    if order.column is None:
        return by_id
    column = table.c[order.column]
    if value is None:
        return column.is_(None) & by_id if upwards else column.is_not(None) | by_id
    key = tuple_(bytewise(column), table.c.id)
    here = tuple_(literal(value, column.type), literal(identifier, table.c.id.type))
    if not upwards:
        return key < here
    return or_(key > here, column.is_(None)) if column.nullable else key > here
