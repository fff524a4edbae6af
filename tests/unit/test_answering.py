"""The short way of answering comes to the same bytes as uvicorn's, which it stands in for."""

import asyncio
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.cli import answering
from app.cli.answering import Cycle
from app.cli.limits import ServerState
from tests.support.wire import LIMITS

SCOPE = {"type": "http", "method": "POST", "path": "/"}
DATE = [(b"date", b"Fri, 27 Nov 2026 14:40:08 GMT")]


class Transport:
    """What was written, and whether it was closed."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def resume_reading(self) -> None:
        pass


def server_state() -> ServerState:
    state = ServerState(LIMITS)
    state.default_headers = DATE
    return state


def connection(transport: Any, *, expects: bool = False) -> Any:
    return SimpleNamespace(
        transport=transport,
        flow=FlowControl(transport),
        logger=SimpleNamespace(error=print),
        access_logger=None,
        access_log=False,
        server_state=server_state(),
        on_response_complete=lambda: None,
        expect_100_continue=expects,
    )


def cycles(transports: tuple[Any, Any], *, keep_alive: bool = True, **scope: Any) -> tuple[Any, Any]:
    """Ours and uvicorn's."""
    mine, given = connection(transports[0]), {**SCOPE, **scope}
    theirs = RequestResponseCycle(
        scope=given,  # type: ignore[arg-type]  # no more of a scope than is read here
        transport=transports[1],
        flow=FlowControl(transports[1]),
        logger=mine.logger,
        access_logger=mine.access_logger,
        access_log=False,
        default_headers=DATE,
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=lambda: None,
    )
    return Cycle(mine, given, keep_alive=keep_alive), theirs


def start(*headers: tuple[bytes, bytes], status: int = 202) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def part(body: bytes, **more: Any) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, **more}


TYPE, FIVE = (b"Content-Type", b"text/plain"), (b"content-length", b"5")


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("method", ["POST", "HEAD"])
@pytest.mark.parametrize(
    "messages",
    [
        [start(TYPE, FIVE), part(b"hello")],
        [start(FIVE, TYPE), part(b"he", more_body=True), part(b"llo")],
        [start(TYPE, FIVE), part(b"hello", more_body=True), part(b"")],
        [start(TYPE, FIVE), part(b"", more_body=True), part(b"hello")],
        [start((b"content-length", b"0"), TYPE), part(b"")],
        [start((b"content-length", b"0")), {"type": "http.response.body"}],
        [start(TYPE), part(b"hello")],
        [start(TYPE, (b"transfer-encoding", b"chunked")), part(b"hello", more_body=True), part(b"")],
        [start(TYPE, FIVE, (b"connection", b"close")), part(b"hello")],
        [start(TYPE, (b"Connection", b"x, close"), FIVE), part(b"hello")],
        [start(status=204), part(b"")],
        [start(TYPE, status=304), part(b"")],
        # What can't be sent is refused by either.
        [start(TYPE, FIVE), part(b"hell")],
        [start(TYPE, FIVE), part(b"hello!")],
        [start((b"x-split", b"a\r\nb: c"), FIVE), part(b"hello")],
        [start((b"x split", b"a"), FIVE), part(b"hello")],
        [start(FIVE, FIVE), part(b"hello")],
        [start((b"content-length", b"five")), part(b"hello")],
        [part(b"hello")],
        [start(TYPE, FIVE), start(TYPE, FIVE)],
        [start(TYPE, FIVE), part(b"hello"), part(b"hello")],
    ],
)
async def test_both_ways_come_to_the_same(messages: list[dict[str, Any]], method: str, keep_alive: bool) -> None:
    transports = Transport(), Transport()
    seen = []
    for _ in range(2):  # the second time the headers are known
        outcomes: list[Any] = []
        for cycle in cycles(transports, keep_alive=keep_alive, method=method):
            outcome = None
            try:
                for message in messages:
                    await cycle.send(message)
            except (RuntimeError, ValueError) as error:
                outcome = type(error)
            outcomes.append((outcome, cycle.response_complete, cycle.response_started, cycle.keep_alive))
        seen.append(outcomes)
        mine, theirs = (b"".join(transport.written) for transport in transports)
        # An answer that was never whole may lack its head, as the connection is closed then.
        assert mine == theirs or (outcomes[0][0] is not None and theirs.startswith(mine))
        assert transports[0].closed == transports[1].closed
        assert outcomes[0] == outcomes[1]
    assert seen[0] == seen[1]


async def test_whatever_uvicorn_has_of_a_request_is_there() -> None:
    mine, theirs = cycles((Transport(), Transport()))
    assert vars(theirs).keys() - {"message_event"} <= vars(mine).keys()
    assert isinstance(mine.message_event, asyncio.Event)


async def begun() -> tuple[Transport, Cycle]:
    """An answer of five bytes whose head was sent."""
    transport = Transport()
    cycle = Cycle(connection(transport), SCOPE, keep_alive=True)
    await cycle.send(start(TYPE, FIVE))
    return transport, cycle


