"""Single rows by what names them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import SQLModel

from app.db import Sessions
from app.loaders.owner import Owner, owned_by
from app.models import table_of


async def rows_by_id(
    sessions: Sessions, owner: Owner, model: type[SQLModel], ids: Sequence[str]
) -> list[Row[Any] | None]:
    """Return the rows with these ids; None in the place of what is not the owner's."""
    return await _rows(sessions, owner, model, "id", ids)


async def rows_by_key(
    sessions: Sessions, owner: Owner, model: type[SQLModel], keys: Sequence[str]
) -> list[Row[Any] | None]:
    """Return the rows of a catalog noun with these keys; None in the place of what is not the owner's."""
    return await _rows(sessions, owner, model, "key", keys)


async def _rows(
    sessions: Sessions, owner: Owner, model: type[SQLModel], column: str, names: Sequence[str]
) -> list[Row[Any] | None]:
    table = table_of(model)
    statement = select(table).where(owned_by(owner, table), table.c[column].in_(names))
    async with sessions.read() as session:
        found = {getattr(row, column): row for row in await session.execute(statement)}
    return [found.get(name) for name in names]
