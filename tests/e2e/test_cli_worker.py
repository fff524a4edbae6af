"""billgraph worker and billgraph usage, against the real server."""

import contextlib
import re
import signal
import subprocess
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.support.server import BILLGRAPH, Server, billgraph, environment, serve

EVENTS = 6000
SPAN = '(from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z")'
TOTAL = f"query ($id: ID!) {{ billableMetric(id: $id) {{ usage{SPAN} {{ total countedUpTo }} }} }}"
SELL = """mutation ($product: ProductCreateInput!, $customer: CustomerCreateInput!) {
  productCreate(input: $product) { product { id } } customerCreate(input: $customer) { customer { id } } }"""
MEASURE = """mutation ($metric: BillableMetricCreateInput!) {
  billableMetricCreate(input: $metric) { billableMetric { id } } }"""


@contextlib.contextmanager
def working(database_url: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([str(BILLGRAPH), "worker"], env=environment(database_url), stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


def waiting(server: Server) -> int:
    """How many events wait to be counted, by what the server shows to whoever watches."""
    shown = httpx.get(f"{server.base}/metrics").text
    found = re.search(r"^billgraph_inbox_events (\d+)", shown, re.MULTILINE)
    assert found is not None
    return int(found.group(1))


def send(server: Server, first: int, count: int) -> None:
    """Report events of value 1, in batches that overlap: each key comes in two of them."""
    headers = {"authorization": f"Bearer {server.key}"}
    with httpx.Client(base_url=server.base, headers=headers, timeout=30) as client:
        for start in range(first, first + count, 500):
            events = [
                {
                    "type": "call", "source": "s", "externalSubject": "acme", "data": {"n": 1},
                    "timestamp": "2026-01-15T12:00:00Z", "idempotencyKey": f"k{number % (first + count)}",
                }
                for number in range(start, start + 1000)
            ]  # fmt: skip
            assert client.post("/v0/events/batch", json=events).status_code == 202


def test_two_workers_count_everything_once_and_one_goes_on_when_the_other_is_killed(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database_url.startswith("sqlite"):
        refused = billgraph(database_url, "worker")
        assert (refused.returncode, "SQLite" in refused.stderr) == (1, True)
        return
    monkeypatch.setenv("BILLGRAPH_BACKGROUND_WORK", "false")
    with serve(database_url) as server:
        product = {"name": "Engine", "key": "engine"}
        server.gql(SELL, product=product, customer={"name": "Acme", "externalId": "acme"})
        metric = {"productId": "engine", "name": "Sum", "unit": "call", "eventType": "call"}
        measured = {"aggregation": "SUM", "valueProperty": "$.n"}
        made = server.gql(MEASURE, metric={**metric, **measured})["billableMetricCreate"]["billableMetric"]["id"]
        send(server, 0, EVENTS)
        assert waiting(server) == 2 * EVENTS
        with working(database_url) as killed, working(database_url) as other:
            while (left := waiting(server)) > EVENTS:
                time.sleep(0.02)
            killed.kill()
            assert left > 0
            deadline = time.monotonic() + 60
            while waiting(server) > 0:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            other.send_signal(signal.SIGTERM)
            assert other.wait(20) == 0
        usage = server.gql(TOTAL, id=made)["billableMetric"]["usage"]
        assert usage == {"total": str(EVENTS), "countedUpTo": None}
    rebuilt = billgraph(database_url, "usage", "rebuild")
    assert re.fullmatch(r"\d+ counters, 0 came to something else and were mended\n", rebuilt.stdout), rebuilt


def test_a_worker_asks_for_the_newest_schema(empty_database_url: str) -> None:
    refused = billgraph(empty_database_url, "worker")
    assert refused.returncode == 1
    assert ("billgraph migrate" in refused.stderr) is not empty_database_url.startswith("sqlite")
