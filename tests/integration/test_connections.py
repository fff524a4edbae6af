"""A server's connections without a network: who gives way to whom, and which time is counted."""

import asyncio
import contextlib
import time
from typing import Any

import pytest

from app.cli import bounded_server
from app.cli.connections import Connection
from app.cli.limits import MOST_EXTRA, Limits, Phase, ServerState
from tests.support.wire import Line, Wire

LIMITS = Limits(connections=2, head_seconds=10, request_seconds=60, idle_seconds=75, answer_seconds=60)
HEALTH = b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"
HALF = b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{"


class Crowd:
    """Clients of one server whose application never answers."""

    def __init__(self) -> None:
        async def hang(_scope: Any, _receive: Any, _send: Any) -> None:
            await asyncio.Event().wait()

        self._line = Line(hang, LIMITS)
        self.state = self._line.state

    def come(self, sent: bytes = b"") -> Wire:
        """Let one connect and send something, a second after the last."""
        self.state.now += 1
        wire = self._line.connect()
        if sent:
            wire.send(sent)
        return wire

    def pass_time(self, seconds: float) -> None:
        self.state.now += seconds
        for connection in list(self.state.connections):
            assert isinstance(connection, Connection)
            connection.look()

    async def leave(self) -> None:
        for task in list(self.state.tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@pytest.fixture
async def crowd() -> Any:
    crowd = Crowd()
    yield crowd
    await crowd.leave()


async def test_who_waits_longest_without_a_request_gives_way(crowd: Crowd) -> None:
    first, second, third = crowd.come(), crowd.come(b"GET /gra"), crowd.come()
    assert [wire.is_closing() for wire in (first, second, third)] == [True, False, False]
    fourth = crowd.come(HALF)
    assert [wire.is_closing() for wire in (second, third, fourth)] == [True, False, False]
    fifth, sixth = crowd.come(HALF), crowd.come(HALF)
    assert [wire.is_closing() for wire in (third, fourth, fifth, sixth)] == [True, False, False, False]
    assert sixth.connection is not None
    assert sixth.connection.is_extra


async def test_health_is_asked_beyond_the_limit_and_no_more_than_that(crowd: Crowd) -> None:
    busy = [crowd.come(HALF) for _ in range(LIMITS.connections)]
    watchers = [crowd.come(HEALTH) for _ in range(MOST_EXTRA)]
    assert not any(wire.is_closing() for wire in (*busy, *watchers))
    late = crowd.come()
    assert late.is_closing()
    assert late.said.startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize(
    ("sent", "seconds", "status"),
    [
        (b"", LIMITS.head_seconds, b""),
        (b"GET /", LIMITS.head_seconds, b"408"),
        (HALF, LIMITS.request_seconds, b"408"),
        (HEALTH, float("inf"), b""),
        (HEALTH + b"GET /", float("inf"), b""),
    ],
)
async def test_each_phase_has_its_time(crowd: Crowd, sent: bytes, seconds: float, status: bytes) -> None:
    wire = crowd.come(sent)
    crowd.pass_time(min(seconds, 1000))
    assert not wire.is_closing()
    if seconds < 1000:
        crowd.pass_time(0.5)
        assert wire.is_closing()
        assert wire.said[9:12] == status


async def test_an_answer_that_is_not_taken_ends_a_connection(crowd: Crowd) -> None:
    wire = crowd.come(HEALTH)
    wire.unsent = 9
    crowd.pass_time(0.5)
    crowd.pass_time(LIMITS.answer_seconds)
    assert not wire.is_closing()
    wire.unsent = 0
    crowd.pass_time(0.5)
    wire.unsent = 9
    crowd.pass_time(0.5)
    crowd.pass_time(LIMITS.answer_seconds + 0.5)
    assert wire.is_closing()


async def test_bytes_that_drip_lengthen_nothing(crowd: Crowd) -> None:
    wire = crowd.come(HALF)
    for _ in range(7):
        crowd.pass_time(10)
        if wire.connection is not None:
            assert wire.connection.phase is Phase.BODY
            wire.connection.data_received(b"x")
    assert wire.is_closing()


async def test_time_in_which_the_process_stood_still_counts_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_server, "LOOK_EVERY", 0.01)
    state = ServerState(LIMITS)
    looking = asyncio.create_task(bounded_server.look_forever(state))
    await asyncio.sleep(0.03)
    time.sleep(0.3)  # noqa: ASYNC251 - it is the point
    await asyncio.sleep(0.05)
    looking.cancel()
    assert 0 < state.now < 0.25
