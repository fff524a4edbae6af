"""One event sent until there is an answer that is one, with waits that grow."""

import threading

import httpx

from app.cli.client import Api, explain_failure, explain_response, read_answer, reason_of
from app.cli.target import CommandError
from app.ids import random_fraction

ATTEMPTS = 8
FIRST_WAIT = 0.25
LONGEST_WAIT = 30.0
_AGAIN = (429, 502, 503, 504)
_REFUSED = (400, 413)


class Sender:
    """Sends from several threads; `stop` ends the waits of all of them."""

    def __init__(self, api: Api, stop: threading.Event) -> None:
        """Take the client that all threads share."""
        self._api = api
        self._stop = stop

    def send(self, body: bytes) -> str | None:
        """Send one event. Return None once it is stored, or why it was refused for good.

        Raises CommandError where the server stays away, or refuses whatever is sent.
        """
        for attempt in range(ATTEMPTS):
            asked_to_wait = 0.0
            try:
                response = self._api.send("/v0/events", body)
            except httpx.TransportError as error:
                problem = explain_failure(error, self._api.target)
            else:
                if response.status_code == httpx.codes.ACCEPTED:
                    return None
                if _is_refusal(response):
                    return reason_of(read_answer(response) or {}) or f"status {response.status_code}"
                problem = explain_response(response, self._api.target)
                if response.status_code not in _AGAIN:
                    raise CommandError(problem)
                asked_to_wait = retry_after(response)
            if self._stop.wait(wait_before(attempt, asked_to_wait)):
                break
        raise CommandError(f"{problem} The same command goes on where this one stopped.")


def wait_before(attempt: int, asked_to_wait: float) -> float:
    """Return the seconds before another attempt: at least what was asked for, never more than the longest wait.

    A random part keeps clients apart that were refused together.
    """
    growing = FIRST_WAIT * (1 << attempt) * (0.5 + random_fraction())
    return min(asked_to_wait + growing, LONGEST_WAIT)


def retry_after(response: httpx.Response) -> float:
    """Return the seconds that an answer asks to wait; 0 where it names none."""
    asked: str = response.headers.get("retry-after", "")
    return min(float(asked), LONGEST_WAIT) if asked.isdecimal() and asked.isascii() else 0.0


def _is_refusal(response: httpx.Response) -> bool:
    """Tell whether the event itself is what the server does not take."""
    if response.status_code == httpx.codes.FORBIDDEN:
        return (read_answer(response) or {}).get("code") == "FOREIGN_NAMESPACE"
    return response.status_code in _REFUSED
