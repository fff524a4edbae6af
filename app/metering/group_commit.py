"""Group commit: the events of all requests that wait are written in one transaction, and only then acknowledged.

A commit costs about the same whatever is in it. While one is under way the next group gathers, so that under load many
requests share one, and a request that comes alone waits for nobody.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Final

from app.db import Sessions
from app.metering.event_log import append
from app.metering.received import ReceivedEvent, identify_all

#: Events and bytes that wait at most; what comes beyond is told to come again.
MOST_EVENTS: Final = 50_000
MOST_BYTES: Final = 64 * 1024 * 1024
#: Events of one transaction at most, and of one entry of the log, so that both stay small.
EVENTS_AT_ONCE: Final = 10_000
EVENTS_OF_ENTRY: Final = 500
#: From so many requests in one commit on, the next waits for so many seconds: those who were just answered send again,
#: and would else be divided into two groups that take turns.
CROWD: Final = 8
GATHER: Final = 0.002


class TooMuchWaiting(Exception):
    """More waits to be written than memory is set aside for."""


class KeyRevoked(Exception):
    """The key that the events came with is valid no longer; nothing of them was stored."""


#: What is called, once, when events are on disk and have their ids, or with what kept them from it: KeyRevoked, an
#: error of the database, ConnectionAbortedError where the server stops, or a bug.
Tell = Callable[[BaseException | None], None]
#: The events of one request, which are stored together or not at all: the key they came with, how many bytes they take,
#: and who is told.
_Waiting = tuple[str, Sequence[ReceivedEvent], int, Tell]


class GroupCommit:
    """What gathers the events of a process. It runs while anything waits, and not else."""

    def __init__(self, sessions: Sessions) -> None:
        """Write with these sessions."""
        self._sessions = sessions
        self._waiting: deque[_Waiting] = deque()
        self._event_count = 0
        self._size = 0
        self._running: asyncio.Task[None] | None = None
        #: How many groups and events were written, for whoever watches.
        self.commit_count = 0
        self.stored_count = 0

    def store(self, key_id: str, events: Sequence[ReceivedEvent], size: int, tell: Tell) -> None:
        """Write events, then `tell`. `size` is about how many bytes they take. TooMuchWaiting comes at once."""
        if self._event_count + len(events) > MOST_EVENTS or self._size + size > MOST_BYTES:
            raise TooMuchWaiting
        self._waiting.append((key_id, events, size, tell))
        self._event_count += len(events)
        self._size += size
        if self._running is None:
            self._running = asyncio.create_task(self._run())
            self._running.add_done_callback(self._end)

    async def close(self) -> None:
        """Return once nothing waits any more."""
        while self._running is not None:
            await asyncio.wait([self._running])

    async def _run(self) -> None:
        try:
            while self._waiting:
                group = self._take()
                await self._commit(group)
                if len(group) >= CROWD:
                    await asyncio.sleep(GATHER)
        finally:
            self._stop()

    def _end(self, run: "asyncio.Task[None]") -> None:
        if self._running is run:  # it was cancelled before it began
            self._stop()

    def _stop(self) -> None:
        self._running = None
        # There are some only where it was cancelled: nothing of them was stored, and they are told so.
        left = list(self._waiting)
        self._waiting.clear()
        self._leave(left)
        _tell(left, ConnectionAbortedError("The server is shutting down."))

    def _take(self) -> list[_Waiting]:
        """Take as many requests, in their order, as one transaction may have; one at least."""
        if self._event_count <= EVENTS_AT_ONCE:
            taken = list(self._waiting)
            self._waiting.clear()
            return taken
        taken = [self._waiting.popleft()]
        count = len(taken[0][1])
        while self._waiting and count + len(self._waiting[0][1]) <= EVENTS_AT_ONCE:
            taken.append(self._waiting.popleft())
            count += len(taken[-1][1])
        return taken

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        """Store a group and tell everyone in it. Whatever goes wrong is the answer of exactly these."""
        try:
            identify_all(chain.from_iterable([events for _, events, _, _ in group]))
            valid = await append(self._sessions, [one[:2] for one in group], EVENTS_OF_ENTRY)
        except Exception as error:  # noqa: BLE001 - it is told to each of them
            self._leave(group)
            _tell(group, error)
        except BaseException:
            self._leave(group)
            _tell(group, ConnectionAbortedError("The server is shutting down."))
            raise
        else:
            self._leave(group)
            self.commit_count += 1
            self.stored_count += sum([len(events) for key_id, events, _, _ in group if key_id in valid])
            _tell([one for one in group if one[0] in valid], None)
            _tell([one for one in group if one[0] not in valid], KeyRevoked())

    def _leave(self, group: Iterable[_Waiting]) -> None:
        """Make room for as many others, before anybody is told."""
        for _, events, size, _ in group:
            self._event_count -= len(events)
            self._size -= size


def _tell(group: Iterable[_Waiting], error: Exception | None) -> None:
    """Tell everyone; whoever can't bear it keeps nobody else from hearing."""
    for _, _, _, tell in group:
        try:
            tell(error)
        except Exception as failure:  # noqa: BLE001 - it goes to where those of callbacks go
            told = {"message": "who waited for events to be stored failed", "exception": failure}
            asyncio.get_running_loop().call_exception_handler(told)
