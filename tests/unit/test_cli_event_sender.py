"""How often an event is sent again, and how long it waits for it."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from app.cli import event_sender
from app.cli.client import Api
from app.cli.event_sender import LONGEST_WAIT, Sender, retry_after, wait_before
from app.cli.target import CommandError, find_target

AWAY = httpx.ConnectError("refused")
BUSY = httpx.Response(503, json={"message": "later"}, headers={"retry-after": "0"})
TOO_MANY = httpx.Response(429, json={"message": "slow down"})
GATEWAY = httpx.Response(502, text="bad gateway")
STORED = httpx.Response(202, json={})
REFUSED = httpx.Response(400, json={"message": "bad", "errors": [{"field": "type", "message": "Must be given."}]})
FOREIGN = httpx.Response(403, json={"message": "foreign", "code": "FOREIGN_NAMESPACE"})
FORBIDDEN = httpx.Response(403, json={"message": "no scope", "code": "FORBIDDEN"})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_sender, "FIRST_WAIT", 0.0001)


class Answers:
    """A server that gives these answers in turn, and counts the requests."""

    def __init__(self, *answers: httpx.Response | httpx.TransportError) -> None:
        self.asked = 0
        self._answers: Iterator[httpx.Response | httpx.TransportError] = iter(answers)

    def __call__(self, _request: httpx.Request) -> httpx.Response:
        self.asked += 1
        answer = next(self._answers)
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer

    def send(self, stop: threading.Event | None = None) -> str | None:
        target = find_target("http://a.example", "sk_1", sandbox=False)
        with Api(target, httpx.MockTransport(self)) as api:
            return Sender(api, stop or threading.Event()).send(b"{}")


@pytest.mark.parametrize(("last", "outcome"), [(STORED, None), (REFUSED, "type: Must be given."), (FOREIGN, "foreign")])
def test_it_is_sent_until_it_is_stored_or_refused(last: httpx.Response, outcome: str | None) -> None:
    answers = Answers(AWAY, BUSY, TOO_MANY, GATEWAY, last)
    assert answers.send() == outcome
    assert answers.asked == 5


def test_it_is_given_up_when_nothing_has_succeeded_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_sender, "GIVE_UP_AFTER", 0.05)
    answers = Answers(*[BUSY] * 10000)
    began = time.monotonic()
    with pytest.raises(CommandError, match="answered 503: later The same command goes on"):
        answers.send()
    assert answers.asked > 1
    assert time.monotonic() - began >= 0.05


def test_all_threads_pause_together_and_a_success_ends_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_sender, "FIRST_WAIT", 0.05)
    asked: list[float] = []

    def answer(_request: httpx.Request) -> httpx.Response:
        asked.append(time.monotonic())
        return TOO_MANY if len(asked) == 1 else STORED

    target = find_target("http://a.example", "sk_1", sandbox=False)
    with Api(target, httpx.MockTransport(answer)) as api, ThreadPoolExecutor(4) as pool:
        sender = Sender(api, threading.Event())
        first = pool.submit(sender.send, b"{}")
        while not sender._pauses:
            time.sleep(0.001)
        others = [pool.submit(sender.send, b"{}") for _ in range(3)]
        assert [future.result() for future in (first, *others)] == [None] * 4
    assert min(asked[1:]) - asked[0] >= 0.025
    assert (sender._pauses, sender._failing_since) == (0, None)


@pytest.mark.parametrize("answer", [FORBIDDEN, httpx.Response(401, json={"message": "x"}), httpx.Response(404)])
def test_what_would_meet_every_event_stops_at_once(answer: httpx.Response) -> None:
    answers = Answers(answer)
    with pytest.raises(CommandError):
        answers.send()
    assert answers.asked == 1


def test_a_command_that_stops_waits_no_longer() -> None:
    stop = threading.Event()
    stop.set()
    answers = Answers(AWAY)
    with pytest.raises(CommandError):
        answers.send(stop)
    assert answers.asked == 1


def test_waits_grow_from_what_was_asked_for_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_sender, "FIRST_WAIT", 0.25)
    for attempt in range(8):
        assert 0.125 * 2**attempt <= wait_before(attempt, 0) <= min(0.375 * 2**attempt, LONGEST_WAIT)
        assert 2 < wait_before(attempt, 2) <= LONGEST_WAIT
    assert wait_before(100, 10.0**9) == LONGEST_WAIT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), ("0", 0.0), ("9" * 400, LONGEST_WAIT), ("-1", 0.0), ("soon", 0.0), ("1.5", 0.0)],
)
def test_retry_after_is_read_as_whole_seconds(header: str, seconds: float) -> None:
    assert retry_after(httpx.Response(503, headers={"retry-after": header})) == seconds
