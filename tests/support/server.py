"""The real server as a process, as `billgraph serve` starts it."""

import contextlib
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
BILLGRAPH = Path(sys.executable).parent / "billgraph"
START_WITHIN = 30
# Made once: each request would read all certificates anew, which takes longer than to answer it.
CERTIFICATES = ssl.create_default_context()


@dataclass
class Server:
    """A server that answers, what it said first, and the key in that ("" where it had a merchant already)."""

    process: subprocess.Popen[str]
    base: str
    welcome: str

    @property
    def key(self) -> str:
        found = re.search(r"sk_[\w-]+", self.welcome)
        return found.group() if found else ""

    def gql(self, query: str, path: str = "/graphql", key: str | None = None, **variables: Any) -> dict[str, Any]:
        """Run a document and return its data; errors of the request fail the test."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        body = {"query": query, "variables": variables}
        answer = httpx.post(self.base + path, json=body, headers=headers, timeout=30, verify=CERTIFICATES).json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def post_event(self, event: dict[str, Any], key: str | None = None, prefix: str = "") -> httpx.Response:
        """Report one event."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        url = f"{self.base}{prefix}/v0/events"
        return httpx.post(url, json=event, headers=headers, timeout=30, verify=CERTIFICATES)


def environment(database_url: str) -> dict[str, str]:
    """Return the environment of a child process that works on a database."""
    return {**os.environ, "BILLGRAPH_DATABASE_URL": database_url}


def billgraph(database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [str(BILLGRAPH), *arguments]
    return subprocess.run(command, env=environment(database_url), capture_output=True, text=True, check=False)


@contextlib.contextmanager
def serve(database_url: str, *arguments: str, log: Path | None = None, **settings: str) -> Iterator[Server]:
    """Start a server, wait until it answers, and stop it at the end. What it logs goes to a file if one is given.

    `settings` are variables of its environment.
    """
    port = free_port()
    command = [str(BILLGRAPH), "serve", "--port", str(port), *arguments]
    with _started(command, database_url, port, log, settings) as server:
        yield server


@contextlib.contextmanager
def make_run(database_url: str) -> Iterator[Server]:
    """Start a server as the README says, on another port."""
    port = free_port()
    with _started(["make", "run", f"ARGS=--port {port}"], database_url, port) as server:
        yield server


@contextlib.contextmanager
def _started(
    command: list[str],
    database_url: str,
    port: int,
    log: Path | None = None,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Server]:
    with contextlib.ExitStack() as stack:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**environment(database_url), "PYTHONUNBUFFERED": "1", **settings},
            stdout=subprocess.PIPE,
            stderr=None if log is None else stack.enter_context(log.open("wb")),
            text=True,
        )
    try:
        yield Server(process, f"http://127.0.0.1:{port}", _wait(process, port))
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()


def _wait(process: subprocess.Popen[str], port: int) -> str:
    assert process.stdout is not None
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/healthz", verify=CERTIFICATES).status_code == httpx.codes.OK:
                os.set_blocking(process.stdout.fileno(), False)
                return process.stdout.read() or ""
        time.sleep(0.1)
    raise AssertionError(f"the server did not answer within {START_WITHIN} s (exit {process.poll()})")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
