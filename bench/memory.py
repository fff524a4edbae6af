"""What a server's memory is after many events, against what it is after few."""

import tempfile
from pathlib import Path

import psutil

from bench.ingest import BATCH, Events
from bench.load import Target, send_all
from bench.merchant import prepare
from bench.servers import product

FEW, MANY = 100_000, 10_000_000
#: Requests that are prepared at a time, as they take memory here, too.
AT_A_TIME = 100
CONNECTIONS = 4
#: Counting goes on meanwhile, and may be behind: what waits is on disk.
PATIENT = {"BILLGRAPH_MAX_BACKLOG_SECONDS": "86400"}


def memory(few: int = FEW, many: int = MANY) -> float:
    """The resident memory of a server that took in many events, 1,000 a request, against after the first of them."""
    with tempfile.TemporaryDirectory() as folder:
        merchant = prepare(Path(folder))
        events = Events()
        with product(merchant.url, **PATIENT) as server:
            target = Target(server.base, "/v0/events/batch", merchant.secret)
            _send(target, events, few)
            before = _resident(server.pid)
            _send(target, events, many - few)
            after = _resident(server.pid)
    print(f"  {before / 2**20:.0f} MiB after {few:,} events, {after / 2**20:.0f} MiB after {many:,}")
    return after / before


def _send(target: Target, events: Events, count: int) -> None:
    requests = count // BATCH
    for start in range(0, requests, AT_A_TIME):
        some = min(AT_A_TIME, requests - start)
        send_all(target, (events.batch(BATCH) for _ in range(some)), CONNECTIONS)


def _resident(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss)
