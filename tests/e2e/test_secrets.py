"""Canaries: secrets are used in every way, sent to every wrong place, and looked for wherever they must not be."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select, text
from sqlmodel import SQLModel

from app.db import open_engine
from tests.support.server import CERTIFICATES, Server, billgraph, serve

#: Of a secret the last four characters are shown, as a hint. No other piece of so many may be.
PIECE = 8
#: A table that is missing is a bug to PostgreSQL's driver, and to SQLite's a database that may come back.
FAILED = (500, 503)
EVENT = {"type": "x", "source": "s", "subject": "c", "data": {}}
MALFORMED = ["Bearer {0} {0}", "Basic {0}", "bearer{0}", "{0}", "Bearer {0}é", "Bearer {0}, Bearer {0}", "Token {0}"]
PATHS = ("/graphql", "/v0/events", "/v0/events/batch", "/v0/entitlements/check", "/v0/entitlements/consume")
KEYS = "{ apiKeys { nodes { id name hint scopes createdAt expiresAt revokedAt lastUsedAt } } }"
LOG = """query($after: String) { auditEntries(first: 100, after: $after) {
  nodes { subjectId before after actor { name } } pageInfo { hasNextPage endCursor } } }"""
CATALOG = """mutation {
  catalogApply(input: { catalog: {
    products: [{ key: "p", name: "P" }], fees: [{ key: "f", productId: "p", name: "F" }]
    prices: [{ key: "f1", target: { feeId: "f" }, invoiceDisplayName: "F", paymentTerm: IN_ADVANCE, currency: "USD",
      model: { standard: { unitPrice: "49" } } }]
    plans: [{ key: "pl", productId: "p", name: "PL", billingInterval: MONTHLY, priceIds: ["f1"] }]
  } }) { userErrors { message } } }"""


@dataclass
class Watched:
    """A server, and all that it answered but where a secret is shown once."""

    server: Server
    database_url: str
    client: httpx.Client
    heard: list[str] = field(default_factory=list)

    def send(self, method: str, path: str, authorization: str | None = None, **given: Any) -> httpx.Response:
        """Send a request as it is; what is answered is kept, headers too."""
        headers = {} if authorization is None else {b"authorization": authorization.encode()}
        answer = self.client.request(method, self.server.base + path, headers=headers, **given)
        self.heard.append(f"{answer.headers} {answer.text}")
        return answer

    def gql(self, query: str, key: str | None = None, **variables: Any) -> dict[str, Any]:
        """Run a document; return the whole answer."""
        body = {"query": query, "variables": variables}
        answer: dict[str, Any] = self.send("POST", "/graphql", f"Bearer {key or self.server.key}", json=body).json()
        return answer

    def shown_once(self, query: str, **variables: Any) -> dict[str, Any]:
        """Run a mutation whose answer holds a secret, which therefore is not kept."""
        data = self.server.gql(query, **variables)
        return dict(next(iter(data.values())))

    @contextmanager
    def without(self, *tables: str) -> Iterator[None]:
        """Break the database, so that whatever needs these tables fails and is logged."""
        run(self.database_url, [f"ALTER TABLE {name} RENAME TO {name}_away" for name in tables])
        yield
        run(self.database_url, [f"ALTER TABLE {name}_away RENAME TO {name}" for name in tables])


def run(database_url: str, statements: list[str]) -> None:
    async def work() -> None:
        engine = open_engine(database_url).execution_options(writing=True)
        async with engine.begin() as connection:
            for statement in statements:
                await connection.execute(text(statement))
        await engine.dispose()

    asyncio.run(work())


def dumped(database_url: str) -> dict[str, str]:
    """All columns of all tables as text, by the name of the table."""

    async def work() -> dict[str, str]:
        engine = open_engine(database_url)
        async with engine.connect() as connection:
            tables = {
                table.name: str([tuple(row) for row in await connection.execute(select(table))])
                for table in SQLModel.metadata.sorted_tables
            }
        await engine.dispose()
        return tables

    return asyncio.run(work())


def pieces(secret: str) -> list[str]:
    return [secret[start : start + PIECE] for start in range(len(secret) - PIECE + 1)]


def leaked(secrets: list[str], where: str) -> list[str]:
    return [secret for secret in secrets if any(piece in where for piece in pieces(secret))]


def test_secrets_are_nowhere_but_where_they_are_shown_once(database_url: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serve(database_url, log=log) as server, httpx.Client(timeout=30, verify=CERTIFICATES) as client:
        watched = Watched(server, database_url, client)
        keys, links = keys_of(watched), links_of(watched)
        secrets = [*keys, *(link.rpartition(".")[2] for link in links)]
        sent_wrongly(watched, keys)
        fail(watched, keys, links)
        look_at_all(watched)
        for path in ("/metrics", "/healthz", "/readyz"):
            watched.send("GET", path)
    printed = billgraph(database_url, "keys", "list")
    logged, tables = log.read_text(), dumped(database_url)
    signing = [row for row in tables.pop("environment").replace("'", " ").split() if len(row.strip(",")) == 64]
    hashes = [hashlib.sha256(secret.encode()).hexdigest() for secret in keys]
    assert (len(set(keys)), len(set(links)), len(signing)) == (4, 2, 2)
    assert leaked(secrets, f"...{secrets[0][-PIECE:]}") == secrets[:1]
    # What was to be logged was: else an empty log would prove nothing.
    for failures in (("event_failed", "event_not_stored"), ("internal error", "the database did not answer")):
        assert any(failure in logged for failure in failures)
    places = {"log": logged, "answers": "\n".join(watched.heard), "command": printed.stdout + printed.stderr, **tables}
    assert {place: found for place, where in places.items() if (found := leaked(secrets, where))} == {}
    del places["api_key"]
    kept = [*hashes, *(secret.strip(",") for secret in signing)]
    assert {place: found for place, where in places.items() if (found := leaked(kept, where))} == {}


def keys_of(watched: Watched) -> list[str]:
    """Make keys in every way, use them, and repeat the calls that made them; return all secrets."""
    made = "apiKey { id } secret replayed"
    create = f'mutation {{ apiKeyCreate(input: {{ name: "c", scopes: [ALL], idempotencyKey: "c" }}) {{ {made} }} }}'
    first = watched.shown_once(create)
    rotate = f"""mutation($id: ID!) {{ apiKeyRotate(input: {{ id: $id, idempotencyKey: "r" }}) {{
      {made} userErrors {{ message }} }} }}"""
    second = watched.shown_once(rotate, id=first["apiKey"]["id"])
    third = billgraph(watched.database_url, "keys", "rotate", second["apiKey"]["id"]).stdout.split()[1]
    for repeat in (watched.gql(create), watched.gql(rotate, id=first["apiKey"]["id"])):
        [payload] = repeat["data"].values()
        assert (payload["secret"], payload["replayed"]) == (None, True)
    refused = watched.gql(rotate.replace('"r"', '"again"'), id=first["apiKey"]["id"])
    assert refused["data"]["apiKeyRotate"]["userErrors"]
    secrets = [watched.server.key, first["secret"], second["secret"], third]
    for secret in secrets:
        assert watched.send("POST", "/v0/events", f"Bearer {secret}", json=EVENT).status_code == 202
        batch = watched.send("POST", "/v0/events/batch", f"Bearer {secret}", json=[EVENT, {"type": 1}])
        assert batch.status_code == 202
        watched.send("POST", "/v0/events", f"Bearer {secret}", content=b"{")
        watched.send("GET", "/v0/entitlements/check?featureKey=x&customerId=y", f"Bearer {secret}")
        watched.send("POST", "/v0/entitlements/consume", f"Bearer {secret}", json={"amount": "x"})
        for query in ("{ nothing", "{ nothing }", '{ product(id: "x") { id } }', "{ merchant { id } }"):
            watched.gql(query, key=secret)
    return secrets


def links_of(watched: Watched) -> list[str]:
    """Make an invoice and links to its page, and open them; return the links, which end in their signatures."""
    assert watched.gql(CATALOG)["data"]["catalogApply"]["userErrors"] == []
    customer = watched.gql('mutation { customerCreate(input: { name: "Acme" }) { customer { id } } }')
    subscribe = """mutation($id: ID!) { subscriptionCreate(input: { customerId: $id, planId: "pl" }) {
      invoice { id } } }"""
    made = watched.gql(subscribe, id=customer["data"]["customerCreate"]["customer"]["id"])
    link = "query($id: ID!, $days: Int!) { invoice(id: $id) { pageUrl(validForDays: $days) } }"
    invoice_id, found = made["data"]["subscriptionCreate"]["invoice"]["id"], []
    for days in (1, 30):
        path = watched.server.gql(link, id=invoice_id, days=days)["invoice"]["pageUrl"]
        assert watched.send("GET", path).status_code == 200
        assert watched.send("GET", f"{path}x").status_code == 404
        assert watched.send("POST", path).status_code == 405
        found.append(path)
    return found


def sent_wrongly(watched: Watched, keys: list[str]) -> None:
    """Send keys in headers that are none, and in addresses."""
    for secret in keys:
        for form in MALFORMED:
            for path in PATHS:
                method = "GET" if path.endswith("check") else "POST"
                assert watched.send(method, path, form.format(secret), json=EVENT).status_code in {400, 401}
        for path in ("/graphql", "/v0/events", "/v0/entitlements/check", "/nowhere"):
            assert watched.send("GET", path, params={"key": secret}).status_code in {401, 404, 405}


def fail(watched: Watched, keys: list[str], links: list[str]) -> None:
    """Let requests with secrets fail in the middle, so that their errors are logged."""
    with watched.without("api_key"):
        for secret in keys:
            for path in PATHS:
                method = "GET" if path.endswith("check") else "POST"
                assert watched.send(method, path, f"Bearer {secret}", json={"query": "{ x }"}).status_code >= 400
    with watched.without("event_inbox", "product"):
        for secret in keys:
            answer = watched.send("POST", "/v0/events", f"Bearer {secret}", json=EVENT)
            assert answer.status_code in FAILED
            [error] = watched.gql("{ products { nodes { id } } }", key=secret)["errors"]
            assert error["extensions"]["code"] in {"INTERNAL", "UNAVAILABLE"}
        watched.send("GET", "/metrics")
    with watched.without("invoice"):
        assert watched.send("GET", links[0]).status_code in FAILED


def look_at_all(watched: Watched) -> None:
    """Read all that there is to read about keys, and the whole audit log."""
    watched.gql(KEYS)
    after, more = None, True
    while more:
        page = watched.gql(LOG, after=after)["data"]["auditEntries"]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
