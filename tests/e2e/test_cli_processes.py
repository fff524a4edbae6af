"""billgraph serve --workers: several processes that answer as one, against the real server."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable

import httpx
import psutil
import pytest

from tests.support.server import BILLGRAPH, Server, billgraph, environment, free_port, serve

EVENT = {"type": "call", "source": "s", "externalSubject": "acme", "data": {"n": 1}}


def processes(server: Server) -> set[int]:
    return {child.pid for child in psutil.Process(server.process.pid).children()}


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return False


def test_a_process_that_ends_is_replaced_and_all_stop_together(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        refused = billgraph(database_url, "serve", "--workers", "2")
        assert refused.returncode != 0
        assert "SQLite is served by one process" in refused.stdout + refused.stderr
        return
    with serve(database_url, "--workers", "2") as server:
        before = processes(server)
        assert len(before) == 2
        os.kill(min(before), signal.SIGKILL)
        assert eventually(lambda: len(processes(server) - before) == 1)
        assert eventually(lambda: len(processes(server)) == 2)
        for number in range(20):
            assert server.post_event({**EVENT, "idempotencyKey": f"k{number}"}).status_code == 202
        last = processes(server)
        server.process.terminate()
        assert server.process.wait(20) == 0
        assert not any(psutil.pid_exists(pid) for pid in last)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{server.base}/healthz")


def test_all_end_when_the_first_is_killed_and_the_port_is_free(database_url: str) -> None:
    workers = 1 if database_url.startswith("sqlite") else 2
    with serve(database_url, "--workers", str(workers)) as server:
        left = processes(server)
        assert len(left) == (0 if workers == 1 else workers)
        server.process.kill()
        server.process.wait(20)
        assert eventually(lambda: not any(map(psutil.pid_exists, left)))
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", int(server.base.rpartition(":")[2])))


def test_a_port_that_is_taken_is_said_and_nothing_is_left_running(database_url: str) -> None:
    workers = "1" if database_url.startswith("sqlite") else "2"
    with serve(database_url) as server:
        port = server.base.rpartition(":")[2]
        command = [str(BILLGRAPH), "serve", "--port", port, "--workers", workers]
        second = subprocess.run(
            command, env=environment(database_url), capture_output=True, text=True, timeout=60, check=False
        )
    assert second.returncode != 0
    assert "address already in use" in second.stderr.lower()


def test_a_server_that_cannot_start_ends_with_all_its_processes(database_url: str) -> None:
    workers = "1" if database_url.startswith("sqlite") else "2"
    command = [str(BILLGRAPH), "serve", "--port", str(free_port()), "--workers", workers]
    wrong = {**environment(database_url), "BILLGRAPH_WORKER_INTERVAL": "never"}
    ended = subprocess.run(command, env=wrong, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert "worker_interval" in ended.stderr.lower()


def test_interrupting_ends_a_server_without_a_trace(database_url: str) -> None:
    workers = "1" if database_url.startswith("sqlite") else "2"
    port = free_port()
    command = [str(BILLGRAPH), "serve", "--port", str(port), "--workers", workers]
    process = subprocess.Popen(
        command, env=environment(database_url), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )

    def answers() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
        return False

    assert eventually(answers)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert b"Traceback" not in said
