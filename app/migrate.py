"""Brings a database's schema up to date with alembic. The scripts are in migrations/ beside the package."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from app.db import open_engine

SCRIPTS = Path(__file__).resolve().parent.parent / "migrations"


def alembic_config(url: str) -> Config:
    """Return alembic's configuration; the URL goes beside the text, as alembic interpolates what is in it."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest schema; one that has it already stays as it is."""
    command.upgrade(alembic_config(url), "head")


def is_current(url: str) -> bool:
    """Say whether the database at `url` has the newest schema."""
    return asyncio.run(_revision(url)) == ScriptDirectory.from_config(alembic_config(url)).get_current_head()


async def _revision(url: str) -> str | None:
    engine = open_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_read_revision)
    finally:
        await engine.dispose()


def _read_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
