"""Root fields that find anything by its id."""

import asyncio
from typing import Annotated, Any

import strawberry
from strawberry import Info

from app.billing.access import allows
from app.context import Context
from app.ids import prefix_of
from app.schema.client_error import ClientError
from app.schema.connections import MAX_SIZE
from app.schema.declarations import ANY_KEY, NOUNS, field
from app.schema.node import Node

NodeId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
NodeIds = Annotated[list[strawberry.ID], strawberry.argument(description=f"Their ids, at most {MAX_SIZE}.")]


async def _find(context: Context, identifier: str) -> Any:
    """Return a row; None for what is absent, another's, malformed or not to be read with this key: all look alike."""
    noun = NOUNS.get(prefix_of(identifier) or "")
    if noun is None or (noun.access is not ANY_KEY and not allows(context.principal.scopes, noun.access)):
        return None
    return await context.loaders.by_id(noun.model).load(identifier)


async def _node(info: Info[Context, None], id: NodeId) -> Any:
    return await _find(info.context, id)


async def _nodes(info: Info[Context, None], ids: NodeIds) -> Any:
    if len(ids) > MAX_SIZE:
        raise ClientError(f"ids: at most {MAX_SIZE} at once.")
    return await asyncio.gather(*(_find(info.context, identifier) for identifier in ids))


@strawberry.type
class NodeQueries:
    """Objects by id, whatever they are."""

    node: Node | None = field(
        "The object with this id; null where there is none that this key may read.", resolver=_node, access=ANY_KEY
    )
    nodes: list[Node | None] = field(
        "The objects with these ids in their order, with null for those that `node` would not find.",
        resolver=_nodes,
        access=ANY_KEY,
    )
