"""Correcting events that were reported."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from app.schema.declarations import field, value
from app.schema.meter_event import MeterEvent
from app.schema.user_errors import Payload
from app.services.event_corrections import EventAmendDraft

REASON = "Why, for people: 1 to 255 characters. Example: `The client reported seconds for milliseconds.`"


@strawberry.input(description="What an event should have said. It makes a new revision; what was before is kept.")
class MeterEventAmendInput:
    """See `EventAmendDraft`."""

    event_id: strawberry.ID = field("The id of an event that was counted.")
    data: JSON | None = field('The whole data instead. Example: `{"tokens": 1500}`. Null leaves it.', default=None)
    timestamp: datetime | None = field("When it happened instead. Null leaves it.", default=None)
    reason: str = field(REASON)

    def to_draft(self) -> EventAmendDraft:
        """Return what is asked for."""
        return EventAmendDraft(self.event_id, self.reason, self.data, self.timestamp)


@strawberry.input(description="An event to withdraw. Its idempotency key stays used for ever.")
class MeterEventVoidInput:
    """See `services.event_corrections.void_event`."""

    event_id: strawberry.ID = field("The id of an event that was counted.")
    reason: str = field(REASON)


@value("The event as it is now.")
class MeterEventAmendPayload(Payload):
    """The answer of `meterEventAmend`."""

    meter_event: MeterEvent | None = field("The event in its last revision.", default=None)


@value("The event as it is now.")
class MeterEventVoidPayload(Payload):
    """The answer of `meterEventVoid`."""

    meter_event: MeterEvent | None = field("The event, which counts for nothing any more.", default=None)
