"""Two connections to PostgreSQL for 200 clients: some are told to come again, nobody waits long, and it passes."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass

import httpx
import pytest

from tests.e2e.test_contention import CUSTOMER, READ, counted, sell
from tests.support.server import Server, serve

CLIENTS = 200
#: Seconds that a request waits for a connection, and in which each must be answered on a machine that is busy.
WAIT, ANSWERED_WITHIN = 0.3, 15.0


@dataclass
class Answer:
    """What one request came to: done, or turned away."""

    kind: str
    done: bool
    status: int
    seconds: float


class Client:
    """One connection, without what a client library does around it, which would take longer than the server."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._key, self._reader, self._writer = server.key, reader, writer

    async def ask(self, kind: str, number: int) -> Answer:
        begun = time.monotonic()
        event = {"type": "call", "source": "s", "externalSubject": "acme", "idempotencyKey": f"{begun} {number}"}
        line, sent, done = {
            "event": ("POST /v0/events", {**event, "data": {"n": 1}}, 202),
            "check": ("GET /v0/entitlements/check?externalId=acme&featureKey=none", None, 404),
            "read": ("POST /graphql", {"query": READ}, 200),
            "write": ("POST /graphql", {"query": CUSTOMER, "variables": {"input": {"name": "Acme"}}}, 200),
        }[kind]
        body = b"" if sent is None else json.dumps(sent).encode()
        head = [f"{line} HTTP/1.1", "host: a", f"authorization: Bearer {self._key}", "content-type: application/json"]
        self._writer.write("\r\n".join([*head, f"content-length: {len(body)}", "", ""]).encode() + body)
        answered = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        length = int(answered.partition("content-length: ")[2].split("\r\n")[0])
        text = await self._reader.readexactly(length)
        status = int(answered[9:12])
        codes = {error["extensions"]["code"] for error in json.loads(text).get("errors", ()) if "extensions" in error}
        assert status in {done, 503}, text
        assert codes <= {"UNAVAILABLE"}, text
        assert status != 503 or "retry-after: 1\r\n" in answered, answered
        return Answer(kind, status == done and not codes, status, time.monotonic() - begun)


async def crowd(server: Server, clients: int, rounds: int) -> list[Answer]:
    """Let each client ask so often, one kind of request after the other."""
    kinds = ("read", "event", "write", "check")

    async def one(number: int) -> list[Answer]:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.base.rpartition(":")[2]))
        client = Client(server, reader, writer)
        answers = [await client.ask(kinds[(number + turn) % len(kinds)], number) for turn in range(rounds)]
        writer.close()
        await writer.wait_closed()
        return answers

    return [answer for answers in await asyncio.gather(*map(one, range(clients))) for answer in answers]


def test_who_finds_no_connection_is_told_so_and_comes_again(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if database_url.startswith("sqlite"):
        return  # it is a file, which nobody waits for a connection to
    monkeypatch.setenv("BILLGRAPH_DATABASE_CONNECTIONS", "2")
    monkeypatch.setenv("BILLGRAPH_DATABASE_WAIT_SECONDS", str(WAIT))
    with serve(database_url) as server:
        sell(server)
        # Whoever comes alone never waits for a second connection while holding one.
        answers = asyncio.run(crowd(server, 1, 8))
        assert all(answer.done for answer in answers)
        many = asyncio.run(crowd(server, CLIENTS, 4))
        slowest = {answer.kind: answer for answer in sorted(many, key=lambda answer: answer.seconds)}
        assert max(answer.seconds for answer in many) < ANSWERED_WITHIN, slowest
        assert {answer.status for answer in many} >= {200, 503}, Counter(answer.status for answer in many)
        answers += many
        deadline = time.monotonic() + 10
        while not all(answer.done for answer in answers[-8:]):
            assert time.monotonic() < deadline
            answers += asyncio.run(crowd(server, 1, 8))
        assert httpx.get(f"{server.base}/readyz", timeout=10).status_code == 200
        # What was turned away was not stored, and what was taken is counted.
        assert counted(server) == sum(answer.done for answer in answers if answer.kind == "event")
