"""Pages of rows by their parent, cut by key: a page begins where the one before it ended, whatever was added since."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, Table, func, literal, select, union_all
from sqlmodel import SQLModel

from app.db import Sessions
from app.loaders.conditions import Given, held
from app.loaders.identity import place_of
from app.loaders.orders import Order, Position, beyond, sorting
from app.loaders.owner import ANY_KEYS, FEW, Owner, owned_by, owned_rows, ways_to_own
from app.metering.waiting import wait_until_counted
from app.models import MeterEvent, table_of

#: The parent of what hangs on the root, which no column names.
ROOT: Final = ""


@dataclass(frozen=True)
class Relation:
    """Which rows hang on a parent: those of `model` whose column `by` holds its id; all of the owner's without `by`.

    With `through`, a table between the two holds what the parent is found by in `by`, and the row's place in `link`.
    The parent is found by its attribute `parent`. All rows meet the conditions `having`.
    """

    model: type[SQLModel]
    by: str | None = None
    through: type[SQLModel] | None = None
    link: str = "id"
    parent: str = "id"
    having: Given = ()


@dataclass(frozen=True)
class Window:
    """Which page: `size` rows between two positions of an order, from the start, or from the end if `backward`."""

    size: int
    order: Order
    backward: bool = False
    after: Position | None = None
    before: Position | None = None


@dataclass(frozen=True)
class Page:
    """The rows of a page in their order, and whether there are more on either side."""

    rows: Sequence[Row[Any]]
    has_next: bool
    has_previous: bool


async def pages_by_parent(
    sessions: Sessions, owner: Owner, relation: Relation, given: Given, window: Window, parents: Sequence[str]
) -> list[Page]:
    """Return a page for each parent of the rows that meet some conditions, in one statement whatever their number."""
    await _wait_for(sessions, relation)
    rows: dict[str, list[Row[Any]]] = defaultdict(list)
    is_plain = not given and window.after is None and window.before is None
    statement = partial(_plain, relation, window) if is_plain else partial(_ranked, owner, relation, given, window)
    is_light = is_plain and relation.by is None and window.order.column is None and window.size <= FEW
    for row in await owned_rows(sessions, owner, statement, parents, at_once=is_light):
        rows[row.parent_key].append(row)
    return [_page(window, rows[parent]) for parent in parents]


async def counts_by_parent(
    sessions: Sessions, owner: Owner, relation: Relation, given: Given, parents: Sequence[str]
) -> list[int]:
    """Return how many rows of each parent meet some conditions, in one statement whatever the number of parents."""
    await _wait_for(sessions, relation)
    counted = partial(_counted, owner, relation, given)
    counts = {row.parent_key: row.children for row in await owned_rows(sessions, owner, counted, parents)}
    return [counts.get(parent, 0) for parent in parents]


async def _wait_for(sessions: Sessions, relation: Relation) -> None:
    """Let who lists events find those that were acknowledged a moment ago."""
    if relation.model is MeterEvent and relation.by is None:
        await wait_until_counted(sessions)


def _counted(owner: Owner, relation: Relation, given: Given, anyone: Owner) -> Select[Any]:
    table = table_of(relation.model)
    related = _related(owner, relation, given, owned_by(anyone, table)).subquery()
    return select(related.c.parent_key, func.count().label("children")).group_by(related.c.parent_key)


def _related(owner: Owner, relation: Relation, given: Given, owned: ColumnElement[bool]) -> Select[Any]:
    """Return the rows of some parents: those `owned` by whom running says, under the conditions of this owner."""
    table = table_of(relation.model)
    conditions = held(owner, table, (*relation.having, *given))
    statement = select(table).where(owned, *conditions)
    if relation.by is None:
        return statement.add_columns(literal(ROOT).label("parent_key"))
    holder = table
    if relation.through is not None:
        holder = table_of(relation.through)
        linked = holder.c[relation.link] == place_of(table)
        if "environment_id" in holder.c:
            linked &= holder.c.environment_id == table.c.environment_id
        statement = statement.join(holder, linked)
    parent = holder.c[relation.by]
    return statement.add_columns(parent.label("parent_key")).where(parent.in_(ANY_KEYS))


@lru_cache(maxsize=512)
def _plain(relation: Relation, window: Window, anyone: Owner) -> Select[Any]:
    """Return what most lists are read by: built once, as there is nothing of a request in it."""
    return _ranked(anyone, relation, (), window, anyone)


def _ranked(owner: Owner, relation: Relation, given: Given, window: Window, anyone: Owner) -> Select[Any]:
    """Return the rows of each parent's page and one beyond it, which says that there are more."""
    table = table_of(relation.model)
    if relation.by is None:
        return _root_page(owner, relation, given, window, anyone)
    related = _related(owner, relation, given, owned_by(anyone, table)).where(*_bounds(table, window))
    keys = sorting(table, window.order, backward=window.backward)
    rank = func.row_number().over(partition_by=related.selected_columns.parent_key, order_by=keys)
    ranked = related.add_columns(rank.label("page_rank")).subquery()
    return select(ranked).where(ranked.c.page_rank <= window.size + 1).order_by(ranked.c.parent_key, ranked.c.page_rank)


def _root_page(owner: Owner, relation: Relation, given: Given, window: Window, anyone: Owner) -> Select[Any]:
    """Return the page of what hangs on the root, read in the order of an index for each way to own a row.

    Where there are two ways, the page is among the first rows of both: one condition with OR would sort all there are.
    """
    table = table_of(relation.model)
    keys, most = sorting(table, window.order, backward=window.backward), window.size + 1
    pages = [
        _related(owner, relation, given, way).where(*_bounds(table, window)).order_by(*keys).limit(most)
        for way in ways_to_own(anyone, table)
    ]
    if len(pages) == 1:
        return pages[0]
    place = place_of(table)
    firsts = union_all(*(select(page.with_only_columns(place).subquery()) for page in pages))
    found = select(table, literal(ROOT).label("parent_key")).where(place.in_(firsts))
    return found.order_by(*keys).limit(most)


def _bounds(table: Table, window: Window) -> list[ColumnElement[bool]]:
    bounds = []
    if window.after is not None:
        bounds.append(beyond(table, window.order, window.after, after=True))
    if window.before is not None:
        bounds.append(beyond(table, window.order, window.before, after=False))
    return bounds


def _page(window: Window, found: list[Row[Any]]) -> Page:
    """Cut a page. A cursor was given to a row of the list, so beyond it something is assumed without a look."""
    more, rows = len(found) > window.size, found[: window.size]
    if window.backward:
        return Page(rows[::-1], has_next=window.before is not None, has_previous=more)
    return Page(rows, has_next=more, has_previous=window.after is not None)
