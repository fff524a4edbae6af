"""Runs the migrations on the database that app.migrate names, by the engine the application uses."""

import asyncio
from typing import Literal

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import AutoString, SQLModel

from app import models  # noqa: F401 - importing them fills the metadata
from app.db import EnumText, Exact, Instant, JsonColumn, MinorUnits, open_engine


def render_type(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write our column types as migrations should name them."""
    if kind != "type":
        return False
    if isinstance(item, Exact | MinorUnits | Instant):
        return f"app.db.{type(item).__name__}()"
    if isinstance(item, EnumText | AutoString):
        return "sa.String()"
    return "app.db.JsonColumn" if item is JsonColumn else False


def is_ours(_item: object, name: str | None, kind: str, reflected: bool, _other: object) -> bool:  # noqa: FBT001 - alembic's
    """Leave out partitions, which are made month by month."""
    return not (kind == "table" and reflected and (name or "").startswith("meter_event_") and _other is None)


def run(connection: Connection) -> None:
    """Run what is missing, in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_type,
        include_object=is_ours,
    )
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    """Open the database for writing, migrate it and close it."""
    engine = open_engine(context.config.attributes["url"]).execution_options(writing=True)
    try:
        async with engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                await enforce_references(connection, "OFF")
            async with connection.begin():
                await connection.run_sync(run)
                if connection.dialect.name == "sqlite":
                    await check_references(connection)
            if connection.dialect.name == "sqlite":
                await enforce_references(connection, "ON")
    finally:
        await engine.dispose()


async def enforce_references(connection: AsyncConnection, switch: Literal["ON", "OFF"]) -> None:
    """Turn foreign keys on or off, which works outside of a transaction only.

    SQLite changes a column by copying its table and dropping the old one, which would break what refers to that.
    """
    raw = await connection.get_raw_connection()
    assert raw.driver_connection is not None
    await raw.driver_connection.execute(f"PRAGMA foreign_keys = {switch}")


async def check_references(connection: AsyncConnection) -> None:
    """Undo the migration if it left a row that refers to nothing."""
    broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all()
    if broken:
        raise RuntimeError(f"The migration would leave rows that refer to nothing: {broken[:5]}")


asyncio.run(main())
