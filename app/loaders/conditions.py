"""Conditions on rows of a list. Each compares one column, named where it is declared, with bound values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, Table, and_, func, select, true

from app.loaders.bytewise import bytewise
from app.loaders.identity import has_id
from app.loaders.owner import Owner, owned_by
from app.models import table_of
from app.models.row import CatalogRow

Comparison = Callable[[Column[Any], Any], ColumnElement[bool]]


@dataclass(frozen=True)
class Condition:
    """How a column is compared; with `derived`, to what that makes of the environment's id and each value given.

    With `refers_to`, a catalog noun, the column holds its ids, and values may be its keys too.
    """

    column: str
    comparison: Comparison
    derived: Callable[[str, str], str] | None = None
    refers_to: type[CatalogRow] | None = None


#: Conditions with the values they were given, hashable, as loaders are found by them. All of them must hold.
Given = tuple[tuple[Condition, Any], ...]


def held(owner: Owner, table: Table, given: Given) -> list[ColumnElement[bool]]:
    """Return what has to hold of a row."""
    holds = []
    for condition, value in given:
        compared = value
        if condition.derived is not None:
            compared = [condition.derived(owner.environment_id, item) for item in value]
        holds.append(condition.comparison(table.c[condition.column], compared))
        if condition.refers_to is not None:
            holds[-1] |= table.c[condition.column].in_(_named(owner, table_of(condition.refers_to), value))
    return holds


def _named(owner: Owner, table: Table, references: Sequence[str]) -> Select[Any]:
    """Return the ids of the rows with these keys, to be compared with those in rows; no key reads as an id."""
    return select(table.c.id).where(owned_by(owner, table, linked=True), table.c.key.in_(references))


def is_one_of(column: Column[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """The column has one of the values; never where there are none."""
    return has_id(column.table, values) if column.key == "id" else column.in_(values)


def contains(column: Column[Any], part: str) -> ColumnElement[bool]:
    """The text contains the part. Case is ignored for ASCII alone, the only one that both databases fold alike."""
    return func.lower(bytewise(column)).contains(part.encode().lower().decode(), autoescape=True)


def is_within(column: Column[Any], span: tuple[datetime | None, datetime | None]) -> ColumnElement[bool]:
    """The instant lies in a half-open span, either end of which may be open; null lies in none."""
    start, before = span
    return and_(
        column >= start if start is not None else true(),
        column < before if before is not None else true(),
    )


def is_set(column: Column[Any], wanted: bool) -> ColumnElement[bool]:  # noqa: FBT001 - the value of a condition
    """The column is not null, or is null where that is wanted."""
    return column.is_not(None) if wanted else column.is_(None)
