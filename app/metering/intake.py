"""Taking in events, however they came: read, made out to a key's environment, and stored by group commit."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol

from sqlalchemy import select

from app.db import Sessions
from app.metering.batches import check_size, split_array, split_lines
from app.metering.codec import MAX_EVENT_BYTES, InvalidEvent
from app.metering.event_log import is_waiting
from app.metering.group_commit import GroupCommit, Tell, TooMuchWaiting
from app.metering.quick_codec import read_event, read_events
from app.metering.received import ReceivedEvent, receive
from app.models import EventInbox, table_of
from app.settings import Settings

#: Seconds between two looks at how long events have been waiting to be counted.
LOOK_EVERY: Final = 1.0
_inbox = table_of(EventInbox).c


class Sender(Protocol):
    """Whose key events came with."""

    @property
    def api_key_id(self) -> str:
        """The key."""
        ...

    @property
    def merchant_id(self) -> str:
        """Whose it is: the only namespace that its events may name."""
        ...

    @property
    def environment_id(self) -> str:
        """Where its events belong."""
        ...


class NotTaken(Exception):
    """An event, or a whole request, that is not taken in: nothing of it was stored."""

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        """Take the HTTP status, the code and the words of the answer, and after how many seconds to try again."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after


#: What one event of a batch is, or why it is not taken.
Read = ReceivedEvent | InvalidEvent | NotTaken


@dataclass
class Buckets:
    """How many events each key may still send: refilled at an even rate, one second's worth at most."""

    per_second: float | None
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, key_id: str, count: int) -> None:
        """Take tokens for that many events; raise NotTaken 429 where they are not there yet.

        A request of more events than a second allows is let through by a full bucket, which then stays in debt.
        """
        if self.per_second is None:
            return
        now = time.monotonic()
        left, at = self._left.get(key_id, (self.per_second, now))
        left = min(self.per_second, left + (now - at) * self.per_second)
        wanted = min(count, self.per_second)
        if left < wanted:
            seconds = max(1, math.ceil((wanted - left) / self.per_second))
            raise NotTaken(429, "RATE_LIMITED", "The key has sent as many events as it may for now.", seconds)
        self._left[key_id] = (left - count, now)


class Intake:
    """What every way of sending events ends in. One for a process, so that all share their commits."""

    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        """Take what the limits are read from."""
        self.sessions = sessions
        self.commits = GroupCommit(sessions)
        self.buckets = Buckets(settings.events_per_second)
        self.most_lag = settings.max_backlog_seconds
        #: For whoever watches: events of batches that were not taken in, and refused requests by status.
        self.refused_count = 0
        self.refused_counts: Counter[int] = Counter()
        self._looked_at = -math.inf
        self._lag = 0.0

    def read(self, sender: Sender, body: bytes, now: datetime) -> ReceivedEvent:
        """Return an event made out to a key's environment; raise InvalidEvent or NotTaken where it is none.

        It has its id once it is stored.
        """
        if len(body) > MAX_EVENT_BYTES:
            raise NotTaken(413, "PAYLOAD_TOO_LARGE", f"An event must have at most {MAX_EVENT_BYTES} bytes.")
        event = read_event(body)
        if event.namespace is not None and event.namespace != sender.merchant_id:
            raise NotTaken(403, "FOREIGN_NAMESPACE", "The namespace is not the one of this key.")
        return receive(sender.environment_id, event, now)

    def read_batch(self, sender: Sender, body: bytes, now: datetime, *, is_lines: bool) -> Sequence[Read]:
        """Return what each event of a batch is, or what is wrong with it; raise InvalidBatch where it is none."""
        events = None if is_lines else read_events(body)
        if events is not None and {event.namespace for event in events} <= {None, sender.merchant_id}:
            check_size(len(events))
            return [receive(sender.environment_id, event, now) for event in events]
        pieces = split_lines(body) if is_lines else split_array(body)
        return [self.try_to_read(sender, piece, now) for piece in pieces]

    def try_to_read(self, sender: Sender, body: bytes, now: datetime) -> Read:
        """Return what `read` returns or raises."""
        try:
            return self.read(sender, body, now)
        except (InvalidEvent, NotTaken) as refusal:
            self.refused_count += 1
            return refusal

    async def store(self, sender: Sender, events: Sequence[ReceivedEvent], size: int) -> None:
        """Return once the events are on disk and have their ids; `size` is about how many bytes they take.

        NotTaken 429 or 503 says when to try again; KeyRevoked, that the key is valid no longer.
        """
        if self.is_look_due():
            await self.lag()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.put(sender, events, size, partial(_settle, done))
        await done

    def is_look_due(self) -> bool:
        """Tell whether it is long ago that the lag was looked at."""
        return time.monotonic() - self._looked_at >= LOOK_EVERY

    def put(self, sender: Sender, events: Sequence[ReceivedEvent], size: int, tell: Tell) -> None:
        """Let events be stored, and `tell` what became of that; NotTaken comes at once.

        It is for who has asked `is_look_due` and, where it is, goes by `store`: else nobody ever looks.
        """
        self.buckets.take(sender.api_key_id, len(events))
        if self._lag > self.most_lag:
            raise NotTaken(503, "UNAVAILABLE", "Counting is far behind. Send it again later.", 5)
        try:
            self.commits.store(sender.api_key_id, events, size, tell)
        except TooMuchWaiting as error:
            raise NotTaken(503, "UNAVAILABLE", "Too much waits to be stored. Send it again.", 1) from error

    async def lag(self) -> float:
        """Return for how many seconds the oldest event has waited to be counted."""
        self._looked_at = time.monotonic()
        self._lag = await drain_lag(self.sessions)
        return self._lag


def _settle(done: "asyncio.Future[None]", error: BaseException | None) -> None:
    if done.done():  # nobody waits for it any more
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def intake_of(sessions: Sessions, settings: Settings) -> Intake:
    """Return the intake of a process's database, the same one for all who send."""
    intake: Intake = sessions.shared.get(Intake) or sessions.shared.setdefault(Intake, Intake(sessions, settings))
    return intake


async def drain_lag(sessions: Sessions) -> float:
    """Return for how many seconds the oldest event has waited to be counted; 0 where none waits."""
    oldest: Any = select(_inbox.received_at).where(is_waiting()).order_by(_inbox.id).limit(1)
    rows = await sessions.rows(oldest, {}, at_once=True)
    return max(0.0, (sessions.clock.now() - rows[0][0]).total_seconds()) if rows else 0.0
