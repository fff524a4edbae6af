"""Where a key ends, it ends everywhere at once: also in another process, which has just seen it valid."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app import models
from app.db import Sessions, open_engine
from app.main import create_app
from app.models import table_of
from app.services.keys import revoke_key
from app.settings import Settings
from tests.support.api import Api, found_merchant
from tests.support.world import JANUARY_31, HandClock

EVENT = {"type": "call", "source": "s", "subject": "cus_1", "data": {"n": 1}}
Send = Callable[[], Awaitable[httpx.Response]]


@dataclass
class Two:
    """Two processes' worth of the application on one database, and a key of a merchant that sells a feature."""

    first: Api
    second: httpx.AsyncClient
    key_id: str
    secret: str
    customer_id: str

    def requests(self) -> dict[str, Send]:
        """What a key is good for, asked of the second application."""
        client, headers = self.second, {"authorization": f"Bearer {self.secret}"}
        check = {"customerId": self.customer_id, "featureKey": "calls"}
        use = {**check, "amount": "1"}
        return {
            "graphql": lambda: client.post("/graphql", json={"query": "{ __typename }"}, headers=headers),
            "sandbox": lambda: client.post("/sandbox/graphql", json={"query": "{ __typename }"}, headers=headers),
            "events": lambda: client.post("/v0/events", json=EVENT, headers=headers),
            "bad event": lambda: client.post("/v0/events", json={**EVENT, "data": 1}, headers=headers),
            "batch": lambda: client.post("/v0/events/batch", json=[EVENT, EVENT], headers=headers),
            "check": lambda: client.get("/v0/entitlements/check", params=check, headers=headers),
            "check then": lambda: client.get(
                "/v0/entitlements/check", params={**check, "at": "2026-01-31T00:00:00Z"}, headers=headers
            ),
            "consume": lambda: client.post("/v0/entitlements/consume", json=use, headers=headers),
        }

    async def answers(self) -> dict[str, int]:
        """The statuses of one request of each kind."""
        return {name: (await send()).status_code for name, send in self.requests().items()}

    async def stored(self) -> int:
        """How many entries the log of events has."""
        async with self.first.sessions.read() as session:
            return len((await session.scalars(select(table_of(models.EventInbox).c.id))).all())


VALID = {
    "graphql": 200, "sandbox": 200, "events": 202, "bad event": 400, "batch": 202, "check": 200, "check then": 200,
    "consume": 200,
}  # fmt: skip
ENDED = dict.fromkeys(VALID, 401)


@asynccontextmanager
async def two(database_url: str, **key: Any) -> AsyncIterator[Two]:
    clock = HandClock()
    settings = Settings(database_url=database_url, background_work=False)
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(2):
            app = create_app(settings, clock)
            await stack.enter_async_context(app.router.router.lifespan_context(app.router))
            transport = httpx.ASGITransport(app)
            clients.append(
                await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://test"))
            )
        sessions = Sessions(open_engine(database_url), clock, actor="cli")
        stack.push_async_callback(sessions.engine.dispose)
        api = Api(clients[0], sessions, clock, await found_merchant(sessions, JANUARY_31))
        product = await api.make("productCreate", name="API")
        metric = {"productId": product, "name": "Calls", "unit": "call", "eventType": "call", "aggregation": "COUNT"}
        metered = {"productId": product, "key": "calls", "name": "Calls", "kind": "METERED"}
        metric_id = await api.make("billableMetricCreate", **metric)
        feature = await api.make("featureCreate", **metered, billableMetricId=metric_id)
        customer = await api.make("customerCreate", name="Acme")
        terms = {"metered": {"issueAfterReset": "100"}}
        await api.make("entitlementCreate", customerId=customer, featureId=feature, terms=terms)
        made = await api.mutate("apiKeyCreate", "apiKey { id } secret", name="k", scopes=["ALL"], **key)
        yield Two(api, clients[1], made["apiKey"]["id"], made["secret"], customer)


async def warmed(both: Two) -> int:
    """Let the second application see the key valid, twice; return how much it stored."""
    assert await both.answers() == VALID
    assert await both.answers() == VALID
    return await both.stored()


@pytest.mark.parametrize("way", ["the other application", "the command line"])
async def test_a_revoked_key_is_refused_at_once_in_another_process(database_url: str, way: str) -> None:
    async with two(database_url) as both:
        stored = await warmed(both)
        if way == "the other application":
            await both.first.mutate("apiKeyRevoke", "apiKey { id }", id=both.key_id)
        else:
            async with both.first.sessions.begin() as session:
                [merchant] = (await session.scalars(select(models.Merchant))).all()
                await revoke_key(session, merchant.id, both.first.clock.now(), both.key_id)
        assert await both.answers() == ENDED
        assert await both.stored() == stored


@pytest.mark.parametrize("first", list(VALID))
async def test_whatever_is_asked_first_is_refused(database_url: str, first: str) -> None:
    """No request learns from another one that the key has ended."""
    async with two(database_url) as both:
        stored = await warmed(both)
        await both.first.mutate("apiKeyRevoke", "apiKey { id }", id=both.key_id)
        answer = await both.requests()[first]()
        assert (answer.status_code, await both.stored()) == (401, stored)


async def test_a_key_expires_at_its_instant_everywhere(database_url: str) -> None:
    async with two(database_url, expiresAt="2026-01-31T00:00:10Z") as both:
        both.first.clock.instant += timedelta(seconds=10) - timedelta(microseconds=1)
        stored = await warmed(both)
        both.first.clock.instant += timedelta(microseconds=1)
        assert await both.answers() == ENDED
        assert await both.stored() == stored


@pytest.mark.parametrize("first", list(VALID))
async def test_a_key_that_is_rotated_expires_in_another_process_that_remembers_it(
    database_url: str, first: str
) -> None:
    """What was remembered of it was that it never expires."""
    async with two(database_url) as both:
        await warmed(both)
        await both.first.mutate("apiKeyRotate", "secret", id=both.key_id, overlapSeconds=5)
        both.first.clock.instant += timedelta(seconds=4)
        stored = await warmed(both)
        both.first.clock.instant += timedelta(seconds=1)
        answer = await both.requests()[first]()
        assert (answer.status_code, await both.stored()) == (401, stored)
        assert await both.answers() == ENDED
