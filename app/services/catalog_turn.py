"""One change of an environment's catalog at a time."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.models import table_of


async def take_catalog_turn(session: AsyncSession, environment_id: str) -> None:
    """Wait until no other transaction changes the catalog of an environment, and let none do so until this one ends.

    Catalog objects refer to each other, and what is used must not change: rules that no constraint of one table holds.
    The lock is that of the environment's row without its key, so whatever only refers to the environment goes on.
    """
    if session.info.get("catalog_turn") == environment_id:
        return
    mine = select(models.Environment).where(table_of(models.Environment).c.id == environment_id)
    await session.execute(mine.with_for_update(key_share=True))
    session.info["catalog_turn"] = environment_id
