"""kill -9 in the middle of ingest, again and again: nothing acknowledged is lost, and nothing counts twice."""

import asyncio
import contextlib
import itertools
import logging
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import psutil
import pytest

from tests.support.server import Server, serve

log = logging.getLogger(__name__)
CONNECTIONS = 32
#: Acknowledgements between two kills, about.
ACKNOWLEDGED = 520
#: Seconds from the start of a server to its first 202: of one that has the machine to itself, as in a soak, and else.
ALONE, AMONG_OTHERS = 2, 30
SELL = """mutation ($product: ProductCreateInput!, $customer: CustomerCreateInput!) {
  productCreate(input: $product) { product { id } } customerCreate(input: $customer) { customer { id } } }"""
MEASURE = """mutation ($count: BillableMetricCreateInput!, $sum: BillableMetricCreateInput!) {
  count: billableMetricCreate(input: $count) { billableMetric { id } }
  sum: billableMetricCreate(input: $sum) { billableMetric { id } } }"""
SPAN = '(from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z")'
TOTALS = f"""query ($count: ID!, $sum: ID!) {{
  count: billableMetric(id: $count) {{ usage{SPAN} {{ total countedUpTo }} }}
  sum: billableMetric(id: $sum) {{ usage{SPAN} {{ total countedUpTo }} }} }}"""


@dataclass
class Sent:
    """What was sent, by key: its value, and whether it was acknowledged."""

    numbers: Iterator[int] = field(default_factory=itertools.count)
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    values: dict[str, int] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)

    def next(self) -> str:
        """A new key, or now and then one that was sent before."""
        if self.values and self.chance.random() < 0.1:
            return self.chance.choice(list(self.values))
        key = f"k{next(self.numbers)}"
        self.values[key] = self.chance.randrange(1, 10**6)
        return key

    def event(self, key: str) -> dict[str, object]:
        return {
            "type": "call", "source": "s", "externalSubject": "acme", "data": {"n": self.values[key]},
            "timestamp": "2026-01-15T12:00:00Z", "idempotencyKey": key,
        }  # fmt: skip


def set_up(server: Server) -> dict[str, str]:
    product = {"name": "Engine", "key": "engine"}
    server.gql(SELL, product=product, customer={"name": "Acme", "externalId": "acme"})
    metric = {"productId": "engine", "unit": "call", "eventType": "call"}
    made = server.gql(
        MEASURE,
        count={**metric, "name": "Calls", "aggregation": "COUNT"},
        sum={**metric, "name": "Sum", "aggregation": "SUM", "valueProperty": "$.n"},
    )
    return {name: made[name]["billableMetric"]["id"] for name in ("count", "sum")}


def kill(server: Server) -> None:
    """End a server and its processes without warning."""
    parent = psutil.Process(server.process.pid)
    parent.suspend()  # else it may replace a child that has just been killed, by one that outlives it
    for process in (*parent.children(recursive=True), parent):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    server.process.wait(20)


async def load(server: Server, secret: str, sent: Sent, wanted: int) -> None:
    """Send over many connections until the server is killed, which happens when enough is acknowledged."""
    killing: list[Server] = []
    until, limits = len(sent.acknowledged) + wanted, httpx.Limits(max_connections=CONNECTIONS)
    headers = {"authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(base_url=server.base, headers=headers, limits=limits, timeout=20) as client:

        async def work() -> None:
            while server.process.poll() is None:
                key = sent.next()
                try:
                    answer = await client.post("/v0/events", json=sent.event(key))
                except httpx.TransportError:
                    return
                if answer.status_code == 202:
                    sent.acknowledged.add(key)
                if len(sent.acknowledged) >= until and not killing:
                    killing.append(server)
                    await asyncio.to_thread(kill, server)

        await asyncio.gather(*(work() for _ in range(CONNECTIONS)))


def settle(server: Server, secret: str, sent: Sent) -> None:
    """Send again what was not acknowledged, until all is: a client that retries."""
    headers = {"authorization": f"Bearer {secret}"}
    waiting = [key for key in sent.values if key not in sent.acknowledged]
    with httpx.Client(base_url=server.base, headers=headers, timeout=20) as client:
        for start in range(0, len(waiting), 1000):
            events = [sent.event(key) for key in waiting[start : start + 1000]]
            answer = client.post("/v0/events/batch", json=events)
            assert {result["status"] for result in answer.json()["results"]} == {202}
            sent.acknowledged.update(waiting[start : start + 1000])


def totals(server: Server, secret: str, metrics: dict[str, str]) -> tuple[int, int]:
    """What was counted, once all is."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = server.gql(TOTALS, key=secret, **metrics)
        if not any(found[name]["usage"]["countedUpTo"] for name in metrics):
            return int(found["count"]["usage"]["total"]), int(found["sum"]["usage"]["total"])
        time.sleep(0.5)
    raise AssertionError("the backlog does not end")


def test_nothing_acknowledged_is_lost_or_counted_twice(database_url: str, pytestconfig: pytest.Config) -> None:
    several = [] if database_url.startswith("sqlite") else ["--workers", "4"]
    kills, sent, first = pytestconfig.getoption("--kills"), Sent(), []
    with serve(database_url) as server:
        secret, metrics = server.key, set_up(server)
    for _ in range(kills or 2):
        begun = time.monotonic()
        with serve(database_url, *several) as server:
            key = sent.next()
            assert server.post_event(sent.event(key), key=secret).status_code == 202
            sent.acknowledged.add(key)
            first.append(time.monotonic() - begun)
            asyncio.run(load(server, secret, sent, ACKNOWLEDGED))
    with serve(database_url, *several) as server:
        settle(server, secret, sent)
        assert totals(server, secret, metrics) == (len(sent.values), sum(sent.values.values()))
    assert max(first) < (ALONE if kills else AMONG_OTHERS)
    median = sorted(first)[len(first) // 2]
    log.info("%d acknowledged, first 202 after %.1f s at the median", len(sent.acknowledged), median)
