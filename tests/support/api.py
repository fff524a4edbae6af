"""The GraphQL API in this process, over ASGI, with a merchant, a key, and a clock that a test moves by hand."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import httpx
from sqlalchemy import Connection, Engine, event, select
from sqlmodel import SQLModel
from starlette.applications import Starlette
from starlette.routing import Route

from app.api.access_check import AccessCheck
from app.api.cross_origin import across_origins
from app.api.entitlements import EntitlementsEndpoint, entitlement_routes
from app.api.graphql_view import GraphQLView
from app.api.invoice_page import invoice_routes
from app.billing.access import Scope
from app.billing.catalog import MerchantDraft
from app.db import Sessions, open_engine
from app.graphql import schema
from app.main import Application
from app.models import EnvironmentKind, table_of
from app.services.audit import start_recording
from app.services.keys import create_key
from app.services.merchants import create_merchant
from app.settings import Profile, Settings
from tests.support.world import JANUARY_31, HandClock


@dataclass
class Api:
    """Speaks GraphQL as one key in one environment."""

    client: httpx.AsyncClient
    sessions: Sessions
    clock: HandClock
    secret: str
    path: str = "/graphql"
    headers: dict[str, str] = field(default_factory=dict)

    async def post(self, body: object, **headers: str) -> httpx.Response:
        """Send a body, JSON unless it is bytes."""
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        sent = {"authorization": f"Bearer {self.secret}", "content-type": "application/json", **self.headers, **headers}
        return await self.client.post(self.path, headers=sent, **content)

    async def answer(self, query: str, **variables: Any) -> dict[str, Any]:
        """Run a document and return the whole answer."""
        answer: dict[str, Any] = (await self.post({"query": query, "variables": variables})).json()
        return answer

    async def gql(self, query: str, **variables: Any) -> dict[str, Any]:
        """Run a document and return its data; top-level errors fail the test."""
        answer = await self.answer(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def code(self, query: str, **variables: Any) -> str:
        """Run a document that is refused as a whole; return the code of its first error."""
        answer = await self.answer(query, **variables)
        return str(answer["errors"][0]["extensions"]["code"])

    async def mutate(self, name: str, fields: str, /, **given: Any) -> dict[str, Any]:
        """Run one mutation and return its payload, user errors included."""
        kind = f"{name[0].upper()}{name[1:]}Input"
        errors = "userErrors { code field message }"
        query = f"mutation($input: {kind}!) {{ {name}(input: $input) {{ {fields} {errors} }} }}"
        payload: dict[str, Any] = (await self.gql(query, input=given))[name]
        return payload

    async def make(self, name: str, /, **given: Any) -> str:
        """Create something, which must succeed, and return its id."""
        noun = name.removesuffix("Create")
        payload = await self.mutate(name, f"{noun} {{ id }}", **given)
        assert payload["userErrors"] == []
        return str(payload[noun]["id"])

    async def refused(self, name: str, /, **given: Any) -> list[tuple[str, str | None]]:
        """Run a mutation that makes or changes one thing and is refused; return the codes and fields of its errors."""
        noun = name.removesuffix("Create").removesuffix("Update")
        payload = await self.mutate(name, f"{noun} {{ id }}", **given)
        assert payload[noun] is None
        return [(error["code"], error["field"]) for error in payload["userErrors"]]

    async def rows(self, *nouns: type[SQLModel]) -> list[Any]:
        """Return all rows of some tables, each in the order of its keys."""
        async with self.sessions.read() as session:
            return [
                row
                for noun in nouns
                for row in await session.scalars(select(noun).order_by(*table_of(noun).primary_key))
            ]

    async def with_scopes(self, *scopes: Scope) -> "Api":
        """Return the same merchant under a new key."""
        created = await self.mutate("apiKeyCreate", "secret", name="narrow", scopes=[scope.name for scope in scopes])
        return Api(self.client, self.sessions, self.clock, created["secret"], self.path)

    async def as_customer(self, customer_id: str, **given: Any) -> "Api":
        """Speak as one customer, by a token that this key makes, in the same environment."""
        made = await self.mutate("customerTokenCreate", "secret", customerId=customer_id, **given)
        assert made["userErrors"] == []
        return Api(self.client, self.sessions, self.clock, made["secret"], self.path)

    async def another_merchant(self) -> "Api":
        """Found a second merchant on the same database and speak as its key."""
        return Api(self.client, self.sessions, self.clock, await found_merchant(self.sessions, JANUARY_31), self.path)

    def in_sandbox(self) -> "Api":
        """Return the same key in the other environment."""
        return Api(self.client, self.sessions, self.clock, self.secret, f"/sandbox{self.path}")


async def found_merchant(sessions: Sessions, now: datetime, scopes: Sequence[Scope] = (Scope.ALL,)) -> str:
    """Found a merchant and return a key's secret."""
    async with sessions.begin() as session:
        merchant = await create_merchant(session, now, MerchantDraft(name="Example Inc."))
        _, secret = await create_key(session, merchant.id, now, "test", scopes, None)
    return secret


@asynccontextmanager
async def make_api(
    database_url: str,
    profile: Profile = Profile.DEVELOPMENT,
    public_url: str | None = None,
    allowed_origins: frozenset[str] = frozenset(),
) -> AsyncIterator[Api]:
    """Serve a database, with a merchant founded on it."""
    start_recording()
    clock = HandClock()
    sessions = Sessions(open_engine(database_url), clock)
    limits: dict[str, Any] = {"max_graphql_body": 20_000}
    limits |= {"allowed_origins": allowed_origins}
    settings = Settings(database_url=database_url, profile=profile, public_url=public_url, **limits)
    views = [
        Route(f"{prefix}/graphql", across_origins(GraphQLView(schema, sessions, clock, settings, kind), settings))
        for kind, prefix in ((EnvironmentKind.LIVE, ""), (EnvironmentKind.SANDBOX, "/sandbox"))
    ]
    router = Starlette(routes=[*views, *entitlement_routes(sessions, settings), *invoice_routes(sessions)])
    check = AccessCheck(sessions, EntitlementsEndpoint(sessions, settings, EnvironmentKind.LIVE))
    transport = httpx.ASGITransport(Application(router, {"/v0/entitlements/check": check}, {}))
    try:
        secret = await found_merchant(sessions, JANUARY_31)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield Api(client, sessions, clock, secret)
    finally:
        await settle()
        await sessions.engine.dispose()


async def settle() -> None:
    """Let reads end whose answer nobody waits for, as an error in a field beside them decided the request."""
    strays = asyncio.all_tasks() - {asyncio.current_task()}
    if strays:
        await asyncio.wait(strays, timeout=10)


class Statements:
    """Counts the statements that are run inside a block, by whichever engine."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def _note(self, _connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        self.seen.append(statement)

    def __enter__(self) -> Self:
        event.listen(Engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_error: object) -> None:
        event.remove(Engine, "before_cursor_execute", self._note)
