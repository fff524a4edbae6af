"""What a supervisor and a load balancer ask."""

from pathlib import Path

import httpx
from starlette.applications import Starlette

from app.api.health import health_routes
from app.db import Sessions
from tests.support import sqlite
from tests.support.rows import opened


def client_of(sessions: Sessions) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Starlette(routes=health_routes(sessions)))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def test_a_process_with_its_database_is_ready(database_url: str) -> None:
    async with opened(database_url) as sessions, client_of(sessions) as client:
        for path in ("/healthz", "/readyz"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_a_process_without_its_database_lives_and_is_not_ready(tmp_path: Path) -> None:
    for url in (f"sqlite+aiosqlite:///{tmp_path}/none/none.db", f"postgresql+asyncpg://x@/x?host={tmp_path}"):
        async with opened(url) as sessions, client_of(sessions) as client:
            assert (await client.get("/healthz")).status_code == 200
            answer = await client.get("/readyz")
            assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})
    sqlite.join_failed_connections()
