"""Root fields that find anything by its id."""

import asyncio
from typing import Annotated, Any

import strawberry
from strawberry import Info

from app.context import Context
from app.schema.client_error import ClientError
from app.schema.connections import MAX_SIZE
from app.schema.declarations import ANY_KEY, field
from app.schema.node import Node, node_with

NodeId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
NodeIds = Annotated[list[strawberry.ID], strawberry.argument(description=f"Their ids, at most {MAX_SIZE}.")]


async def _find(context: Context, identifier: str) -> Any:
    found = node_with(context, identifier)
    return None if found is None else await found


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
