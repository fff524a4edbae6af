"""The migrations, from nothing, on both databases: they make exactly the tables that the models describe."""

import asyncio
from datetime import UTC, datetime

from alembic import command
from sqlalchemy import Connection, inspect, text

from app import models
from app.db import open_engine
from app.metering.rebuild import rebuild_counters
from app.migrate import alembic_config, is_current, upgrade
from app.services.erasure import erase_customer
from app.services.replay import replay_invoice
from tests.support.storing import catch_up, store
from tests.support.world import JANUARY_31, World, make_world


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
    assert {"merchant", "counted_event", "due_work"} <= tables(empty_database_url)
    upgrade(empty_database_url)
    command.downgrade(alembic_config(empty_database_url), "base")
    assert tables(empty_database_url) == {"alembic_version"}


def remade(url: str, revision: str) -> None:
    """Take a database back to a revision and bring it up again, as an older one with rows would be."""
    command.downgrade(alembic_config(url), revision)
    upgrade(url)


async def test_invoices_and_environments_that_are_there_get_what_pages_need(database_url: str) -> None:
    async with make_world(database_url) as world:
        await world.subscribe(await world.customer(), await world.catalog())
    await asyncio.to_thread(remade, database_url, "0004")
    async with make_world(database_url) as world:
        [invoice] = await world.rows(models.Invoice)
        [customer] = await world.rows(models.Customer)
        merchants, environments = await world.rows(models.Merchant), await world.rows(models.Environment)
    # The second merchant is that of the world that looks.
    assert invoice.billed_from == {"name": "Merchant", "address": None, "taxId": None}
    assert (merchants[0].address, merchants[0].tax_id, merchants[0].locale) == (None, None, "en")
    assert (customer.address, customer.tax_id, customer.locale) == (None, None, None)
    secrets = {environment.page_secret for environment in environments}
    assert [len(bytes.fromhex(secret)) for secret in secrets] == [32] * 4


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


async def test_events_that_are_there_are_counted_as_they_were_billed(database_url: str) -> None:
    """Down to the tables of assigned events and up again: counters come to the same, and invoices to what they say."""
    sent = {"type": "inference", "source": "s", "externalSubject": "acme", "timestamp": "2026-02-03T00:00:00Z"}
    async with make_world(database_url) as world:
        customer = await world.customer(external_id="acme", clock_at=JANUARY_31)
        await world.subscribe(customer, await world.catalog(upfront=None))
        environment_id = world.principal.environment_id

        async def report(*keys: str, **given: object) -> None:
            for key in keys:
                event = {**sent, "idempotencyKey": key, "data": {"tokens": 1_000_000}, **given}
                async with world.sessions.begin() as session:
                    await store(session, environment_id, event, world.clock.now())

        await report("a", "b", "c", "a")
        await report("nobody", externalSubject="nobody")
        [invoice] = await world.advance(customer.test_clock_id, datetime(2026, 3, 5, tzinfo=UTC))
        await report("late")
        await report("next", timestamp="2026-03-03T00:00:00Z")
        before = await counters(world)
    assert len(before) == 5
    await asyncio.to_thread(remade, database_url, "0005")
    async with make_world(database_url) as world:
        await catch_up(world.sessions)
        assert await counters(world) == before
        assert (await rebuild_counters(world.sessions)).changed_count == 0
        async with world.sessions.read() as session:
            replay = await replay_invoice(session, environment_id, invoice.id)
            assert replay is not None
            assert (replay.differences, replay.event_count) == ((), 3)
        reasons = {row.idempotency_key: row.reason for row in await world.rows(models.MeterEvent) if row.reason}
        assert reasons == {"nobody": "CUSTOMER_UNKNOWN"}
        assert len(await world.rows(models.MeterEventRepeat)) == 1


async def counters(world: World) -> dict[str, tuple[object, ...]]:
    rows = await world.rows(models.UsageCounter)
    return {row.key: (row.round, row.closed_at is not None, row.event_count, row.total) for row in rows}


async def test_personal_data_of_entries_that_are_there_is_moved_and_comes_back(database_url: str) -> None:
    async with make_world(database_url) as world:
        customer = await world.customer(name="Jane", email="jane@acme.example")
        await world.subscribe(customer, await world.catalog())
        written = await entries(world)
    assert ("Customer", {"name": "Jane", "email": "jane@acme.example"}) in written
    assert [noun for noun, values in written if "name" in str(values)] == ["Customer", "Invoice"]
    await asyncio.to_thread(command.downgrade, alembic_config(database_url), "0016")
    engine = open_engine(database_url)
    async with engine.connect() as connection:
        found = (await connection.execute(text("SELECT after FROM audit_entry WHERE noun = 'Customer'"))).scalar_one()
    await engine.dispose()
    assert "jane@acme.example" in str(found)
    await asyncio.to_thread(upgrade, database_url)
    async with make_world(database_url) as world:
        assert await entries(world) == written
        kept = [entry.after for entry in await world.rows(models.AuditEntry)]
        assert "jane" not in str(kept).lower()


async def entries(world: World) -> list[tuple[str, dict[str, object]]]:
    """The personal data of the audit log, by the noun of its entry."""
    nouns = {entry.id: entry.noun for entry in await world.rows(models.AuditEntry)}
    return [(nouns[row.id], row.before | row.after) for row in await world.rows(models.AuditPersonalData)]


async def test_who_was_erased_is_so_after_going_back_and_coming_again(database_url: str) -> None:
    async with make_world(database_url) as world:
        customer, other = await world.customer(name="Jane"), await world.customer(name="[erased]")
        async with world.sessions.begin() as session:
            at = (await erase_customer(session, world.principal, world.clock.now(), customer.id)).erased_at
    await asyncio.to_thread(remade, database_url, "0016")
    async with make_world(database_url) as world:
        assert {row.id: row.erased_at for row in await world.rows(models.Customer)} == {customer.id: at, other.id: None}
        assert [one for one in await entries(world) if one[0] == "Customer"] == []
