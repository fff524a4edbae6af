"""The whole application in this process, all its addresses, and what its database holds beside it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from sqlalchemy import select
from sqlmodel import SQLModel

from app.db import Sessions, open_engine
from app.main import Application, create_app
from app.metering.jobs import work_off_jobs
from app.metering.waiting import wait_until_counted
from app.settings import Settings
from tests.support.api import Api, found_merchant, settle
from tests.support.world import JANUARY_31, HandClock

#: When a key was last used is no business of who asks what.
UNWATCHED = {("api_key", "last_used_at")}


@asynccontextmanager
async def serve(database_url: str, **settings: Any) -> AsyncIterator[Api]:
    """Serve a database by the application itself, with a merchant founded on it. Time stands, and nothing is worked."""
    clock = HandClock()
    app = create_app(Settings(database_url=database_url, background_work=False, **settings), clock)
    sessions = Sessions(open_engine(database_url), clock)
    try:
        secret = await found_merchant(sessions, JANUARY_31)
        transport = httpx.ASGITransport(app)
        async with _running(app), httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield Api(client, sessions, clock, secret)
    finally:
        await sessions.engine.dispose()


@asynccontextmanager
async def _running(app: Application) -> AsyncIterator[None]:
    """Let an application live as a server does, and end whatever a test says: a server does not tell it either."""
    lifespan = app.router.router.lifespan_context(app.router)
    await lifespan.__aenter__()
    try:
        yield
    finally:
        await settle()
        await lifespan.__aexit__(None, None, None)


async def count(api: Api) -> None:
    """Count all events that wait, and all that were stored before what they fit."""
    await wait_until_counted(api.sessions)
    while await work_off_jobs(api.sessions):
        pass


async def dump(api: Api) -> dict[str, list[str]]:
    """Return every row of every table."""
    found = {}
    async with api.sessions.read() as session:
        for table in SQLModel.metadata.sorted_tables:
            columns = [column for column in table.c if (table.name, column.name) not in UNWATCHED]
            found[table.name] = sorted(str(tuple(row)) for row in await session.execute(select(*columns)))
    return found
