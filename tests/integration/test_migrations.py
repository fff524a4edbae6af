"""The migrations, from nothing, on both databases: they make exactly the tables that the models describe."""

import asyncio

from alembic import command
from sqlalchemy import Connection, inspect, text

from app.db import open_engine
from app.migrate import alembic_config, is_current, upgrade


def tables(url: str) -> set[str]:
    async def read() -> set[str]:
        engine = open_engine(url)

        def names(connection: Connection) -> set[str]:
            return set(inspect(connection).get_table_names())

        async with engine.connect() as connection:
            found = await connection.run_sync(names)
        await engine.dispose()
        return found

    return asyncio.run(read())


def test_from_empty_to_the_models_and_back(empty_database_url: str) -> None:
    assert not is_current(empty_database_url)
    upgrade(empty_database_url)
    assert is_current(empty_database_url)
    command.check(alembic_config(empty_database_url))
    assert {"merchant", "invoice_line_event", "due_work"} <= tables(empty_database_url)
    upgrade(empty_database_url)
    command.downgrade(alembic_config(empty_database_url), "base")
    assert tables(empty_database_url) == {"alembic_version"}


async def test_connections_are_set_as_durability_needs(database_url: str) -> None:
    engine = open_engine(database_url)
    async with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            pragmas = ("journal_mode", "synchronous", "foreign_keys")
            assert [await connection.scalar(text(f"PRAGMA {name}")) for name in pragmas] == ["wal", 2, 1]
        else:
            # The test server commits lazily by default, and our connections do not.
            names = ("default_transaction_isolation", "synchronous_commit")
            assert [await connection.scalar(text(f"SHOW {name}")) for name in names] == ["read committed", "on"]
    await engine.dispose()
