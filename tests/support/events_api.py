"""A client of `POST /v0/events` for tests, in front of the bare endpoint."""

import json
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import func, select
from starlette.applications import Starlette

from app import models
from app.api.events import EventsEndpoint
from app.main import Application
from app.metering.waiting import wait_until_counted
from app.models import table_of
from tests.support.rows import FixedClock, World
from tests.support.wire import Line, LineTransport

EVENT = {"type": "api-call", "source": "s", "subject": "cus_1", "data": {"tokens": 1}, "idempotencyKey": "k-1"}
JSON = "application/json"
PATH = "/v0/events"


@dataclass
class Api:
    """A client with a key for everything, and what stands behind it."""

    world: World
    clock: FixedClock
    client: httpx.AsyncClient
    secret: str

    async def post(self, body: Any, **headers: str | None) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given: dict[str, str | None] = {"authorization": f"Bearer {self.secret}", "content-type": JSON}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in given.items() if value is not None}
        return await self.client.post(PATH, content=content, headers=sent)

    async def stored(self, model: type[Any] = models.MeterEvent) -> int:
        await wait_until_counted(self.world.sessions)
        async with self.world.sessions.read() as session:
            return int(await session.scalar(select(func.count()).select_from(table_of(model))) or 0)


def client_of(endpoint: EventsEndpoint) -> httpx.AsyncClient:
    """A client over a connection as the server's. Only where a key was seen before are single events taken at once."""
    app = Application(Starlette(), {PATH: endpoint}, {} if endpoint.takes_batches else {PATH.encode(): endpoint})
    return httpx.AsyncClient(transport=LineTransport(Line(app)), base_url="http://test")


def sized(size: int) -> bytes:
    start = b'{"type":"t","source":"s","subject":"c","data":{"x":"'
    return start + b"x" * (size - len(start) - 3) + b'"}}'
