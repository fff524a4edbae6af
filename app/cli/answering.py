"""A request while it is answered: uvicorn's, with a shorter way for what is usual.

That is a body which came with its head, and an answer in two messages that says how long it is. Both ways come to the
same bytes. What is not usual goes uvicorn's way.
"""

import asyncio
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

from app.api.at_once import Header
from app.cli.limits import ServerState, UsualHead

if TYPE_CHECKING:
    from app.cli.connections import Connection

#: What uvicorn does more with than to write it.
_MEANS_MORE: Final = frozenset({b"content-length", b"transfer-encoding", b"connection"})
#: Headers that were found to be well-formed, as they are written.
_lines: Final[dict[Header, bytes]] = {}
_MOST_LINES: Final = 256


class Cycle(RequestResponseCycle):
    """One request and its answer."""

    #: uvicorn's is an array from the start; most bodies come in one piece and are never put together.
    body: Any

    def __init__(self, connection: "Connection", scope: Any, *, keep_alive: bool) -> None:
        """Begin as uvicorn does."""
        self.scope = scope
        self.transport = connection.transport
        self.flow = connection.flow
        self.logger = connection.logger
        self.access_logger = connection.access_logger
        self.access_log = connection.access_log
        self.default_headers = connection.server_state.default_headers
        self.on_response = connection.on_response_complete
        self.disconnected = False
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = connection.expect_100_continue
        self.body = b""
        self.more_body = True
        self.response_started = False
        self.response_complete = False
        self.chunked_encoding = None
        self.expected_content_length = 0
        self._state = connection.server_state
        #: Whether something came that was not received yet, as long as there is no event that says so.
        self._has_news = False
        #: The head of the answer until its body is there, to be sent with it.
        self._head: bytes | None = None

    @cached_property
    def message_event(self) -> asyncio.Event:  # type: ignore[override]  # uvicorn makes one for each request
        """Who receives waits for it. There is none before somebody has to."""
        event = asyncio.Event()
        if self._has_news:
            event.set()
        return event

    def take(self, piece: bytes) -> None:
        """Take a piece of the body in."""
        if not self.body:
            self.body = piece
        else:
            if isinstance(self.body, bytes):
                self.body = bytearray(self.body)
            self.body += piece
        self.wake()

    def wake(self) -> None:
        """Let who receives look again."""
        self._has_news = True
        if "message_event" in self.__dict__:
            self.message_event.set()

    async def receive(self) -> Any:
        """Return what came of the request: at once where all of it has, and nobody waited for it."""
        waits = self.more_body or self.waiting_for_100_continue or self.disconnected or self.response_complete
        if waits or not self._has_news or "message_event" in self.__dict__:
            return await super().receive()
        self._has_news = False
        self.flow.resume_reading()
        body, self.body = bytes(self.body), b""
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Any) -> None:
        """Send a part of the answer."""
        head, self._head = self._head, None
        if head is None:
            if not (self.response_started or self.disconnected or self.flow.write_paused):
                self._head = self._head_of(message)
            if self._head is None:
                await super().send(message)
            return
        if self._is_rest(message) and not (self.disconnected or self.flow.write_paused):
            self.transport.write(head + message.get("body", b""))
            self._complete()
            return
        if not self.disconnected:
            self.transport.write(head)
        await super().send(message)

    def answer(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        """Answer in one go, with well-formed headers beside the length of the body. Nobody awaits that it is sent."""
        if self.disconnected:
            return
        end = b"content-length: %d\r\n\r\n" % len(body)
        if not self.keep_alive:
            end = b"connection: close\r\n" + end
        self.response_started = True
        self.transport.write(b"".join([_usual_head(self._state, status, headers), end, body]))
        self._complete()

    def _head_of(self, message: Any) -> bytes | None:
        """Return the head of an answer that says how long it is; None for another, which uvicorn writes."""
        if message["type"] != "http.response.start" or not self.keep_alive or self.access_log:
            return None
        lines, length = [STATUS_LINE[message["status"]], _defaults(self._state)], None
        for header in message["headers"]:
            line = _lines.get(header) or _line(header)
            if line is None:
                if header[0] != b"content-length" or length is not None or not header[1].isdigit():
                    return None
                length = int(header[1])
                line = b"content-length: %d\r\n" % length
            lines.append(line)
        if length is None:
            return None
        self.response_started, self.waiting_for_100_continue = True, False
        self.chunked_encoding, self.expected_content_length = False, length
        lines.append(b"\r\n")
        return b"".join(lines)

    def _is_rest(self, message: Any) -> bool:
        """Tell whether a message is the whole body, as its head has said."""
        is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
        is_whole = len(message.get("body", b"")) == self.expected_content_length
        return is_last and is_whole and self.scope["method"] != "HEAD"

    def _complete(self) -> None:
        self.expected_content_length = 0
        self.response_complete = True
        self.wake()
        if not self.keep_alive:  # the server was told to stop between the head and the body
            self.transport.close()
        self.on_response()


def scope_of(connection: "Connection", version: str, method: bytes, target: bytes, headers: Sequence[Header]) -> Any:
    """Return what ASGI tells an application of a request."""
    path, _, query = target.partition(b"?")
    text = path.decode("ascii")
    return {
        "type": "http",
        "asgi": {"version": connection.asgi_version, "spec_version": "2.3"},
        "http_version": version,
        "server": connection.server,
        "client": connection.client,
        "scheme": connection.scheme,
        "method": method.decode("ascii"),
        "root_path": "",
        "path": unquote(text) if "%" in text else text,
        "raw_path": path,
        "query_string": query,
        "headers": headers,
        "state": connection.app_state.copy(),
    }


def _line(header: Header) -> bytes | None:
    """Return a header as it is written; None for one that is not well-formed, or that means more."""
    name, value = header
    if name.lower() in _MEANS_MORE or HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        return None
    line = b"%b: %b\r\n" % (name.lower(), value)
    if len(_lines) < _MOST_LINES:
        _lines[header] = line
    return line


def _usual_head(state: ServerState, status: int, headers: Sequence[Header]) -> bytes:
    """Return what stands before the length in an answer with well-formed headers: the last one while it is that."""
    defaults, last = state.default_headers, state.usual_head
    if last.headers is not headers or last.defaults is not defaults or last.status != status:
        lines: list[Any] = [_lines.get(header) or _line(header) for header in headers]  # one that is not fails the join
        written = b"".join([STATUS_LINE[status], _defaults(state), *lines])
        last = state.usual_head = UsualHead(status, headers, defaults, written)
    return last.written


def _defaults(state: ServerState) -> bytes:
    """Return the headers that every answer has, which are others each second: the date is among them."""
    headers = state.default_headers
    if state.written_headers[0] is not headers:
        state.written_headers = headers, b"".join([b"%b: %b\r\n" % header for header in headers])
    return state.written_headers[1]
