"""Connections: lists of nouns, read page by page."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import strawberry
from strawberry import UNSET, Info, Parent

from app.context import Context, Loaders
from app.loaders.conditions import Given
from app.loaders.pages import ROOT, Page, Relation, Window
from app.schema.client_error import ClientError
from app.schema.cursors import Place, read_cursor, write_cursor
from app.schema.declarations import field, followed, value
from app.schema.listings import LISTINGS, conditions_of, order_of

T = TypeVar("T")

DEFAULT_SIZE = 20
MAX_SIZE = 100
FILTER = "Only those that meet these conditions; null for all."
ORDER_BY = "In which order; null for the order of creation. Example: `{ field: CREATED_AT, direction: DESC }`."


@dataclass(frozen=True)
class Opened:
    """A connection whose arguments were checked. Nothing is read until a field of it asks."""

    loaders: Loaders
    place: Place
    relation: Relation
    given: Given
    window: Window
    parent: str

    def page(self) -> Awaitable[Page]:
        """Read the page, once however many fields ask."""
        return self.loaders.pages(self.relation, self.given, self.window).load(self.parent)

    def cursor(self, row: Any) -> str:
        """Return what points at a row of this connection."""
        return write_cursor(self.place, row)


@value("Where a page stands in its connection.")
class PageInfo:
    """See https://relay.dev/graphql/connections.htm."""

    has_next_page: bool = field("Whether there is more after this page.")
    has_previous_page: bool = field("Whether there is more before this page.")
    start_cursor: str | None = field("The cursor of the first object of the page, to be given as `before`.")
    end_cursor: str | None = field("The cursor of the last object of the page, to be given as `after`.")


@value("An object of a connection and its cursor.")
class Edge(Generic[T]):
    """One row of a page."""

    cursor: str = field("Opaque; points at this object in this connection and order.")
    node: T = field("The object.")


def _page(root: Opened, _context: Context) -> Awaitable[Page]:
    return root.page()


def _edges(root: Opened, page: Page) -> Any:
    return [Edge(cursor=root.cursor(row), node=row) for row in page.rows]


def _page_info(root: Opened, page: Page) -> PageInfo:
    ends: list[Any] = [root.cursor(row) for row in (*page.rows[:1], *page.rows[-1:])] or [None, None]
    return PageInfo(
        has_next_page=page.has_next, has_previous_page=page.has_previous, start_cursor=ends[0], end_cursor=ends[1]
    )


def _total_count(root: Opened, _context: Context) -> Awaitable[int]:
    return root.loaders.counts(root.relation, root.given).load(root.parent)


@value("A page of a list, in the order of creation unless another is asked for.")
class Connection(Generic[T]):
    """What a resolver returns for it is an `Opened`."""

    nodes: list[T] = followed("The objects of the page.", _page, lambda _, page: page.rows)
    edges: list[Edge[T]] = followed("The objects of the page with their cursors.", _page, _edges)
    page_info: PageInfo = followed("Where the page stands.", _page, _page_info)
    total_count: int = followed("How many objects the filter lets through. Counted only if asked.", _total_count)


First = Annotated[
    int | None, strawberry.argument(description=f"How many from the start, at most {MAX_SIZE}. Default {DEFAULT_SIZE}.")
]
After = Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")]
Last = Annotated[
    int | None, strawberry.argument(description=f"How many from the end, at most {MAX_SIZE}; not beside `first`.")
]
Before = Annotated[str | None, strawberry.argument(description="Only what comes before this cursor.")]


def connection(description: str, relation: Relation) -> Any:
    """Declare a connection to the nouns of a relation, readable by whoever may read those."""
    listing = LISTINGS[relation.model]

    def resolve(  # noqa: PLR0913, PLR0917 - the arguments of a field are as many as the API has
        root: Parent[Any],
        info: Info[Context, None],
        filter: Any = UNSET,
        order_by: Any = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Any:
        # Unset by default, and not null, because each argument that has a value is converted for each parent.
        first, last = _or_null(first), _or_null(last)
        order, name = order_of(order_by), f"{info._raw_info.parent_type.name}.{info.field_name}"  # noqa: SLF001
        place = Place(name, info.context.principal.environment_id, relation.model, order)
        positions = read_cursor(place, "after", _or_null(after)), read_cursor(place, "before", _or_null(before))
        window = Window(_checked_size(first, last), order, last is not None, *positions)
        return Opened(info.context.loaders, place, relation, conditions_of(filter), window, _parent(root, relation))

    resolve.__annotations__ |= {
        "filter": Annotated[listing.filter | None, strawberry.argument(description=FILTER)],
        "order_by": Annotated[listing.order | None, strawberry.argument(description=ORDER_BY)],
    }
    return field(description, resolver=resolve, access=relation.model)


def _parent(root: Any, relation: Relation) -> Any:
    return ROOT if relation.by is None else getattr(root, relation.parent)


def _or_null(argument: T | None) -> T | None:
    return None if argument is UNSET else argument


def _checked_size(first: int | None, last: int | None) -> int:
    if first is not None and last is not None:
        raise ClientError("Give `first` or `last`, not both.", "BAD_PAGE")
    size = DEFAULT_SIZE if first is None and last is None else first if last is None else last
    if size is None or not 0 <= size <= MAX_SIZE:
        raise ClientError(f"`{'first' if last is None else 'last'}`: a page has 0 to {MAX_SIZE} objects.", "BAD_PAGE")
    return size
