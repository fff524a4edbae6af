"""202 means committed: whatever keeps an event from being stored is answered with 503."""

import asyncio
import json
import sqlite3
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import exc, text

from app import models
from app.api.events import EventsEndpoint
from app.db import Sessions, database_failed
from app.metering.codec import decode_event
from app.metering.group_commit import GroupCommit, KeyRevoked
from app.metering.intake import Intake
from app.metering.received import receive
from app.models import EnvironmentKind
from app.settings import Settings
from app.sqlite import SqliteWriter
from tests.support import sqlite
from tests.support.events_api import EVENT, Api, client_of, sized
from tests.support.rows import FixedClock, make_world, opened


def endpoint_of(sessions: Sessions) -> EventsEndpoint:
    return EventsEndpoint(Intake(sessions, Settings()), EnvironmentKind.LIVE)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (exc.OperationalError("INSERT", {}, Exception("database or disk is full")), 503),
        (exc.DBAPIError("INSERT", {}, Exception("53100")), 503),
        (exc.TimeoutError("no connection is free"), 503),
        (ConnectionRefusedError("nobody listens"), 503),
        (exc.ProgrammingError("INSERT", {}, Exception("secret detail")), 500),
        (RuntimeError("secret detail"), 500),
    ],
)
async def test_what_can_not_be_committed_is_never_202(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    async def fail(*args: Any) -> None:
        raise error

    monkeypatch.setattr("app.metering.group_commit.append", fail)
    answer = await api.post(EVENT)
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, "1" if status == 503 else None)
    assert set(answer.json()) == {"error", "message", "code"}
    assert "secret" not in answer.text
    assert await api.stored() == 0
    monkeypatch.undo()
    assert (await api.post(EVENT)).status_code == 202


async def test_who_waits_while_the_server_stops_is_told_so(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()

    async def hang(*_: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("app.metering.group_commit.append", hang)
    first = asyncio.create_task(api.post(EVENT))
    await begun.wait()
    behind = [asyncio.create_task(api.post(EVENT | {"idempotencyKey": f"k-{n}"})) for n in range(3)]
    [running] = [task for task in asyncio.all_tasks() if "GroupCommit._run" in repr(task.get_coro())]
    await asyncio.sleep(0.1)
    running.cancel()
    answers = await asyncio.gather(first, *behind)
    assert [answer.status_code for answer in answers] == [503] * 4
    monkeypatch.undo()
    assert (await api.post(EVENT)).status_code == 202
    assert await api.stored() == 1


async def test_who_waits_is_told_where_the_work_was_cancelled_before_it_began(api: Api) -> None:
    told: list[BaseException | None] = []
    commits = GroupCommit(api.world.sessions)
    events = [receive(api.world.live_id, decode_event(json.dumps(EVENT).encode()), api.clock.now())]
    commits.store("key_x", events, 1, told.append)
    [begun] = [task for task in asyncio.all_tasks() if "GroupCommit._run" in repr(task.get_coro())]
    begun.cancel()
    commits.store("key_x", events, 1, told.append)
    await asyncio.wait_for(commits.close(), 5)
    assert [type(error) for error in told] == [ConnectionAbortedError] * 2
    commits.store("key_x", events, 1, told.append)
    await asyncio.wait_for(commits.close(), 5)
    assert isinstance(told[2], KeyRevoked)


async def test_a_database_that_is_away_is_503(tmp_path: Path) -> None:
    for url in (
        f"sqlite+aiosqlite:///{tmp_path}/none/none.db",
        f"postgresql+asyncpg://postgres@/postgres?host={tmp_path}",
    ):
        async with (
            opened(url) as sessions,
            client_of(endpoint_of(sessions)) as client,
        ):
            answer = await client.post("/v0/events", json=EVENT, headers={"authorization": "Bearer sk_x"})
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.json()["code"] == "UNAVAILABLE"
    sqlite.join_failed_connections()


async def test_a_full_disk_is_503_until_there_is_room(scratch: Path, tmp_path: Path) -> None:
    """Simulated by SQLite's own limit on the size of the file."""
    async with opened(sqlite.copy_template(scratch, tmp_path / "full.db")) as sessions:
        world = await make_world(sessions)
        secret, writer = await world.api_key(), sessions.writer
        assert isinstance(writer, SqliteWriter)

        def limit(connection: sqlite3.Connection) -> None:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            [pages] = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count={pages}")

        async with client_of(endpoint_of(sessions)) as client:
            api = Api(world, FixedClock(), client, secret)
            await writer.run(limit)
            full = await api.post(sized(60_000))
            assert (full.status_code, full.headers["retry-after"]) == (503, "1")
            # The connection of a commit that failed is not used again, and the next one has room.
            assert (await api.post(sized(60_000))).status_code == 202
            assert await api.stored() == 1


async def test_a_connection_that_breaks_before_the_commit_is_503(api: Api) -> None:
    engine = api.world.sessions.engine
    if engine.dialect.name == "sqlite":
        return  # it has no connection that could break

    # In the middle of the statement that writes the log the server ends the connection.
    breaking = (
        (
            "CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NEW; END $$"
        ),
        "CREATE TRIGGER breaking BEFORE INSERT ON event_inbox FOR EACH ROW EXECUTE FUNCTION break()",
    )
    async with engine.begin() as connection:
        for statement in breaking:
            await connection.execute(text(statement))
    answer = await api.post(EVENT)
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    async with engine.begin() as connection:
        await connection.execute(text("DROP TRIGGER breaking ON event_inbox"))
        await connection.execute(text("DROP FUNCTION break"))
    assert (await api.post(EVENT)).status_code == 202
    assert (await api.stored(), await api.stored(models.MeterEventRepeat)) == (1, 0)


async def test_a_statement_that_is_wrong_is_our_fault_and_the_next_is_run(api: Api) -> None:
    writer = api.world.sessions.writer
    wrong: Awaitable[object]
    if isinstance(writer, SqliteWriter):
        wrong = writer.run(lambda connection: connection.execute("SELECT ?", ()))
    else:
        wrong = writer.execute("INSERT INTO nowhere VALUES ($1)", 1)
    with pytest.raises((sqlite3.ProgrammingError, asyncpg.UndefinedTableError)) as failed:
        await wrong
    assert not database_failed(failed.value)
    assert (await api.post(EVENT)).status_code == 202
