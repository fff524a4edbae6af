"""A disk that is full and a database that is stopped, under the real server: 503, and 202 once they are back."""

import os
import resource
import signal
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from app.migrate import upgrade
from tests.support import postgres
from tests.support.server import Server, serve

MEASURE = """mutation { productCreate(input: { name: "Engine", key: "engine" }) { product { id } }
  customerCreate(input: { name: "Acme", externalId: "acme" }) { customer { id } }
  billableMetricCreate(input: { productId: "engine", name: "Calls", unit: "call", eventType: "call",
    aggregation: COUNT }) { billableMetric { id } } }"""
TOTAL = """query ($id: ID!) { billableMetric(id: $id) {
  usage(from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z") { total countedUpTo } } }"""


def event(number: int) -> dict[str, object]:
    return {
        "type": "call", "source": "s", "externalSubject": "acme", "timestamp": "2026-01-15T12:00:00Z",
        "data": {"text": "x" * 1000}, "idempotencyKey": f"k{number}",
    }  # fmt: skip


def refuses(answer: httpx.Response) -> bool:
    """Whether an event was turned away as the contract says; any other answer but 202 fails."""
    if answer.status_code == 202:
        return False
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert int(answer.headers["retry-after"]) >= 1
    return True


def settle(server: Server, number: int) -> None:
    """Send an event again until it is taken, as a client does."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not refuses(server.post_event(event(number))):
            return
        time.sleep(0.1)
    raise AssertionError("the server does not recover")


def counted(server: Server, metric_id: str) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        usage = server.gql(TOTAL, id=metric_id)["billableMetric"]["usage"]
        if usage["countedUpTo"] is None:
            return int(usage["total"])
        time.sleep(0.2)
    raise AssertionError("the backlog does not end")


def test_a_full_disk_refuses_and_recovers(tmp_path: Path) -> None:
    database = tmp_path / "billgraph.db"
    with serve(f"sqlite+aiosqlite:///{database}") as server:
        metric_id = server.gql(MEASURE)["billableMetricCreate"]["billableMetric"]["id"]
        settle(server, 0)
        # No file may grow: what a quota does. The server goes on under the same process id.
        limit = database.with_name("billgraph.db-wal").stat().st_size + 64 * 1024
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        taken, refused = [0], list[int]()
        for number in range(1, 400):
            (refused if refuses(server.post_event(event(number))) else taken).append(number)
        assert refused
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        for number in refused:
            settle(server, number)
        assert counted(server, metric_id) == len(taken) + len(refused)


def test_a_database_that_another_process_holds_keeps_nobody_for_long(
    tmp_path: Path,
) -> None:
    """Whoever waits gives up after the same time, however many wait; what only reads is answered."""
    database = tmp_path / "billgraph.db"
    started = serve(f"sqlite+aiosqlite:///{database}", BILLGRAPH_DATABASE_WAIT_SECONDS="1")
    with started as server, ThreadPoolExecutor(40) as pool:
        metric_id = server.gql(MEASURE)["billableMetricCreate"]["billableMetric"]["id"]

        def change(number: int) -> str | None:
            text = f'mutation {{ productCreate(input: {{ name: "p{number}" }}) {{ product {{ id }} }} }}'
            headers = {"Authorization": f"Bearer {server.key}"}
            body = httpx.post(f"{server.base}/graphql", json={"query": text}, headers=headers, timeout=30).json()
            code: str | None = body["errors"][0]["extensions"]["code"] if "errors" in body else None
            return code

        holder = sqlite3.connect(database, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        changes = pool.map(change, range(20))
        events = pool.map(lambda number: refuses(server.post_event(event(number))), range(20))
        assert server.gql("{ merchant { name } }")
        assert time.monotonic() - begun < 1
        assert set(changes) == {"UNAVAILABLE"}
        assert all(events)
        # One second for the turn, one for the database, and a machine that does other things.
        assert time.monotonic() - begun < 5
        holder.execute("ROLLBACK")
        holder.close()
        assert set(pool.map(change, range(20))) == {None}
        for number in range(20):
            settle(server, number)
        assert counted(server, metric_id) == 20
        assert server.gql("{ products(first: 1) { totalCount } }")["products"]["totalCount"] == 21


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A PostgreSQL of the test's own, which it may stop."""
    folder, lifeline = postgres.make_scratch()
    yield folder
    postgres.remove_scratch(folder, lifeline)


def stop(scratch: Path) -> None:
    """Stop PostgreSQL as a crash does, and whoever was to stop it at the end."""
    server = psutil.Process(int((scratch / "data/postmaster.pid").read_text().split()[0]))
    keeper = server.parent()
    assert keeper is not None
    keeper.kill()
    os.kill(server.pid, signal.SIGQUIT)
    deadline = time.monotonic() + 20
    while (scratch / "data/postmaster.pid").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_stopped_database_refuses_and_recovers(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)  # that one is not ours to stop
    url = postgres.create_empty(scratch, "away")
    upgrade(url)
    with serve(url, "--workers", "2") as server:
        metric_id = server.gql(MEASURE)["billableMetricCreate"]["billableMetric"]["id"]
        settle(server, 0)
        stop(scratch)
        for number in range(1, 20):
            assert refuses(server.post_event(event(number)))
        ready = httpx.get(f"{server.base}/readyz", timeout=30)
        assert ready.status_code == 503
        postgres.start(scratch)
        for number in range(1, 20):
            settle(server, number)
        assert counted(server, metric_id) == 20
        assert httpx.get(f"{server.base}/readyz", timeout=30).status_code == 200
