"""Servers as processes of their own: the product as shipped, and baselines on the same HTTP server."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

START_WITHIN = 30


@dataclass(frozen=True)
class Server:
    """A process that answers at `base`."""

    pid: int
    base: str


@contextlib.contextmanager
def product(database: Path | str, **settings: str) -> Iterator[Server]:
    """Run `billgraph serve` on a SQLite file, or on the database at a URL; settings are its own beside that."""
    command = [str(Path(sys.executable).parent / "billgraph"), "serve", "--port"]
    url = database if isinstance(database, str) else f"sqlite+aiosqlite:///{database}"
    with _running(command, {"BILLGRAPH_DATABASE_URL": url, **settings}) as server:
        yield server


@contextlib.contextmanager
def baseline(app: str, settings: dict[str, str]) -> Iterator[Server]:
    """Run an ASGI application of `bench.baselines` with uvicorn as the product does; settings are its environment."""
    options = ["--no-access-log", "--no-proxy-headers", "--log-level", "warning", "--port"]
    with _running([sys.executable, "-m", "uvicorn", f"bench.baselines.{app}", *options], settings) as server:
        yield server


@contextlib.contextmanager
def _running(command: list[str], settings: dict[str, str]) -> Iterator[Server]:
    """Start a command, which takes a port at its end, and stop it when the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([*command, str(port)], env={**os.environ, **settings}, stdout=subprocess.DEVNULL)
    server = Server(process.pid, f"http://127.0.0.1:{port}")
    try:
        _wait(process, server)
        yield server
    finally:
        process.terminate()
        process.wait(20)


def _wait(process: subprocess.Popen[bytes], server: Server) -> None:
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(server.base)
            return
        time.sleep(0.1)
    raise RuntimeError(f"{process.args!r} did not answer within {START_WITHIN} s (exit {process.poll()})")
