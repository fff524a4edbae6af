"""One event sent until there is an answer that is one, with waits that grow."""

import threading
import time

import httpx

from app.cli.client import Api, explain_failure, explain_response, read_answer, reason_of
from app.cli.target import CommandError
from app.ids import random_fraction

#: Seconds without any success.
GIVE_UP_AFTER = 120.0
FIRST_WAIT = 0.25
LONGEST_WAIT = 30.0
_DOUBLINGS = 10
_AGAIN = (429, 502, 503, 504)
_REFUSED = (400, 413)


class Sender:
    """Sends from several threads, which pause together; `stop` ends the waits of all of them."""

    def __init__(self, api: Api, stop: threading.Event) -> None:
        """Take the client that all threads share."""
        self._api = api
        self._stop = stop
        self._lock = threading.Lock()
        self._pause_ends = 0.0
        self._pauses = 0
        self._failing_since: float | None = None

    def send(self, body: bytes) -> str | None:
        """Send one event. Return None once it is stored, or why it was refused for good.

        Raises CommandError where the server stays away, or refuses whatever is sent.
        """
        problem = ""
        while self._paused():
            began, asked_to_wait = time.monotonic(), 0.0
            try:
                response = self._api.send("/v0/events", body)
            except httpx.RequestError as error:
                problem = explain_failure(error, self._api.target)
            else:
                if response.status_code == httpx.codes.ACCEPTED or _is_refusal(response):
                    self._succeeded()
                    return _outcome(response)
                problem = explain_response(response, self._api.target)
                if response.status_code not in _AGAIN:
                    raise CommandError(problem)
                asked_to_wait = retry_after(response)
            if self._is_given_up(began, asked_to_wait):
                break
        raise CommandError(f"{problem} The same command goes on where this one stopped.".lstrip())

    def _paused(self) -> bool:
        """Wait until no pause is left, and tell whether to go on then."""
        while (left := self._pause_ends - time.monotonic()) > 0:
            if self._stop.wait(left):
                return False
        return True

    def _succeeded(self) -> None:
        with self._lock:
            self._pauses, self._failing_since = 0, None

    def _is_given_up(self, began: float, asked_to_wait: float) -> bool:
        """Let all threads pause after a failure, and tell whether nothing has succeeded for too long."""
        with self._lock:
            now = time.monotonic()
            self._failing_since = self._failing_since or now
            pause = asked_to_wait
            if began >= self._pause_ends:  # the others that were under way failed for the same cause
                pause = wait_before(self._pauses, asked_to_wait)
                self._pauses += 1
            self._pause_ends = max(self._pause_ends, now + pause)
            return now - self._failing_since >= GIVE_UP_AFTER


def wait_before(attempt: int, asked_to_wait: float) -> float:
    """Return the seconds before another attempt: at least what was asked for, never more than the longest wait.

    A random part keeps clients apart that were refused together.
    """
    growing = FIRST_WAIT * (1 << min(attempt, _DOUBLINGS)) * (0.5 + random_fraction())
    return min(asked_to_wait + growing, LONGEST_WAIT)


def retry_after(response: httpx.Response) -> float:
    """Return the seconds that an answer asks to wait; 0 where it names none."""
    asked: str = response.headers.get("retry-after", "")
    return min(float(asked), LONGEST_WAIT) if asked.isdecimal() and asked.isascii() else 0.0


def _outcome(response: httpx.Response) -> str | None:
    if response.status_code == httpx.codes.ACCEPTED:
        return None
    return reason_of(read_answer(response) or {}) or f"status {response.status_code}"


def _is_refusal(response: httpx.Response) -> bool:
    """Tell whether the event itself is what the server does not take."""
    if response.status_code == httpx.codes.FORBIDDEN:
        return (read_answer(response) or {}).get("code") == "FOREIGN_NAMESPACE"
    return response.status_code in _REFUSED