async def test_a_whole_answer_is_written_at_once() -> None:
    transport, cycle = await begun()
    await cycle.send(part(b"hello"))
    [written] = transport.written
    assert written.startswith(b"HTTP/1.1 202 Accepted\r\ndate: ")


async def test_a_connection_that_is_to_end_ends_with_an_answer_that_was_begun() -> None:
    """Files are opened after the head was sent; meanwhile the server may have been told to stop."""
    transport, cycle = await begun()
    cycle.keep_alive = False
    await cycle.send(part(b"hello"))
    assert transport.written[-1].endswith(b"hello")
    assert transport.closed


async def test_nothing_is_written_to_who_has_gone() -> None:
    transport, cycle = await begun()
    cycle.disconnected = True
    await cycle.send(part(b"hello"))
    assert transport.written == []


async def test_a_full_buffer_is_waited_for() -> None:
    transport, cycle = await begun()
    cycle.flow.pause_writing()
    sending = asyncio.create_task(cycle.send(part(b"hello")))
    await asyncio.sleep(0)
    assert b"hello" not in b"".join(transport.written)
    cycle.flow.resume_writing()
    await sending
    assert b"".join(transport.written).endswith(b"\r\n\r\nhello")


async def test_a_body_is_received_as_it_comes() -> None:
    cycle = Cycle(connection(Transport()), SCOPE, keep_alive=True)
    cycle.take(b"a")
    assert await cycle.receive() == {"type": "http.request", "body": b"a", "more_body": True}
    waiting = asyncio.create_task(cycle.receive())
    await asyncio.sleep(0)
    for piece in (b"b", b"c", b"d"):
        cycle.take(piece)
    cycle.more_body = False
    cycle.wake()
    assert await waiting == {"type": "http.request", "body": b"bcd", "more_body": False}
    await ends_with_the_client(cycle)


async def test_a_body_that_is_there_is_received_once() -> None:
    cycle = Cycle(connection(Transport()), SCOPE, keep_alive=True)
    for piece in (b"ab", b"cd"):
        cycle.take(piece)
    cycle.more_body = False
    cycle.wake()
    assert await cycle.receive() == {"type": "http.request", "body": b"abcd", "more_body": False}
    await ends_with_the_client(cycle)


async def ends_with_the_client(cycle: Cycle) -> None:
    """Whoever receives on waits until the client has gone."""
    waiting = asyncio.create_task(cycle.receive())
    await asyncio.sleep(0)
    assert not waiting.done()
    cycle.disconnected = True
    cycle.message_event.set()
    assert await waiting == {"type": "http.disconnect"}


async def test_who_asks_whether_to_go_on_is_told_first() -> None:
    transport = Transport()
    cycle = Cycle(connection(transport, expects=True), SCOPE, keep_alive=True)
    waiting = asyncio.create_task(cycle.receive())
    await asyncio.sleep(0)
    assert transport.written == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    cycle.take(b"a")
    cycle.more_body = False
    assert (await waiting)["body"] == b"a"


async def test_headers_that_are_remembered_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "_lines", {})
    transport = Transport()
    for number in range(2 * answering._MOST_LINES):
        cycle = Cycle(connection(transport), SCOPE, keep_alive=True)
        await cycle.send(start((b"x-number", b"%d" % number), FIVE))
        await cycle.send(part(b"hello"))
    assert len(answering._lines) == answering._MOST_LINES
    assert b"x-number: 511\r\n" in transport.written[-1]


async def test_the_date_is_that_of_the_second() -> None:
    transport, dates = Transport(), count()
    serving = connection(transport)
    for _ in range(3):
        serving.server_state.default_headers = [(b"date", b"%d" % next(dates))]
        for _ in range(2):
            cycle = Cycle(serving, SCOPE, keep_alive=True)
            await cycle.send(start(FIVE))
            await cycle.send(part(b"hello"))
    assert [answer.split(b"\r\n")[1] for answer in transport.written] == [
        b"date: %d" % second for second in (0, 0, 1, 1, 2, 2)
    ]


async def test_answers_in_one_go_follow_the_date_the_status_and_the_headers() -> None:
    state, plain, typed = server_state(), ((b"x-one", b"1"),), (TYPE, (b"x-two", b"2"))
    later = [(b"date", b"Fri, 27 Nov 2026 14:40:09 GMT")]
    for defaults, status, headers in (
        (DATE, 202, typed), (DATE, 202, typed), (later, 202, typed), (later, 202, plain), (later, 200, plain),
        (DATE, 200, plain), (DATE, 202, typed),
    ):  # fmt: skip
        transports = Transport(), Transport()
        mine, theirs = cycles(transports)
        mine._state, state.default_headers, theirs.default_headers = state, defaults, defaults
        mine.answer(status, headers, b"hello")
        await theirs.send(start(*headers, FIVE, status=status))
        await theirs.send(part(b"hello"))
        assert b"".join(transports[0].written) == b"".join(transports[1].written)
