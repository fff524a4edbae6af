"""Which requests are answered without a task: they are held until their body is there.

A client says nearly the same before each of its requests. What was found of one head is true of the next where that
differs in the length of the body, and in nothing else. A head is kept where it is far from any limit of size, and was a
known sender's.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from app.api.at_once import AtOnce, Header

if TYPE_CHECKING:
    from app.cli.connections import Connection

_LENGTH: Final = b"content-length"
#: A head that is kept has no larger part of the bytes that one may have.
_PART_KEPT: Final = 8
#: A body's length has fewer digits.
_MOST_DIGITS: Final = 9


class Held(NamedTuple):
    """A request that may be answered without a task, while its body is still to come."""

    taker: AtOnce
    sender: Any
    target: bytes
    headers: Sequence[Header]
    keep_alive: bool


class _Head(NamedTuple):
    """What is known of a head: its headers, the place of the length among them, and the others by name."""

    taker: AtOnce
    target: bytes
    headers: list[Header]
    place: int
    given: Mapping[bytes, bytes]
    keep_alive: bool


class Holding:
    """What a connection knows of the heads of such requests."""

    def __init__(self, takers: Mapping[bytes, AtOnce]) -> None:
        """Take who answers without a task, by target."""
        self._takers = takers
        self._last: _Head | None = None

    def hold(self, connection: "Connection", version: str, given: Mapping[bytes, bytes]) -> Held | None:
        """Return what is kept of a request with these headers until its body is there; None for one with a task."""
        taker, headers = self._takers.get(connection.url), connection.headers
        if taker is None or connection.parser.get_method() != taker.method or len(given) != len(headers):
            return None
        if version != "1.1" or connection.is_extra or connection.expect_100_continue or connection.access_log:
            return None
        if _LENGTH not in given:
            return None
        place = [name for name, _ in headers].index(_LENGTH)
        others = {name: value for name, value in given.items() if name != _LENGTH}
        head = _Head(taker, connection.url, [*headers], place, others, connection.parser.should_keep_alive())
        held = _held(connection, head)
        size = sum([len(name) + len(value) for name, value in headers])
        if held is not None and size <= connection.limits.head_bytes // _PART_KEPT:
            self._last = head
        return held

    def hold_again(self, connection: "Connection") -> Held | None:
        """Return the same for a request with the head of the last one that was held; None for any other."""
        last, headers = self._last, connection.headers
        if last is None or connection.url != last.target or len(headers) != len(last.headers):
            return None
        length = headers[last.place]
        if length[0] != _LENGTH:
            return None
        last.headers[last.place] = length
        if headers != last.headers or connection.parser.get_http_version() != "1.1":
            return None
        return None if connection.parser.get_method() != last.taker.method else _held(connection, last)


def _held(connection: "Connection", head: _Head) -> Held | None:
    length, most = connection.headers[head.place][1], min(head.taker.most_bytes, HIGH_WATER_LIMIT)
    # Of a body that is larger than the latter, reading would be paused, and nobody would go on.
    if not 0 < len(length) < _MOST_DIGITS or int(length) > most or connection.flow.write_paused:
        return None
    sender = head.taker.recognise(head.given)
    return None if sender is None else Held(head.taker, sender, head.target, connection.headers, head.keep_alive)
