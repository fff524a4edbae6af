"""What a server grants its clients, from the settings, and what its connections share."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Final, NamedTuple, Self

import uvicorn.server

from app.settings import Settings

#: Largest body in bytes that is read where nobody wants it; what does want one refuses it earlier.
MOST_UNREAD: Final = 8 * 1024 * 1024
#: Seconds in which a client may finish a body that was answered already, so that it comes to reading the answer.
DRAIN_SECONDS: Final = 5.0
#: Connections beyond the limit on which health is told, and all else refused.
MOST_EXTRA: Final = 32
#: Files that a process has open besides its connections: the database's, and its own.
OTHER_FILES: Final = 256
FOREVER: Final = float("inf")


class Phase(IntEnum):
    """What a connection waits for. Those before BODY give way to newcomers, and nobody gets to it without a key."""

    IDLE = 0  # for a request
    HEAD = 1  # for the rest of a request's head
    DRAIN = 2  # for the rest of a request that was answered before it was there
    BODY = 3  # for the rest of a request that is to be answered
    WORKING = 4  # for us
    CLOSED = 5  # for nothing more


@dataclass(frozen=True)
class Limits:
    """Of each process, in seconds and bytes."""

    connections: int
    head_seconds: float
    request_seconds: float
    idle_seconds: float
    answer_seconds: float
    body_bytes: int = MOST_UNREAD
    head_bytes: int = 32 * 1024
    target_bytes: int = 16 * 1024
    headers: int = 100

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings say."""
        return cls(
            connections=settings.max_connections,
            head_seconds=settings.head_seconds,
            request_seconds=settings.request_seconds,
            idle_seconds=settings.idle_seconds,
            answer_seconds=settings.answer_seconds,
            body_bytes=max(MOST_UNREAD, 2 * settings.max_graphql_body),
        )

    @cached_property
    def seconds(self) -> Mapping[Phase, float]:
        """How long a connection may be in a phase."""
        return {
            Phase.IDLE: self.idle_seconds,
            Phase.HEAD: self.head_seconds,
            Phase.DRAIN: DRAIN_SECONDS,
            Phase.BODY: self.request_seconds,
            Phase.WORKING: FOREVER,
            Phase.CLOSED: FOREVER,
        }


class UsualHead(NamedTuple):
    """The head of an answer as far as it is written before its body is known, and what it is made of."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    defaults: Sequence[tuple[bytes, bytes]]
    written: bytes


class ServerState(uvicorn.server.ServerState):
    """What the connections of a process share."""

    def __init__(self, limits: Limits) -> None:
        """Begin to count time."""
        super().__init__()
        self.limits = limits
        #: The headers of every answer, and how they are written.
        self.written_headers: tuple[list[tuple[bytes, bytes]], bytes] = ([], b"")
        #: The head of the answer that was written last in one go.
        self.usual_head = UsualHead(0, (), (), b"")
        #: Seconds in which this process could serve: what it was busy for, or stopped, is held against no client.
        self.now = 0.0


def allow_open_files(connections: int) -> None:
    """Let this process, and those it forks, have so many connections open, as far as the system permits."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - there is none elsewhere

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = connections + MOST_EXTRA + OTHER_FILES
        if soft != resource.RLIM_INFINITY and soft < wanted:
            most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
