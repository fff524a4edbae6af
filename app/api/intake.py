"""Taking in events, however they came: read, made out to a key's environment, and stored by group commit."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from app.api.batches import check_size, split_array, split_lines
from app.api.refusal import Refusal
from app.db import Sessions
from app.metering.codec import MAX_EVENT_BYTES, InvalidEvent
from app.metering.group_commit import GroupCommit, TooMuchWaiting
from app.metering.quick_codec import read_event, read_events
from app.metering.received import ReceivedEvent, identify
from app.models import EventInbox, table_of
from app.services.principal import Principal
from app.settings import Settings

#: Seconds between two looks at how long events have been waiting to be counted.
LOOK_EVERY: Final = 1.0
_inbox = table_of(EventInbox).c


@dataclass
class Buckets:
    """How many events each key may still send: refilled at an even rate, one second's worth at most."""

    per_second: float | None
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, key_id: str, count: int) -> None:
        """Take tokens for that many events; raise Refusal 429 where they are not there yet.

        A request of more events than a second allows is let through by a full bucket, which then stays in debt.
        """
        if self.per_second is None:
            return
        now = time.monotonic()
        left, at = self._left.get(key_id, (self.per_second, now))
        left = min(self.per_second, left + (now - at) * self.per_second)
        wanted = min(float(count), self.per_second)
        if left < wanted:
            seconds = max(1, math.ceil((wanted - left) / self.per_second))
            message = "The key has sent as many events as it may for now. Send the rest later."
            raise Refusal(429, "RATE_LIMITED", message, headers={"retry-after": str(seconds)})
        self._left[key_id] = (left - count, now)


class Intake:
    """What every way of sending events ends in. One for a process, so that all share their commits."""

    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        """Take what the limits are read from."""
        self.sessions = sessions
        self.commits = GroupCommit(sessions)
        self.buckets = Buckets(settings.events_per_second)
        self._most_lag = settings.max_backlog_seconds
        self._looked_at = -math.inf
        self._lag = 0.0

    def read(self, principal: Principal, body: bytes, now: datetime) -> ReceivedEvent:
        """Return an event made out to a key's environment; raise Refusal with all that is wrong with it."""
        if len(body) > MAX_EVENT_BYTES:
            raise Refusal(413, "PAYLOAD_TOO_LARGE", f"An event must have at most {MAX_EVENT_BYTES} bytes.")
        try:
            event = read_event(body)
        except InvalidEvent as invalid:
            if invalid.errors[0].field is None:
                raise Refusal(400, "MALFORMED_JSON", invalid.errors[0].message) from invalid
            message = "The event has invalid fields."
            raise Refusal(400, "VALIDATION_ERROR", message, errors=invalid.errors) from invalid
        if event.namespace is not None and event.namespace != principal.merchant_id:
            raise Refusal(403, "FOREIGN_NAMESPACE", "The namespace is not the one of this key.")
        return identify(principal.environment_id, event, now)

    def read_batch(
        self, principal: Principal, body: bytes, now: datetime, *, is_lines: bool
    ) -> list[ReceivedEvent | Refusal]:
        """Return what each event of a batch is, or what is wrong with it; raise Refusal where it is none at all."""
        events = None if is_lines else read_events(body)
        if events is not None and all(event.namespace in (None, principal.merchant_id) for event in events):
            check_size(len(events))
            return [identify(principal.environment_id, event, now) for event in events]
        pieces = split_lines(body) if is_lines else split_array(body)
        return [self._read_or_refuse(principal, piece, now) for piece in pieces]

    def _read_or_refuse(self, principal: Principal, body: bytes, now: datetime) -> ReceivedEvent | Refusal:
        try:
            return self.read(principal, body, now)
        except Refusal as refusal:
            return refusal

    async def store(self, principal: Principal, events: Sequence[ReceivedEvent], size: int) -> None:
        """Return once the events are on disk. Refusal 429 or 503, with Retry-After; KeyRevoked where the key was."""
        self.buckets.take(principal.api_key_id, len(events))
        if time.monotonic() - self._looked_at >= LOOK_EVERY:
            await self.lag()
        if self._lag > self._most_lag:
            raise _unavailable("Counting is far behind. Send it again later.", seconds=5)
        try:
            await self.commits.store(principal.api_key_id, events, size)
        except TooMuchWaiting as error:
            raise _unavailable("Too much waits to be stored. Send it again.") from error

    async def lag(self) -> float:
        """Return for how many seconds the oldest event has waited to be counted; looked at once a second at most."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_EVERY:
            self._looked_at = now
            self._lag = await drain_lag(self.sessions)
        return self._lag


async def drain_lag(sessions: Sessions) -> float:
    """Return for how many seconds the oldest event has waited to be counted; 0 where none waits."""
    oldest: Any = select(_inbox.received_at).order_by(_inbox.id).limit(1)
    rows = await sessions.rows(oldest, {}, at_once=True)
    return max(0.0, (sessions.clock.now() - rows[0][0]).total_seconds()) if rows else 0.0


def _unavailable(message: str, seconds: int = 1) -> Refusal:
    return Refusal(503, "UNAVAILABLE", message, headers={"retry-after": str(seconds)})
