"""An event between its acknowledgement and its counting."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.ids import event_id, event_ids, new_idempotency_key
from app.metering.codec import EventInput


class ReceivedEvent(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A well-formed event of an environment, as it waits in the inbox. `data` is its JSON text as it came.

    `timestamp` is None where none was sent: what it will be depends on the customer, who is looked up by the drainer.
    """

    environment_id: str
    id: str
    received_at: datetime
    idempotency_key: str
    type: str
    source: str
    subject: str | None
    external_subject: str | None
    external_id: str | None
    timestamp: datetime | None
    data: str


def identify(environment_id: str, event: EventInput, now: datetime) -> ReceivedEvent:
    """Return an event with the id that its key gives it; without a key it gets one that no other event has."""
    key = event.idempotency_key or new_idempotency_key()
    return _received(environment_id, event_id(environment_id, key), now, key, event)


def identify_all(environment_id: str, events: Sequence[EventInput], now: datetime) -> list[ReceivedEvent]:
    """Return what `identify` makes of each of many events."""
    keys = [event.idempotency_key or new_idempotency_key() for event in events]
    ids = event_ids(environment_id, keys)
    return [
        _received(environment_id, identifier, now, key, event)
        for identifier, key, event in zip(ids, keys, events, strict=True)
    ]


def _received(environment_id: str, identifier: str, now: datetime, key: str, event: EventInput) -> ReceivedEvent:
    return ReceivedEvent(
        environment_id,
        identifier,
        now,
        key,
        event.type,
        event.source,
        event.subject,
        event.external_subject,
        event.external_id,
        event.timestamp,
        bytes(event.data).decode(),
    )
