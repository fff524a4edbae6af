"""What tells the rows of a table apart: the column they are in order by, and how ids find them."""

from typing import Any

from sqlalchemy import Column, ColumnElement, Table, select
from sqlmodel import SQLModel

from app.models import EventKey, MeterEvent, table_of

_EVENTS = table_of(MeterEvent)


def place_of(table: Table) -> Column[Any]:
    """Return the unique column that rows are in order by where nothing else tells them apart: the id, or a number."""
    column: Column[Any] = list(table.primary_key)[-1]
    return column


def place_name(model: type[SQLModel]) -> str:
    """Return the name of `place_of` a model's table."""
    return str(place_of(table_of(model)).key)


def has_id(table: Table, ids: Any) -> ColumnElement[bool]:
    """Return the condition that a row has one of some ids. Events are found by their number, which the key leads to."""
    if table is not _EVENTS:
        return table.c.id.in_(ids)
    keys = table_of(EventKey).c
    return table.c.number.in_(select(keys.number).where(keys.id.in_(ids)))
