"""Clients that keep a server waiting: each is cut off in time, and whoever is quick is served meanwhile."""

import contextlib
import itertools
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from app.cli.limits import DRAIN_SECONDS
from tests.support.raw_http import connect, listen
from tests.support.server import Server, serve

EVENT = json.dumps({"type": "call", "source": "s", "externalSubject": "acme", "data": {"text": "x" * 40_000}}).encode()
LIMITS = {"HEAD": 1.5, "REQUEST": 3.0, "IDLE": 2.0, "ANSWER": 2.0}
#: Seconds between two looks of the server, and for a machine that is busy with other tests.
LATE = 2.5
Begin = Callable[[], socket.socket]
Kind = tuple[float, Begin, bytes]
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"


@contextlib.contextmanager
def serving(folder: Path, connections: int) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BILLGRAPH_MAX_CONNECTIONS", str(connections))
        for name, seconds in LIMITS.items():
            patch.setenv(f"BILLGRAPH_{name}_SECONDS", str(seconds))
        with serve(f"sqlite+aiosqlite:///{folder}/billgraph.db") as server:
            yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("slow"), 500) as server:
        yield server


def head(server: Server, framing: str, target: str = "/v0/events", key: str | None = None) -> bytes:
    lines = ("Host: a", f"Authorization: Bearer {key or server.key}", "Content-Type: application/json", framing)
    return "\r\n".join([f"POST {target} HTTP/1.1", *lines, "", ""]).encode()


def whole(server: Server) -> bytes:
    return head(server, f"Content-Length: {len(EVENT)}") + EVENT


def open_connections(server: Server) -> int:
    return len([one for one in psutil.Process(server.process.pid).net_connections() if one.status == "ESTABLISHED"])


def sent(server: Server, begin: bytes) -> socket.socket:
    connection = connect(server)
    connection.sendall(begin)
    return connection


def half_sent(server: Server) -> dict[str, Kind]:
    """Return ways to begin and not to end: within how many seconds it is over, and what is dripped meanwhile."""
    body, chunks = head(server, f"Content-Length: {len(EVENT)}"), head(server, "Transfer-Encoding: chunked")
    return {
        "nothing": (LIMITS["HEAD"], lambda: connect(server), b""),
        "a line": (LIMITS["HEAD"], lambda: sent(server, b"POST /v0/eve"), b"n"),
        "headers": (LIMITS["HEAD"], lambda: sent(server, body[:-2]), b"X-A: a\r\n"),
        "a body": (LIMITS["REQUEST"], lambda: sent(server, body + EVENT[:9]), b"x"),
        "chunks": (LIMITS["REQUEST"], lambda: sent(server, chunks), b"1\r\nx\r\n"),
        "a chunk": (LIMITS["REQUEST"], lambda: sent(server, chunks + b"fff\r\n"), b"x"),
        "a second request": (LIMITS["HEAD"], lambda: sent(server, HEALTH + b"GET /hea"), b"l"),
        "a body for nobody": (
            LIMITS["REQUEST"],
            lambda: sent(server, HEALTH[:-2] + b"Content-Length: 99\r\n\r\n"),
            b"x",
        ),
    }


@contextlib.contextmanager
def opened(*kinds: Begin) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(begin()) for begin in kinds]


