"""Addresses at which there is nothing: refused in JSON, and never with a way to somewhere else."""

from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.settings import Profile, Settings


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("path", ["/graphql/", "/sandbox/graphql/", "/healthz/", "/v0/events/", "/v0", "/none"])
async def test_an_unknown_address_redirects_nobody(path: str, profile: Profile, tmp_path: Path) -> None:
    app = create_app(Settings(database_url=f"sqlite+aiosqlite:///{tmp_path}/unused.db", profile=profile))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        for method in ("GET", "POST"):
            answer = await client.request(method, path, headers={"host": "evil.example"})
            assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
            assert "location" not in answer.headers
