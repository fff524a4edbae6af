"""Runs the migrations on the database that app.migrate names, by the engine the application uses."""

import asyncio
from typing import Literal

from alembic import context
from sqlalchemy import Connection
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


def run(connection: Connection) -> None:
    """Run what is missing, in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_type,
    )
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    """Open the database for writing, migrate it and close it."""
    engine = open_engine(context.config.attributes["url"])
    try:
        async with engine.execution_options(writing=True).begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


asyncio.run(main())
