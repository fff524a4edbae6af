"""Bytes on a socket, as no client library would send them."""

import contextlib
import socket
import time
from dataclasses import dataclass

from tests.support.server import Server

MOMENT = 0.2


@dataclass(frozen=True)
class Heard:
    """What came back until the server closed, or nothing came any more."""

    answer: bytes
    is_closed: bool
    seconds: float

    @property
    def statuses(self) -> list[int]:
        """The statuses of all answers, in their order."""
        return [int(part[:3]) for part in self.answer.split(b"HTTP/1.1 ")[1:]]


def connect(server: Server) -> socket.socket:
    """Open a connection."""
    return socket.create_connection(("127.0.0.1", int(server.base.rpartition(":")[2])), timeout=10)


def listen(connection: socket.socket, seconds: float, answers: int | None = None) -> Heard:
    """Read for so long at most, or until so many answers came and a moment more.

    A reset is an end like any other: the server had not read all that was sent.
    """
    begun, heard, is_closed = time.monotonic(), Heard(b"", is_closed=False, seconds=0), False
    deadline = begun + seconds
    while not is_closed and (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        try:
            piece = connection.recv(65536)
        except TimeoutError:
            break
        except ConnectionError:
            piece = b""
        is_closed = not piece
        heard = Heard(heard.answer + piece, is_closed, time.monotonic() - begun)
        if answers is not None and len(heard.statuses) >= answers:
            deadline = min(deadline, time.monotonic() + MOMENT)
    return heard


def tell(server: Server, sent: bytes, seconds: float = 5, answers: int | None = None) -> Heard:
    """Send bytes on a connection of their own, and listen."""
    with connect(server) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        return listen(connection, seconds, answers)
