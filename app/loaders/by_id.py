"""Single rows by what names them."""

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

from sqlalchemy import Row, Select, select
from sqlmodel import SQLModel

from app.db import Sessions
from app.loaders.identity import has_id
from app.loaders.owner import ANY_KEYS, FEW, Owner, owned_by, owned_rows
from app.metering.waiting import wait_until_counted
from app.models import MeterEvent, table_of


async def rows_by_id(
    sessions: Sessions, owner: Owner, model: type[SQLModel], ids: Sequence[str]
) -> list[Row[Any] | None]:
    """Return the rows with these ids; None in the place of what is not the owner's."""
    if model is MeterEvent:  # one that was acknowledged a moment ago is there, too
        await wait_until_counted(sessions)
    return await _rows(sessions, owner, model, "id", ids)


async def rows_linked(
    sessions: Sessions, owner: Owner, model: type[SQLModel], ids: Sequence[str]
) -> list[Row[Any] | None]:
    """Return the rows with these ids, found in rows that the owner may read: a customer sees what its own lead to."""
    return await _rows(sessions, owner, model, "id", ids, linked=True)


async def rows_by_key(
    sessions: Sessions, owner: Owner, model: type[SQLModel], keys: Sequence[str]
) -> list[Row[Any] | None]:
    """Return the rows of a catalog noun with these keys; None in the place of what is not the owner's."""
    return await _rows(sessions, owner, model, "key", keys)


async def _rows(
    sessions: Sessions, owner: Owner, model: type[SQLModel], column: str, names: Sequence[str], *, linked: bool = False
) -> list[Row[Any] | None]:
    statement = partial(_statement, model, column, linked)
    rows = await owned_rows(sessions, owner, statement, names, at_once=len(names) <= FEW)
    found = {getattr(row, column): row for row in rows}
    return [found.get(name) for name in names]


@cache
def _statement(model: type[SQLModel], column: str, linked: bool, owner: Owner) -> Select[Any]:  # noqa: FBT001 - a key of the cache
    table = table_of(model)
    named = has_id(table, ANY_KEYS) if column == "id" else table.c[column].in_(ANY_KEYS)
    return select(table).where(owned_by(owner, table, linked=linked), named)
