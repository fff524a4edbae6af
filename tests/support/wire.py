"""The server's own connections without a network: requests as bytes in, answers as bytes out."""

import asyncio
from typing import Any

import httpx
import uvicorn

from app.cli.bounded_server import OPTIONS
from app.cli.connections import Connection
from app.cli.limits import Limits, ServerState

LIMITS = Limits(connections=100, head_seconds=10, request_seconds=60, idle_seconds=75, answer_seconds=60)


class Wire:
    """What a transport is to a connection; it closes at once."""

    def __init__(self) -> None:
        self.said = b""
        self.unsent = 0
        self.connection: Connection | None = None

    def get_extra_info(self, _name: str) -> None:
        return None

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write(self, data: bytes) -> None:
        self.said += data

    def send(self, data: bytes) -> None:
        """Let the client send something; nothing arrives where it is closed."""
        if self.connection is not None:
            self.connection.data_received(data)

    def is_closing(self) -> bool:
        return self.connection is None

    def close(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.connection_lost(None)

    abort = close

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Line:
    """Connections to one application."""

    def __init__(self, app: Any, limits: Limits = LIMITS) -> None:
        self.state = ServerState(limits)
        self._config = uvicorn.Config(app, lifespan="off", log_config=None, **OPTIONS)
        self._config.load()

    def connect(self) -> Wire:
        wire = Wire()
        wire.connection = Connection(config=self._config, server_state=self.state, app_state={})
        wire.connection.connection_made(wire)
        return wire


async def heard(wire: Wire, answers: int = 1) -> bytes:
    """What came back, once it is so many whole answers; each has a length."""
    for _ in range(2000):
        if len(whole(wire.said)) >= answers:
            return wire.said
        await asyncio.sleep(0.005)
    raise AssertionError(f"no answer but {wire.said!r}")


def whole(said: bytes) -> list[tuple[bytes, bytes]]:
    """The whole answers among some bytes, each head and body."""
    answers = []
    said = said.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    while b"\r\n\r\n" in said:
        head, _, rest = said.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        if len(rest) < length:
            break
        answers.append((head, rest[:length]))
        said = rest[length:]
    return answers


class LineTransport(httpx.AsyncBaseTransport):
    """What httpx sends over a line, each request on a connection of its own."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        wire = self._line.connect()
        lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
        lines += [b"%b: %b" % header for header in request.headers.raw]
        head = b"\r\n".join([*lines, b"", b""])
        if "transfer-encoding" not in request.headers:
            wire.send(head + await request.aread())
        else:
            wire.send(head)
            await self._send_chunks(wire, request)
        head, content = whole(await heard(wire))[0]
        status, *rest = head.split(b"\r\n")
        named = (line.partition(b": ") for line in rest)
        headers = [(name, value) for name, _, value in named]
        wire.close()
        return httpx.Response(int(status[9:12]), headers=headers, content=content, request=request)

    async def _send_chunks(self, wire: Wire, request: httpx.Request) -> None:
        """Send a body piece by piece until it is answered."""
        assert isinstance(request.stream, httpx.AsyncByteStream)
        async for part in request.stream:
            wire.send(b"%x\r\n%b\r\n" % (len(part), part))
            await asyncio.sleep(0.05)
            if wire.said:
                return
        wire.send(b"0\r\n\r\n")
