"""Requests that are answered without a task of their own: there are so many that each would feel even that."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from starlette.types import ASGIApp

Header = tuple[bytes, bytes]
#: The body of the usual answer, or what answers instead.
Answer = bytes | ASGIApp


class AtOnce(Protocol):
    """Takes requests of one kind, whole, and answers each once it can. All that is not usual is left to an application.

    `status` and `headers` are those of the usual answer, but for the length of its body.
    """

    method: bytes
    most_bytes: int
    status: int
    headers: Sequence[Header]

    def recognise(self, headers: Mapping[bytes, bytes]) -> Any:
        """Return who sends a request with these headers, of which none came twice; None where that takes longer.

        The length of the body is not among them.
        """
        ...

    def take(self, sender: Any, body: bytes, answer: Callable[[Answer], None]) -> bool:
        """Take a request's body and return True: `answer` is called later, once. Return False where it is not taken."""
        ...
