"""202 means committed: whatever keeps an event from being stored is answered with 503."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, exc, text
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.api.events import EventsEndpoint
from app.metering.event_log import append
from app.models import EnvironmentKind
from tests.support import sqlite
from tests.support.events_api import EVENT, Api, client_of, sized
from tests.support.rows import FixedClock, make_world, opened


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
        await append(*args)
        raise error

    monkeypatch.setattr("app.api.events.append", fail)
    answer = await api.post(EVENT)
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, "1" if status == 503 else None)
    assert set(answer.json()) == {"error", "message", "code"}
    assert "secret" not in answer.text
    assert await api.stored() == 0
    monkeypatch.undo()
    assert (await api.post(EVENT)).status_code == 202


async def test_a_database_that_is_away_is_503(tmp_path: Path) -> None:
    for url in (
        f"sqlite+aiosqlite:///{tmp_path}/none/none.db",
        f"postgresql+asyncpg://postgres@/postgres?host={tmp_path}",
    ):
        async with opened(url) as sessions, client_of(EventsEndpoint(sessions, EnvironmentKind.LIVE)) as client:
            answer = await client.post("/v0/events", json=EVENT, headers={"authorization": "Bearer sk_x"})
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.json()["code"] == "UNAVAILABLE"
    sqlite.join_failed_connections()


async def test_a_full_disk_is_503(scratch: Path, tmp_path: Path) -> None:
    """Simulated by SQLite's own limit on the size of the file."""
    async with opened(sqlite.copy_template(scratch, tmp_path / "full.db")) as sessions:
        world = await make_world(sessions)
        secret, engine = await world.api_key(), sessions.engine
        async with engine.connect() as connection:
            pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()

        def limit(connection: Connection) -> None:
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

        event.listen(engine.sync_engine, "begin", limit)
        async with client_of(EventsEndpoint(sessions, EnvironmentKind.LIVE)) as client:
            api = Api(world, FixedClock(), client, secret)
            answers = [await api.post(sized(60_000)) for _ in range(5)]
            assert answers[-1].status_code == 503
            assert await api.stored() == [answer.status_code for answer in answers].count(202)


async def test_a_connection_that_breaks_before_the_commit_is_503(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = api.world.sessions.engine
    if engine.dialect.name == "sqlite":
        return  # it has no connection that could break

    async def break_off(session: AsyncSession, *args: Any) -> None:
        await append(session, *args)
        pid = await session.scalar(text("SELECT pg_backend_pid()"))
        async with engine.connect() as other:
            await other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    monkeypatch.setattr("app.api.events.append", break_off)
    answer = await api.post(EVENT)
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    monkeypatch.undo()
    assert (await api.post(EVENT)).status_code == 202
    assert (await api.stored(), await api.stored(models.MeterEventRepeat)) == (1, 0)
