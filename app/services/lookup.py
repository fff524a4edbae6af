"""Finding rows by what a caller wrote: an id, or the key of a catalog noun. Always within one environment."""

from collections.abc import Collection, Iterable
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.errors import ErrorCode, Problems, Refused, UserError
from app.ids import prefix_of
from app.models import table_of
from app.models.row import CatalogRow, EnvironmentRow

R = TypeVar("R", bound=EnvironmentRow)
C = TypeVar("C", bound=CatalogRow)


async def find(session: AsyncSession, model: type[R], environment_id: str, reference: str) -> R | None:
    """Return the row with this id (or key, where the noun has one), or None; foreign and absent read the same."""
    columns = table_of(model).c
    by_key = issubclass(model, CatalogRow) and prefix_of(reference) is None
    column = columns.key if by_key else columns.id
    return await session.scalar(select(model).where(columns.environment_id == environment_id, column == reference))


async def ids_by_reference(
    session: AsyncSession, model: type[C], environment_id: str, references: Collection[str]
) -> dict[str, str]:
    """Return the ids of what some ids and keys name, by what was written. One statement."""
    columns = table_of(model).c
    named = columns.id.in_(set(references)) | columns.key.in_(set(references))
    statement = select(columns.id, columns.key).where(columns.environment_id == environment_id, named)
    # A key never reads as an id, so a reference is the one or the other.
    return {name: row.id for row in await session.execute(statement) for name in (row.id, row.key) if name is not None}


async def locked(session: AsyncSession, model: type[R], environment_id: str, identifier: str) -> R | None:
    """Return the row with this id as it is now, locked until the transaction ends (SQLite has one writer anyway)."""
    columns = table_of(model).c
    statement = select(model).where(columns.environment_id == environment_id, columns.id == identifier)
    return await session.scalar(statement.with_for_update().execution_options(populate_existing=True))


async def must_lock(session: AsyncSession, model: type[R], environment_id: str, identifier: str) -> R:
    """Return a row that a foreign key promises to exist, locked."""
    row = await locked(session, model, environment_id, identifier)
    assert row is not None, f"{model.__name__} {identifier} is gone"
    return row


async def locked_all(
    session: AsyncSession, model: type[R], environment_id: str, identifiers: Iterable[str]
) -> dict[str, R]:
    """Return the rows with these ids as they are now, locked in the order of the ids, as all who lock several do."""
    columns = table_of(model).c
    mine = (columns.environment_id == environment_id, columns.id.in_(set(identifiers)))
    # Rows that refer to these may be inserted meanwhile: nobody's key changes.
    statement = select(model).where(*mine).order_by(columns.id).with_for_update(key_share=True)
    rows = await session.scalars(statement.execution_options(populate_existing=True))
    return {row.id: row for row in rows}


async def all_by_id(
    session: AsyncSession, model: type[R], environment_id: str, identifiers: Iterable[str]
) -> dict[str, R]:
    """Return the rows with these ids. One statement."""
    columns = table_of(model).c
    mine = (columns.environment_id == environment_id, columns.id.in_(set(identifiers)))
    return {row.id: row for row in await session.scalars(select(model).where(*mine))}


async def to_change(session: AsyncSession, model: type[R], environment_id: str, reference: str) -> R:
    """Return the row that an update names by `id`, locked, so that no other change is lost; refuse if it is none."""
    found = await find(session, model, environment_id, reference)
    if found is None:
        raise Refused((UserError(ErrorCode.NOT_FOUND, "id", "id names nothing that exists here"),))
    return await must_lock(session, model, environment_id, found.id)


async def require(
    session: AsyncSession, problems: Problems, field: str, model: type[R], environment_id: str, reference: str
) -> R | None:
    """Like `find`, and reports NOT_FOUND for `field` where there is none."""
    row = await find(session, model, environment_id, reference)
    if row is None:
        problems.add(ErrorCode.NOT_FOUND, field, f"{field} names nothing that exists here")
    return row


async def require_open(
    session: AsyncSession, problems: Problems, field: str, model: type[C], environment_id: str, reference: str
) -> C | None:
    """Like `require`, for what is to get something new: reports ARCHIVED where the row is."""
    row = await require(session, problems, field, model, environment_id, reference)
    if row is not None and row.archived_at is not None:
        problems.add(ErrorCode.ARCHIVED, field, f"{field} names something that is archived")
    return row


async def refuse_taken_key(
    session: AsyncSession, problems: Problems, model: type[C], environment_id: str, key: str | None, own_id: str = ""
) -> None:
    """Report TAKEN where another row of this noun has the key. The unique constraint decides; this words it."""
    if key is None:
        return
    columns = table_of(model).c
    taken = select(columns.id).where(columns.environment_id == environment_id, columns.key == key, columns.id != own_id)
    if await session.scalar(taken) is not None:
        problems.add(ErrorCode.TAKEN, "key", f'the key "{key}" is in use already')