def test_200_half_sent_requests_are_cut_off_and_others_served(server: Server) -> None:
    kinds = [kind for _, kind in zip(range(200), itertools.cycle(half_sent(server).values()), strict=False)]
    latencies, limits = [], max(LIMITS.values()) + DRAIN_SECONDS
    with opened(*(begin for _, begin, _ in kinds)) as connections:
        begun, left = time.monotonic(), list(zip(kinds, connections, strict=True))
        while left:
            now = time.monotonic()
            assert now - begun < limits + LATE, f"{len(left)} are still open"
            assert server.post_event({**json.loads(EVENT), "data": {"n": 1}}).status_code == 202
            latencies.append(time.monotonic() - now)
            left = [(kind, connection) for kind, connection in left if goes_on(kind, connection, now - begun)]
            time.sleep(0.5)
    assert len(latencies) > 5
    assert sorted(latencies)[len(latencies) // 2] < 0.5


def goes_on(kind: Kind, connection: socket.socket, seconds: float) -> bool:
    """Send one more piece, unless the server has closed: for the right reason, and not too early."""
    limit, _, piece = kind
    heard = listen(connection, 0.001)
    if heard.is_closed:
        assert seconds >= limit - 0.6
        assert not set(heard.statuses) - {200, 408}
    else:
        with contextlib.suppress(ConnectionError):
            connection.sendall(piece)
    return not heard.is_closed


def test_each_is_told_why_unless_it_said_nothing(server: Server) -> None:
    kinds = half_sent(server)
    del kinds["a body for nobody"]  # that is answered, and then waited for
    with opened(*(begin for _, begin, _ in kinds.values())) as connections:
        heard = {kind: listen(one, max(LIMITS.values()) + LATE) for kind, one in zip(kinds, connections, strict=True)}
    assert {kind for kind, answer in heard.items() if not answer.is_closed} == set()
    expected = {kind: [408] for kind in kinds} | {"nothing": [], "a second request": [200, 408]}
    assert {kind: answer.statuses for kind, answer in heard.items()} == expected


def test_a_slow_upload_within_the_limit_is_taken(server: Server) -> None:
    with connect(server) as connection:
        message = whole(server)
        for start in range(0, len(message), 5000):
            connection.sendall(message[start : start + 5000])
            time.sleep(0.2)
        assert listen(connection, 5, answers=1).statuses == [202]


def test_a_connection_rests_for_a_while_and_not_for_ever(server: Server) -> None:
    with connect(server) as connection:
        for _ in range(3):
            connection.sendall(HEALTH)
            assert listen(connection, 5, answers=1).statuses == [200]
            time.sleep(0.6)
        heard = listen(connection, LIMITS["IDLE"] + LATE)
        assert (heard.statuses, heard.is_closed) == ([], True)


def test_who_does_not_take_the_answer_is_cut_off(server: Server) -> None:
    asset = max((Path(__file__).parents[2] / "app/api/graphiql/assets").iterdir(), key=lambda path: path.stat().st_size)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", int(server.base.rpartition(":")[2])))
        for _ in range(4):
            connection.sendall(f"GET /graphiql/assets/{asset.name} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        time.sleep(0.5)
        before = open_connections(server)
        time.sleep(LIMITS["ANSWER"] + LATE)
        assert open_connections(server) < before
        assert listen(connection, 5).is_closed


def test_a_key_is_needed_to_keep_a_server_waiting_for_a_body(server: Server) -> None:
    for target in ("/v0/events", "/v0/events/batch", "/graphql", "/v0/entitlements/consume"):
        with sent(server, head(server, "Content-Length: 99", target, "sk_wrong")) as connection:
            assert listen(connection, 5, answers=1).statuses == [401]


def test_a_full_server_takes_whoever_is_quick(tmp_path: Path) -> None:
    """Those who have said nothing yet give way."""
    with serving(tmp_path, 20) as server, opened(*[lambda: connect(server)] * 60) as silent:
        with sent(server, whole(server)) as quick:
            assert listen(quick, 5, answers=1).statuses == [202]
        assert sum(listen(one, 0.01).is_closed for one in silent) >= 40


def test_a_server_full_of_requests_refuses_more_and_tells_its_health(tmp_path: Path) -> None:
    with serving(tmp_path, 20) as server:
        begin = head(server, f"Content-Length: {len(EVENT)}") + EVENT[:9]
        with opened(*[lambda: sent(server, begin)] * 20):
            time.sleep(0.3)
            with sent(server, whole(server)) as late:
                heard = listen(late, 5)
            assert (heard.statuses, heard.is_closed) == ([503], True)
            assert b"retry-after: 1" in heard.answer
            for target in ("/healthz", "/readyz"):
                with sent(server, HEALTH.replace(b"/healthz", target.encode())) as watcher:
                    assert listen(watcher, 5).statuses == [200]
            # However many wait outside, they make room for each other, and not for anything to be done.
            with opened(*[lambda: connect(server)] * 80) as many:
                time.sleep(0.3)
                assert open_connections(server) <= 22
                with sent(server, whole(server)) as late:
                    assert listen(late, 5).statuses == [503]
                with sent(server, HEALTH) as watcher:
                    assert listen(watcher, 5).statuses == [200]
                assert all(listen(one, LIMITS["HEAD"] + LATE).is_closed for one in many)
            time.sleep(LIMITS["REQUEST"])
            with sent(server, whole(server)) as again:
                assert listen(again, 5, answers=1).statuses == [202]


def test_a_server_that_is_to_stop_waits_for_no_half_sent_request(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path, 50) as server:
        targets = ("/graphql", "/sandbox/graphql", "/v0/events/batch", "/v0/entitlements/consume")
        bodies = [head(server, "Content-Length: 99", target) + b"{" for target in targets]
        halves = [begin for _, begin, _ in half_sent(server).values()]
        with opened(*halves, *(partial(sent, server, body) for body in bodies)):
            time.sleep(0.5)
            os.kill(server.process.pid, signal.SIGTERM)
            assert server.process.wait(LIMITS["REQUEST"] + DRAIN_SECONDS + LATE) in {0, -signal.SIGTERM}
    assert "Traceback" not in capfd.readouterr().err
