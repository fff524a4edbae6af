"""Group commit: the events of all requests that wait are written in one transaction, and only then acknowledged.

A commit costs about the same whatever is in it. While one is under way the next group gathers, so that under load many
requests share one, and a request that comes alone waits for nobody.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from app.db import Sessions
from app.metering.event_log import append
from app.metering.received import ReceivedEvent

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


#: The events of one request, which are stored together or not at all: the key they came with, how many bytes they take,
#: and who waits for it.
_Waiting = tuple[str, Sequence[ReceivedEvent], int, "asyncio.Future[None]"]


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

    def store(self, key_id: str, events: Sequence[ReceivedEvent], size: int) -> "asyncio.Future[None]":
        """Return what is done once all the events are on disk. `size` is about how many bytes they take.

        It raises what kept them from it: KeyRevoked, or the error of the database; TooMuchWaiting comes at once. A
        caller who does not wait for the end changes nothing for the others.
        """
        if self._event_count + len(events) > MOST_EVENTS or self._size + size > MOST_BYTES:
            raise TooMuchWaiting
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((key_id, events, size, done))
        self._event_count += len(events)
        self._size += size
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return done

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
            self._running = None
            # There are some only where this was cancelled: nothing of them was stored, and they are told so.
            _fail(self._waiting, ConnectionAbortedError("The server is shutting down."))
            self._waiting.clear()
            self._event_count = self._size = 0

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
        """Store a group and answer everyone in it. Whatever goes wrong is the answer of exactly these."""
        count = sum([len(events) for _, events, _, _ in group])
        try:
            valid = await append(self._sessions, [one[:2] for one in group], EVENTS_OF_ENTRY)
        except Exception as error:  # noqa: BLE001 - it is raised where each of them waits
            _fail(group, error)
        except BaseException:
            _fail(group, ConnectionAbortedError("The server is shutting down."))
            raise
        else:
            self.commit_count += 1
            for key_id, events, _, done in group:
                if key_id in valid:
                    self.stored_count += len(events)
                if done.done():  # nobody waits for it any more
                    continue
                if key_id in valid:
                    done.set_result(None)
                else:
                    done.set_exception(KeyRevoked())
        finally:
            self._event_count -= count
            self._size -= sum([size for _, _, size, _ in group])


def _fail(group: Iterable[_Waiting], error: Exception) -> None:
    for _, _, _, done in group:
        if not done.done():
            done.set_exception(error)
