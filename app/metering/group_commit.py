"""Group commit: the events of all requests that wait are written in one transaction, and only then acknowledged.

A commit costs about the same whatever is in it. While one is under way the next group gathers, so that under load many
requests share one, and a request that comes alone waits for nobody.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.db import Sessions
from app.metering.event_log import append
from app.metering.received import ReceivedEvent

#: Events and bytes that wait at most; what comes beyond is told to come again.
MOST_EVENTS: Final = 50_000
MOST_BYTES: Final = 64 * 1024 * 1024
#: Events of one transaction at most, and of one entry of the log, so that both stay small.
EVENTS_AT_ONCE: Final = 10_000
EVENTS_OF_ENTRY: Final = 1000


class TooMuchWaiting(Exception):
    """More waits to be written than memory is set aside for."""


class KeyRevoked(Exception):
    """The key that the events came with is valid no longer; nothing of them was stored."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """The events of one request, which are stored together or not at all, and who waits for that."""

    key_id: str
    events: Sequence[ReceivedEvent]
    size: int
    done: "asyncio.Future[None]"


class GroupCommit:
    """What gathers the events of a process. It runs while anything waits, and not else."""

    def __init__(self, sessions: Sessions) -> None:
        """Write with these sessions."""
        self._sessions = sessions
        self._waiting: deque[_Waiting] = deque()
        self._event_count = 0
        self._size = 0
        self._running: asyncio.Task[None] | None = None
        #: How many events each of the last commits had, for whoever watches.
        self.last_sizes: deque[int] = deque(maxlen=1000)

    async def store(self, key_id: str, events: Sequence[ReceivedEvent], size: int) -> None:
        """Return once all the events are on disk. `size` is about how many bytes they take.

        Raises what kept them from it: KeyRevoked, TooMuchWaiting, or the error of the database. A caller who does not
        wait for the end changes nothing for the others.
        """
        if self._event_count + len(events) > MOST_EVENTS or self._size + size > MOST_BYTES:
            raise TooMuchWaiting
        waiting = _Waiting(key_id, events, size, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._event_count += len(events)
        self._size += size
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        await waiting.done

    async def close(self) -> None:
        """Return once nothing waits any more."""
        while self._running is not None:
            await asyncio.wait([self._running])

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._commit(self._take())
        finally:
            self._running = None

    def _take(self) -> list[_Waiting]:
        """Take as many requests, in their order, as one transaction may have; one at least."""
        taken, count = [self._waiting.popleft()], 0
        count = len(taken[0].events)
        while self._waiting and count + len(self._waiting[0].events) <= EVENTS_AT_ONCE:
            taken.append(self._waiting.popleft())
            count += len(taken[-1].events)
        return taken

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        """Store a group and answer everyone in it. Whatever goes wrong is the answer of exactly these."""
        try:
            valid = await append(self._sessions, [(one.key_id, one.events) for one in group], EVENTS_OF_ENTRY)
        except BaseException as error:
            for one in group:
                _answer(one, error)
            if not isinstance(error, Exception):
                raise
        else:
            for one in group:
                _answer(one, None if one.key_id in valid else KeyRevoked())
            self.last_sizes.append(sum(len(one.events) for one in group))
        finally:
            self._event_count -= sum(len(one.events) for one in group)
            self._size -= sum(one.size for one in group)


def _answer(waiting: _Waiting, error: BaseException | None) -> None:
    if waiting.done.done():  # nobody waits for it any more
        return
    if error is None:
        waiting.done.set_result(None)
    else:
        waiting.done.set_exception(error if isinstance(error, Exception) else ConnectionError("shutting down"))
