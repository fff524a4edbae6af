"""Root fields that find one noun."""

from typing import Annotated, Any

import strawberry
from sqlmodel import SQLModel
from strawberry import Info

from app.context import Context
from app.ids import prefix_of
from app.models.row import CatalogRow
from app.schema.declarations import field


def single(description: str, model: type[SQLModel]) -> Any:
    """Declare a root field that finds a noun by id, or by key where the noun has one; null where there is none."""
    has_key = issubclass(model, CatalogRow)
    which = Annotated[strawberry.ID, strawberry.argument(description="Its id or key." if has_key else "Its id.")]

    async def resolve(info: Info[Context, None], id: Any) -> Any:
        loaders = info.context.loaders
        by_key = has_key and prefix_of(id) is None
        return await (loaders.by_key(model) if by_key else loaders.by_id(model)).load(id)

    resolve.__annotations__["id"] = which
    return field(description, resolver=resolve, access=model)
