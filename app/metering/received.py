"""An event between its acknowledgement and its counting."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

import msgspec

from app.ids import event_id, event_ids, new_idempotency_key
from app.metering.codec import EventInput


class ReceivedEvent(msgspec.Struct, array_like=True, gc=False):
    """A well-formed event of an environment, as it waits in the inbox. `data` is its JSON text as it came.

    `timestamp` is None where none was sent: what it will be depends on the customer, who is looked up by the drainer.
    The id is empty until the event is about to be written, as ids are made many at a time.
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
    received = receive(environment_id, event, now)
    received.id = event_id(environment_id, received.idempotency_key)
    return received


def receive(environment_id: str, event: EventInput, now: datetime) -> ReceivedEvent:
    """Return the same without an id."""
    return ReceivedEvent(
        environment_id,
        "",
        now,
        event.idempotency_key or new_idempotency_key(),
        event.type,
        event.source,
        event.subject,
        event.external_subject,
        event.external_id,
        event.timestamp,
        bytes(event.data).decode(),
    )


def identify_all(events: Iterable[ReceivedEvent]) -> None:
    """Give events the ids that their keys give them."""
    by_environment: defaultdict[str, list[ReceivedEvent]] = defaultdict(list)
    for event in events:
        by_environment[event.environment_id].append(event)
    for environment_id, listed in by_environment.items():
        ids = event_ids(environment_id, [event.idempotency_key for event in listed])
        for event, identifier in zip(listed, ids, strict=True):
            event.id = identifier
