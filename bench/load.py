"""A load of requests over connections that are kept open, as cheap for this process as can be."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

SERVED = (b"HTTP/1.1 200 ", b"HTTP/1.1 202 ")


@dataclass(frozen=True)
class Target:
    """Where requests are sent to, with which key."""

    base: str
    path: str
    secret: str

    def asking(self, query: str) -> bytes:
        """Return the bytes of a request that asks for something."""
        host = urlsplit(self.base).netloc
        return (
            f"GET {self.path}?{query} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {self.secret}\r\n\r\n".encode()
        )

    def request(self, body: bytes) -> bytes:
        """Return the bytes of a request that posts something."""
        host = urlsplit(self.base).netloc
        head = (
            f"POST {self.path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {self.secret}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def send_all(target: Target, bodies: Iterable[bytes], connections: int) -> None:
    """Post every body once and wait for all answers, each of which must be 200 or 202."""
    asyncio.run(_send(target, iter([target.request(body) for body in bodies]), connections))


def ask_all(target: Target, queries: Iterable[str], connections: int) -> None:
    """Ask for everything once and wait for all answers, each of which must be 200 or 202."""
    asyncio.run(_send(target, iter([target.asking(query) for query in queries]), connections))


async def _send(target: Target, waiting: Iterator[bytes], connections: int) -> None:
    await asyncio.gather(*(_work(target, waiting) for _ in range(connections)))


async def _work(target: Target, waiting: Iterator[bytes]) -> None:
    """Send one request after the other over a connection."""
    address = urlsplit(target.base)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        for request in waiting:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(SERVED):
                raise RuntimeError(f"not served: {head!r}")
            await reader.readexactly(_length(head))
    finally:
        writer.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise RuntimeError(f"an answer without a length: {head!r}")
