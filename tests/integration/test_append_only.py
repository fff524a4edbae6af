"""What is written once stays as it is, whoever speaks to the database."""

import sqlite3
from contextlib import closing, suppress
from typing import Any

import pytest
from sqlalchemy import Table, column, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from app import models
from app.db import open_engine
from app.models import table_of
from tests.support.api import Api, make_api
from tests.support.crowd import fill

WRITTEN_ONCE = [
    table_of(model)
    for model in (
        models.AuditEntry,
        models.CreditEntry,
        models.CreditNote,
        models.CreditNoteLine,
        models.Refund,
        models.InvoiceDecision,
    )
]


async def fingerprint(api: Api, table: Table) -> list[str]:
    async with api.sessions.read() as session:
        return sorted(str(tuple(row)) for row in await session.execute(select(table)))


async def tried(api: Api, statement: Any) -> None:
    async with api.sessions.begin() as session:
        await session.execute(statement)


async def test_no_statement_changes_or_deletes_what_is_written_once(database_url: str) -> None:
    async with make_api(database_url) as api:
        await fill(api)
        for table in WRITTEN_ONCE:
            rows = await fingerprint(api, table)
            assert rows, table.name
            last = list(table.columns)[-1].name
            statements = [
                f"UPDATE {table.name} SET {last} = {last}",
                f"UPDATE {table.name} SET id = 'x' WHERE id = (SELECT min(id) FROM {table.name})",
                f"DELETE FROM {table.name}",
                f"DELETE FROM {table.name} WHERE id = (SELECT max(id) FROM {table.name})",
            ]
            if api.sessions.engine.dialect.name == "postgresql":
                statements += [f"TRUNCATE {table.name} CASCADE"]
            else:
                statements += [f"REPLACE INTO {table.name} SELECT * FROM {table.name}"]
            for statement in statements:
                with pytest.raises(IntegrityError, match="append-only"):
                    await tried(api, text(statement))
            assert await fingerprint(api, table) == rows


def replacing(table: Table) -> list[str]:
    """What puts each row, under another key, in the place of one with the same number or the same unique values."""
    names = [one.name for one in table.columns]
    others = ", ".join("hex(randomblob(8))" if name == "id" else name for name in names)
    return [
        f"REPLACE INTO {table.name} (rowid, {', '.join(names)}) SELECT rowid, {others} FROM {table.name}",
        *(
            f"REPLACE INTO {table.name} ({', '.join(names)}) SELECT {others} FROM {table.name} WHERE rowid = {rowid}"
            for rowid in range(1, 11)
        ),
    ]


async def test_no_replace_takes_a_row_away(database_url: str) -> None:
    async with make_api(database_url) as api:
        if api.sessions.engine.dialect.name != "sqlite":
            return  # Nothing else has such a statement.
        await fill(api, 10)
        for table in (*WRITTEN_ONCE, table_of(models.AuditPersonalData)):
            rows = await fingerprint(api, table)
            for statement in replacing(table):
                with suppress(IntegrityError):
                    await tried(api, text(statement))
            assert set(rows) <= set(await fingerprint(api, table)), table.name


async def test_an_entry_can_still_be_added(database_url: str) -> None:
    async with make_api(database_url) as api:
        table = table_of(models.AuditEntry)
        async with api.sessions.begin() as session:
            found = (await session.execute(select(table).limit(1))).one()._asdict()
            await session.execute(insert(table).values({**found, "id": "aud_another"}))
            assert (
                await session.scalar(select(func.count()).where(column("id") == "aud_another").select_from(table)) == 1
            )


async def test_a_table_that_refers_to_the_log_can_not_be_emptied_with_it(database_url: str) -> None:
    async with make_api(database_url) as api:
        if api.sessions.engine.dialect.name != "postgresql":
            with (  # whose foreign keys are off
                closing(sqlite3.connect(api.sessions.engine.url.database or "")) as connection,
                pytest.raises(sqlite3.IntegrityError, match="append-only"),
            ):
                connection.execute("DELETE FROM audit_entry")
            return
        with pytest.raises(IntegrityError, match="append-only"):
            await tried(api, text("TRUNCATE merchant CASCADE"))


async def test_who_was_erased_can_not_come_back(database_url: str) -> None:
    async with make_api(database_url) as api:
        customer = await api.make("customerCreate", name="Jane")
        await api.mutate("customerErase", "customer { id }", id=customer)
        statements = [f"DELETE FROM customer WHERE id = '{customer}'", "UPDATE customer SET erased_at = NULL"]
        if api.sessions.engine.dialect.name == "sqlite":
            statements += ["REPLACE INTO customer SELECT * FROM customer", replacing(table_of(models.Customer))[0]]
        rows = await fingerprint(api, table_of(models.Customer))
        for statement in statements:
            with pytest.raises(IntegrityError, match="append-only"):
                await tried(api, text(statement))
        assert await fingerprint(api, table_of(models.Customer)) == rows


async def test_the_guards_are_where_they_should_be(database_url: str) -> None:
    """SQLite loses a table's triggers when a migration copies the table, so they are counted."""
    engine = open_engine(database_url)
    if engine.dialect.name == "sqlite":
        asked = "SELECT tbl_name, count(*) FROM sqlite_master WHERE type = 'trigger' GROUP BY tbl_name"
        expected = {table.name: 3 for table in WRITTEN_ONCE} | {"audit_personal_data": 3, "customer": 3}
    else:
        asked = (
            "SELECT tgrelid::regclass::text, count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O' "
            "GROUP BY tgrelid"
        )
        expected = {table.name: 1 for table in WRITTEN_ONCE} | {"audit_personal_data": 2, "customer": 2}
    async with engine.connect() as connection:
        found = {row[0]: row[1] for row in await connection.execute(text(asked))}
    await engine.dispose()
    # Partitions have triggers of their own making.
    assert {name: count for name, count in found.items() if not name.startswith("meter_event")} == expected
