"""A client's connection: uvicorn's, with what that leaves to a proxy, which are limits and strict framing.

A connection is in one phase at a time and notes since when; the server looks at all of them twice a second. So a
request costs no timer, not even uvicorn's own for idle connections.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.api.at_once import Answer
from app.cli import turned_away
from app.cli.answering import Cycle, scope_of
from app.cli.holding import Held, Holding
from app.cli.limits import DRAIN_SECONDS, MOST_EXTRA, Phase, ServerState
from app.cli.request_head import check_headers, check_size, check_target, has_body, without_upgrade
from app.cli.turned_away import TurnedAway

# Names of the module are read more quickly than those of a class, and this is done for every request.
_IDLE, _HEAD, _DRAIN, _BODY, _WORKING, _CLOSED = Phase
#: Requests that a client may send ahead of their answers.
MOST_AHEAD: Final = 16
VERSIONS: Final = frozenset({"1.1", "1.0"})
UNDER_WAY: Final = frozenset({_BODY, _DRAIN})
HEALTH: Final = frozenset({"/healthz", "/readyz"})


class Connection(HttpToolsProtocol):
    """One connection."""

    server_state: ServerState
    cycle: Cycle
    pipeline: deque[tuple[Cycle, Any]]  # type: ignore[assignment]  # uvicorn's are of its own cycles

    def __init__(self, *args: Any, **options: Any) -> None:
        """Begin as uvicorn does."""
        super().__init__(*args, **options)
        self.limits = self.server_state.limits
        self.access_log = self.config.access_log  # uvicorn also logs where anybody else listens
        self.phase, self.since = _HEAD, self.server_state.now
        self.unsent_since: float | None = None
        #: What is answered while others wait behind it.
        self._first: Cycle | None = None
        #: Whether it came when there was no room any more.
        self.is_extra = False
        self._begun = self._size = self._piece = 0
        #: What was looked at already.
        self._target = self._host = b""
        #: The head of a request that offers another protocol and has a body, as it would be without the offer.
        self._plain = b""
        self._holding = Holding(getattr(self.config.loaded_app, "at_once", {}))
        #: A request that is answered without a task, if nothing is unusual about it, once its body is there.
        self._held: Held | None = None

    def connection_made(self, transport: Any) -> None:
        """Take a client in; where there is no room, in the place of whoever has kept us waiting longest."""
        super().connection_made(transport)
        if len(self.connections) <= self.limits.connections:
            return
        gone = self._make_room()
        self.is_extra = gone is None or gone.is_extra
        if self.is_extra:
            self.app = self._answer_health
        if gone is None and len(self.connections) > self.limits.connections + MOST_EXTRA:
            self._turn_away(turned_away.busy())

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell what is being answered that nobody listens any more; uvicorn tells the last that came in only."""
        if self._first is not None and not self._first.response_complete:
            self._first.disconnected = True
            self._first.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, and turn the client away where it is no request that we answer."""
        while data and self.phase is not _CLOSED:
            begun, rest, self._piece = self._begun, b"", len(data)
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offered:  # which is declined by going on as before
                rest = data[offered.args[0] :]
                if self._plain:  # the parser is done with the body that it has not read, so another one begins again
                    self.parser, rest, self._plain = _new_parser(self), self._plain + rest, b""
            except httptools.HttpParserError as error:
                cause = error.__context__
                self._turn_away(cause if isinstance(cause, TurnedAway) else turned_away.malformed())
                return
            if self._begun == begun:
                self._count(len(data))
            data = rest

    def _count(self, size: int) -> None:
        """Count what a request takes while it comes in: a head, a body that nobody reads, and what is around chunks."""
        self._size += size
        if self.phase is _HEAD and self._size > self.limits.head_bytes:
            self._turn_away(turned_away.large_head(self.limits))
        elif self.phase in UNDER_WAY and self._size > self.limits.body_bytes:
            self._turn_away(turned_away.large_body(self.limits))

    def on_message_begin(self) -> None:
        """Begin a request."""
        self.url, self.headers = b"", []
        self._begun += 1
        self._size = 0
        self.phase, self.since = _HEAD, self.server_state.now

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Let a request begin to be answered, unless its head is not as it must be."""
        self._held = None if self._is_answering() else self._holding.hold_again(self)
        if self._held is not None:
            self.expect_100_continue = False
            self._begin_body(Cycle(self, None, keep_alive=self._held.keep_alive))
            return
        version = self.parser.get_http_version()
        if version not in VERSIONS:
            raise turned_away.malformed()
        if self.url != self._target:
            check_target(self.url, self.limits)
            self._target = self.url
        if len(self.headers) > self.limits.headers:
            raise turned_away.large_head(self.limits)
        if self._piece > self.limits.head_bytes:
            check_size(self.headers, self.limits)
        given = check_headers(version, self.headers, self._host)
        self._host = given.get(b"host", b"")
        if self.parser.should_upgrade():
            method = self.parser.get_method()
            if method == b"CONNECT":
                raise turned_away.malformed()
            if has_body(self.headers):
                self._plain = without_upgrade(method, self.url, version, self.headers)
                return
        if len(self.pipeline) >= MOST_AHEAD:
            raise turned_away.busy()
        self.expect_100_continue = given.get(b"expect", b"").lower() == b"100-continue"
        self._begin_answer(version, given)

    def _begin_body(self, cycle: Cycle) -> None:
        self.cycle = cycle
        self.headers = []  # where trailers go, which are none of the headers that were checked
        self.phase = _BODY

    def _begin_answer(self, version: str, given: Mapping[bytes, bytes]) -> None:
        earlier, is_first = self.cycle, not self._is_answering()
        if is_first:
            self._held = self._holding.hold(self, version, given)
        if self._held is not None:
            self._begin_body(Cycle(self, None, keep_alive=self._held.keep_alive))
            return
        scope = scope_of(self, version, self.parser.get_method(), self.url, self.headers)
        keep_alive = version != "1.0" and self.parser.should_keep_alive() and not self.is_extra
        self._begin_body(Cycle(self, scope, keep_alive=keep_alive))
        if is_first:
            self._start_asgi_task(self.cycle, self.app)
            return
        self.flow.pause_reading()
        self.pipeline.appendleft((self.cycle, self.app))
        if len(self.pipeline) == 1:  # until now there was one at a time
            self._first = earlier

    def _take(self, held: Held) -> None:
        """Answer a request that was held, or begin to as with any other."""
        self._held, cycle = None, self.cycle

        def answer(answered: Answer) -> None:
            if isinstance(answered, bytes):
                cycle.answer(held.taker.status, held.taker.headers, answered)
            else:
                go_on(answered)

        def go_on(app: Any) -> None:
            cycle.scope = scope_of(self, "1.1", held.taker.method, held.target, held.headers)
            self._start_asgi_task(cycle, app)

        if not held.taker.take(held.sender, bytes(cycle.body), answer):
            go_on(self.app)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body, unless the request is answered already."""
        cycle = self.cycle
        if self._plain or cycle.response_complete:
            return
        cycle.take(body)
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()

    def on_message_complete(self) -> None:
        """End a request; where it is answered already, wait for the next."""
        cycle = self.cycle
        if self._plain:
            return
        if cycle.response_complete:
            self.phase, self.since = _IDLE, self.server_state.now
            return
        self.phase, cycle.more_body = _WORKING, False
        cycle.wake()
        if self._held is not None:
            self._take(self._held)

    def on_response_complete(self) -> None:
        """Go on to the next request, or wait for it."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._first, app = self.pipeline.pop()
            self._start_asgi_task(self._first, app)
        elif self.phase is _CLOSED:
            self.transport.close()
        elif self.phase is _WORKING:
            self.phase, self.since = _IDLE, self.server_state.now
        elif self.phase is _BODY:
            self.phase, self.since = _DRAIN, self.server_state.now

    def shutdown(self) -> None:
        """End as soon as nothing is being answered; what is still coming in has a moment for the rest."""
        super().shutdown()
        if self.phase is _BODY:
            self.since = min(self.since, self.server_state.now + DRAIN_SECONDS - self.limits.request_seconds)

    def look(self) -> None:
        """End the connection where its client has taken too long."""
        now = self.server_state.now
        if not self.transport.get_write_buffer_size():
            self.unsent_since = None
        elif self.unsent_since is None:
            self.unsent_since = now
        elif now - self.unsent_since > self.limits.answer_seconds:  # to close it would wait for that to be sent
            self.transport.abort()
            return
        if now - self.since <= self.limits.seconds[self.phase] or self._is_answering_earlier():
            return
        if self.phase is _BODY or (self.phase is _HEAD and self._begun):
            self._turn_away(turned_away.slow())
        else:
            self.phase = _CLOSED
            self.transport.close()

    def _is_answering_earlier(self) -> bool:
        """Tell whether a request is being answered that came before the one that is coming in."""
        return bool(self.pipeline) or (self.phase is _HEAD and self._is_answering())

    def _is_answering(self) -> bool:
        cycle: Any = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _make_room(self) -> "Connection | None":
        """Close one of the others, if there is one whose request has not come in."""
        others = [one for one in self.connections if isinstance(one, Connection) and one is not self]
        waiting = [one for one in others if one.phase <= _DRAIN and not one._is_answering_earlier()]  # noqa: SLF001 - our own
        longest = min(waiting, key=lambda one: one.since, default=None)
        if longest is not None:
            longest.phase = _CLOSED
            longest.transport.close()
        return longest

    async def _answer_health(self, scope: Any, receive: Any, send: Any) -> None:
        """Tell whoever starts and stops the server how it is, also when it is full, and nobody else anything."""
        app: Any = self.config.loaded_app if scope["path"] in HEALTH else turned_away.tell_busy
        await app(scope, receive, send)

    def _turn_away(self, turned: TurnedAway) -> None:
        """Answer what is no request, and close: at once, or when what came whole before it is answered."""
        self.phase, cycle = _CLOSED, self.cycle
        is_answering = self._is_answering()
        if is_answering and (self.pipeline or not cycle.more_body):
            if self.pipeline and cycle.more_body:  # it is this one's body that is wrong
                self.pipeline.popleft()
            return
        if not (is_answering and cycle.response_started):
            self.transport.write(turned.answer)
        self.transport.close()


def _new_parser(connection: Connection) -> Any:
    parser = httptools.HttpRequestParser(connection)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's: what comes then is not looked at
    return parser
