"""Connections: lists of nouns, read page by page."""

from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import strawberry
from strawberry import Info, Parent

from app.context import Context, Loaders
from app.loaders.conditions import Given
from app.loaders.pages import Page, Relation, Window
from app.schema.client_error import ClientError
from app.schema.cursors import Place, read_cursor, write_cursor
from app.schema.declarations import field, value
from app.schema.listings import LISTINGS, conditions_of, order_of

T = TypeVar("T")

DEFAULT_SIZE = 20
MAX_SIZE = 100
FILTER = "Only those that meet these conditions; null for all."
ORDER_BY = (
    "In which order; null for that of the ids, which is the order of creation but for events. "
    "Example: `{ field: CREATED_AT, direction: DESC }`."
)


@dataclass(frozen=True)
class Opened:
    """A connection whose arguments were checked. Nothing is read until a field of it asks."""

    loaders: Loaders
    place: Place
    relation: Relation
    given: Given
    window: Window
    parent: str

    async def page(self) -> Page:
        """Read the page, once however many fields ask."""
        page: Page = await self.loaders.pages(self.relation, self.given, self.window).load(self.parent)
        return page

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


async def _nodes(root: Parent[Any]) -> Any:
    return (await root.page()).rows


async def _edges(root: Parent[Any]) -> Any:
    return [Edge(cursor=root.cursor(row), node=row) for row in (await root.page()).rows]


async def _page_info(root: Parent[Any]) -> PageInfo:
    page = await root.page()
    ends = [root.cursor(row) for row in (*page.rows[:1], *page.rows[-1:])] or [None, None]
    return PageInfo(
        has_next_page=page.has_next, has_previous_page=page.has_previous, start_cursor=ends[0], end_cursor=ends[1]
    )


async def _total_count(root: Parent[Any]) -> int:
    total: int = await root.loaders.counts(root.relation, root.given).load(root.parent)
    return total


@value("A page of a list, in the order of the ids unless another is asked for.")
class Connection(Generic[T]):
    """What a resolver returns for it is an `Opened`."""

    nodes: list[T] = field("The objects of the page.", resolver=_nodes)
    edges: list[Edge[T]] = field("The objects of the page with their cursors.", resolver=_edges)
    page_info: PageInfo = field("Where the page stands.", resolver=_page_info)
    total_count: int = field("How many objects the filter lets through. Counted only if asked.", resolver=_total_count)


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

    async def resolve(  # noqa: PLR0913, PLR0917 - the arguments of a field are as many as the API has
        root: Parent[Any],
        info: Info[Context, None],
        filter: Any = None,
        order_by: Any = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        order, name = order_of(order_by), f"{info._raw_info.parent_type.name}.{info.field_name}"  # noqa: SLF001
        place = Place(name, info.context.principal.environment_id, relation.model, order)
        size = _checked_size(first, last)
        window = Window(size, order, last is not None, read_cursor(place, after), read_cursor(place, before))
        return Opened(info.context.loaders, place, relation, conditions_of(filter), window, getattr(root, "id", ""))

    resolve.__annotations__ |= {
        "filter": Annotated[listing.filter | None, strawberry.argument(description=FILTER)],
        "order_by": Annotated[listing.order | None, strawberry.argument(description=ORDER_BY)],
    }
    return field(description, resolver=resolve, access=relation.model)


def _checked_size(first: int | None, last: int | None) -> int:
    if first is not None and last is not None:
        raise ClientError("Give `first` or `last`, not both.", "BAD_PAGE")
    size = DEFAULT_SIZE if first is None and last is None else first if last is None else last
    if size is None or not 0 <= size <= MAX_SIZE:
        raise ClientError(f"A page has 0 to {MAX_SIZE} objects.", "BAD_PAGE")
    return size
