"""Single events of a known key are taken without a task: the same bytes come back as on the way of all others."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
from sqlalchemy import update
from starlette.applications import Starlette

from app import models
from app.api import events
from app.api.events import EventsEndpoint
from app.main import Application
from app.metering.group_commit import GroupCommit, TooMuchWaiting
from app.metering.intake import Intake
from app.models import EnvironmentKind, table_of
from app.settings import Settings
from tests.support.events_api import EVENT, PATH, Api
from tests.support.rows import NOW
from tests.support.wire import LIMITS, Line, Wire, heard, whole


class _Counted(set[Any]):
    def __init__(self, caller: "Caller") -> None:
        super().__init__()
        self._caller = caller

    def add(self, task: Any) -> None:
        self._caller.ordinary += 1
        super().add(task)


class Caller:
    """Sends events as bytes, over connections of one server."""

    def __init__(self, api: Api, *, at_once: bool = True, **settings: Any) -> None:
        self.api = api
        endpoint = EventsEndpoint(Intake(api.world.sessions, Settings(**settings)), EnvironmentKind.LIVE)
        self.line = Line(Application(Starlette(), {PATH: endpoint}, {PATH.encode(): endpoint} if at_once else {}))
        #: Requests that were answered by a task, as all that are not usual.
        self.ordinary = 0
        self.line.state.tasks = _Counted(self)

    def head(self, *lines: bytes, version: bytes = b"1.1") -> bytes:
        sent = [b"POST %b HTTP/%b" % (PATH.encode(), version), b"host: a", b"content-type: application/json"]
        sent.append(b"authorization: Bearer " + self.api.secret.encode())
        return b"\r\n".join([*sent, *lines, b"", b""])

    def request(self, body: bytes, *lines: bytes) -> bytes:
        return self.head(*lines, b"content-length: %d" % len(body)) + body

    async def known(self) -> Wire:
        """A connection on which a key is known."""
        wire = self.line.connect()
        wire.send(self.request(b"{}"))
        await heard(wire)
        wire.said, self.ordinary = b"", 0
        return wire


def body(key: str, **more: Any) -> bytes:
    return json.dumps({**EVENT, "timestamp": "2026-02-01T00:00:00Z", "idempotencyKey": key, **more}).encode()


def status(answer: tuple[bytes, bytes]) -> int:
    return int(answer[0][9:12])


@pytest.fixture
async def caller(api: Api) -> AsyncIterator[Caller]:
    caller = Caller(api)
    yield caller
    await asyncio.sleep(0)
    assert not caller.line.state.tasks


async def test_both_ways_come_to_the_same_bytes(caller: Caller) -> None:
    wire = await caller.known()
    wire.send(caller.request(body("k")))
    at_once = await heard(wire)
    assert caller.ordinary == 0
    wire.said = b""
    wire.send(caller.head(b"transfer-encoding: chunked") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body("k")), body("k")))
    chunked = await heard(wire)
    assert caller.ordinary == 1
    assert status(whole(at_once)[0]) == 202
    assert sorted(at_once.split(b"\r\n")) == sorted(chunked.split(b"\r\n"))
    assert await caller.api.stored() == 1


async def test_a_body_may_come_in_pieces(caller: Caller) -> None:
    wire = await caller.known()
    sent = caller.request(body("k"))
    for place in range(0, len(sent), 7):
        wire.send(sent[place : place + 7])
        await asyncio.sleep(0)
    assert status(whole(await heard(wire))[0]) == 202
    assert caller.ordinary == 0


async def test_requests_that_are_sent_ahead_are_answered_in_their_order(caller: Caller) -> None:
    wire = await caller.known()
    sent = [caller.request(body(f"k{number}")) for number in range(5)]
    sent.insert(2, caller.request(b"{}"))
    wire.send(b"".join(sent))
    answers = whole(await heard(wire, 6))
    assert [status(answer) for answer in answers] == [202, 202, 400, 202, 202, 202]
    keys = [json.loads(answer[1]).get("idempotencyKey") for answer in answers]
    assert keys == ["k0", "k1", None, "k2", "k3", "k4"]
    assert await caller.api.stored() == 5


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"{}", 400),
        (b"{", 400),
        (body("k", namespace="org_another"), 403),
        (body("k", data={"x": "y" * 66_000}), 413),
    ],
)
async def test_what_is_refused_is_refused_as_everywhere(caller: Caller, sent: bytes, expected: int) -> None:
    wire = await caller.known()
    wire.send(caller.request(sent))
    assert status(whole(await heard(wire))[0]) == expected
    assert caller.ordinary == 1
    assert await caller.api.stored() == 0


@pytest.mark.parametrize(
    "lines",
    [
        (b"content-encoding: gzip",),
        (b"content-type: application/json",),
        (b"expect: 100-continue",),
        (b"authorization: Bearer sk_nobody",),
    ],
)
async def test_what_is_unusual_goes_the_way_of_all_others(caller: Caller, lines: tuple[bytes, ...]) -> None:
    wire = await caller.known()
    wire.send(caller.request(body("k"), *lines))
    await heard(wire)
    assert caller.ordinary == 1


async def test_so_does_who_speaks_http_1_0(caller: Caller) -> None:
    wire = await caller.known()
    wire.send(caller.head(b"content-length: %d" % len(body("k")), version=b"1.0") + body("k"))
    assert status(whole(await heard(wire))[0]) == 202
    assert wire.is_closing()
    assert caller.ordinary == 1


async def test_a_connection_is_closed_where_that_is_asked(caller: Caller) -> None:
    wire = await caller.known()
    wire.send(caller.request(body("k"), b"connection: close"))
    head, _ = whole(await heard(wire))[0]
    assert b"\r\nconnection: close" in head
    assert wire.is_closing()
    assert caller.ordinary == 0


async def test_who_is_told_to_stop_answers_what_has_begun(caller: Caller) -> None:
    wire = await caller.known()
    half = caller.request(body("k"))
    wire.send(half[:-5])
    assert wire.connection is not None
    wire.connection.shutdown()
    wire.send(half[-5:])
    assert status(whole(await heard(wire))[0]) == 202
    assert wire.is_closing()


async def test_a_key_that_ends_while_it_is_known_stores_nothing(caller: Caller) -> None:
    wire = await caller.known()
    async with caller.api.world.sessions.begin() as session:
        await session.execute(update(table_of(models.ApiKey)).values(revoked_at=NOW))
    for _ in range(2):
        wire.said = b""
        wire.send(caller.request(body("k")))
        assert status(whole(await heard(wire))[0]) == 401
    assert await caller.api.stored() == 0


async def test_what_could_not_be_stored_is_said_and_may_come_again(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = await caller.known()

    async def fail(*_arguments: Any) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as away:
        away.setattr(caller.api.world.sessions.writer, "run", fail, raising=False)
        away.setattr(caller.api.world.sessions.writer, "execute", fail, raising=False)
        wire.send(caller.request(body("k")))
        head, _ = whole(await heard(wire))[0]
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1" in head
    wire.said = b""
    wire.send(caller.request(body("k")))
    assert status(whole(await heard(wire))[0]) == 202
    assert await caller.api.stored() == 1


async def test_who_sends_too_many_is_told_when_to_come_again(api: Api) -> None:
    caller = Caller(api, events_per_second=1)
    wire = await caller.known()
    wire.send(caller.request(body("k0")))
    await heard(wire)
    wire.said = b""
    wire.send(caller.request(body("k1")))
    head, _ = whole(await heard(wire))[0]
    assert head.startswith(b"HTTP/1.1 429 ")
    assert b"\r\nretry-after: 1" in head


async def test_who_has_gone_stored_it_all_the_same_and_harms_nobody(caller: Caller) -> None:
    """The event may be on disk already when its client goes, so it is no client's to take back."""
    wire, other = await caller.known(), await caller.known()
    wire.send(caller.request(body("k0")))
    other.send(caller.request(body("k1")))
    wire.close()
    assert status(whole(await heard(other))[0]) == 202
    assert wire.said == b""
    assert await caller.api.stored() == 2


async def test_who_goes_before_the_body_is_there_stored_nothing(caller: Caller) -> None:
    wire = await caller.known()
    wire.send(caller.request(body("k"))[:-1])
    wire.close()
    assert await caller.api.stored() == 0


async def test_a_body_that_does_not_come_is_not_waited_for_for_ever(caller: Caller) -> None:
    wire = await caller.known()
    wire.send(caller.request(body("k"))[:-1])
    caller.line.state.now += LIMITS.request_seconds + 1
    assert wire.connection is not None
    wire.connection.look()
    assert wire.said.startswith(b"HTTP/1.1 408 ")
    assert wire.is_closing()


async def test_answers_that_nobody_reads_are_not_piled_up(caller: Caller) -> None:
    wire = await caller.known()
    assert wire.connection is not None
    wire.connection.pause_writing()
    wire.send(caller.request(body("k0")))
    await asyncio.sleep(0.05)
    assert caller.ordinary == 1
    wire.connection.resume_writing()
    assert status(whole(await heard(wire))[0]) == 202


@pytest.mark.parametrize("place", ["intake.read", "intake.store", "acknowledge"])
async def test_a_bug_is_answered_too(caller: Caller, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    wire = await caller.known()

    def fail(*_arguments: Any, **_named: Any) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as broken:
        if place == "acknowledge":
            broken.setattr(events, "_acknowledge", fail)
        else:
            broken.setattr(Intake, place.removeprefix("intake."), fail)
        wire.send(caller.request(body("k")))
        assert status(whole(await heard(wire))[0]) == 500
    wire.said = b""
    wire.send(caller.request(body("k")))
    assert status(whole(await heard(wire))[0]) == 202


async def test_a_head_that_is_too_large_is_never_known_again(caller: Caller) -> None:
    wire = await caller.known()
    sent = caller.request(body("k"), b"x: " + b"y" * 60_000)
    wire.send(sent[:31_000])
    wire.send(sent[31_000:])  # what is in each piece is not too much
    assert status(whole(await heard(wire))[0]) == 202
    wire.said = b""
    wire.send(sent)
    assert status(whole(await heard(wire))[0]) == 431


async def test_a_head_is_kept_of_known_senders_only(caller: Caller) -> None:
    wire = caller.line.connect()
    wire.send(caller.request(body("k")).replace(b"Bearer sk_", b"Bearer sk_x"))
    assert status(whole(await heard(wire))[0]) == 401
    assert wire.connection
    assert wire.connection._holding._last is None
    for _ in range(2):
        wire.said = b""
        wire.send(caller.request(body("k")))
        assert status(whole(await heard(wire))[0]) == 202
    assert wire.connection._holding._last is not None


@pytest.mark.parametrize(
    ("line", "answered"),
    [(b"", 202), (b"x-more: y", 202), (b"content-encoding: gzip", 415), (b"authorization: Bearer sk_x", 401)],
)
async def test_another_head_is_looked_at_in_full(caller: Caller, line: bytes, answered: int) -> None:
    wire = await caller.known()
    for number in range(2):
        wire.said = b""
        wire.send(caller.request(body(f"a{number}")))
        assert status(whole(await heard(wire))[0]) == 202
        wire.said = b""
        own = caller.request(body(f"b{number}"), *([line] if line else []))
        if line.startswith(b"authorization"):
            own = own.replace(b"authorization: Bearer " + caller.api.secret.encode() + b"\r\n", b"")
        wire.send(own)
        assert status(whole(await heard(wire))[0]) == answered


async def test_an_event_is_paid_for_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = Caller(api, events_per_second=3)
    wire = await caller.known()

    def full(*_arguments: Any) -> None:
        raise TooMuchWaiting

    with monkeypatch.context() as crowded:
        crowded.setattr(GroupCommit, "store", full)
        for _ in range(2):
            wire.said = b""
            wire.send(caller.request(body("k")))
            assert status(whole(await heard(wire))[0]) == 503
    wire.said = b""
    wire.send(caller.request(body("k")))
    assert status(whole(await heard(wire))[0]) == 202


def anything(caller: Caller, random: Random, key: str) -> bytes:
    """A request of any kind, whole."""
    event = random.choice(
        [body(key), body(key), body(key, timestamp="x"), body(key, data=[]), body(key, namespace="org_x"), b"{", b""]
    )
    lines = random.choice(
        [(), (), (), (b"x-more: y",), (b"connection: keep-alive",), (b"content-type: application/json",),
         (b"content-encoding: gzip",), (b"authorization: Bearer sk_nobody",), (b"cookie: a=b", b"cookie: c=d")]
    )  # fmt: skip
    if random.random() < 0.2:
        chunk = b"%x\r\n%b\r\n" % (len(event), event) if event else b""
        return caller.head(*lines, b"transfer-encoding: chunked") + chunk + b"0\r\n\r\n"
    sent = caller.request(event, *lines)
    sent = sent.replace(b"POST", random.choice([b"POST"] * 8 + [b"PUT", b"GET"]), 1)
    return sent.replace(PATH.encode(), PATH.encode() + random.choice([b""] * 8 + [b"?a=b", b"/"]), 1)


async def play(caller: Caller, requests: list[bytes], random: Random) -> list[tuple[bytes, bytes]]:
    """Send requests over one connection, cut anywhere, some ahead of the answers to others; return all answers."""
    wire = await caller.known()
    for number, request in enumerate(requests):
        sent = request
        while sent:
            size = random.choice([1, 30, 3000, 3000])
            wire.send(sent[:size])
            sent = sent[size:]
            await asyncio.sleep(0)
        if random.random() < 0.7:
            await heard(wire, number + 1)
    return whole(await heard(wire, len(requests)))


async def test_no_order_and_no_cut_of_requests_changes_an_answer(api: Api) -> None:
    """Against the same server, with nothing that it takes at once."""
    ours, theirs = Caller(api), Caller(api, at_once=False)
    at_once, taken = 0, set()
    for seed in range(80):
        random = Random(seed)
        requests = [anything(ours, random, f"{seed}-{number}") for number in range(random.randint(1, 12))]
        said = [await play(caller, requests, random) for caller in (ours, theirs)]
        mine, other = ([(status(answer), answer[1]) for answer in answers] for answers in said)
        assert mine == other, seed
        assert theirs.ordinary == len(requests)
        at_once += len(requests) - ours.ordinary
        taken |= {json.loads(answer)["id"] for code, answer in mine if code == 202}
    assert at_once > 25
    assert await api.stored() == len(taken) > 25
