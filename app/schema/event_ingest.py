"""Reporting events through GraphQL: the same as `POST /v0/events/batch`."""

from collections.abc import Sequence
from typing import Any

import msgspec
import strawberry
from strawberry.scalars import JSON

from app.billing.errors import ErrorCode, Refused, UserError
from app.metering.batches import MAX_EVENTS
from app.metering.codec import InvalidEvent
from app.metering.group_commit import KeyRevoked
from app.metering.intake import NotTaken, Read, intake_of
from app.metering.received import ReceivedEvent
from app.schema.client_error import ClientError
from app.schema.declarations import field, value
from app.schema.mutation import Call
from app.schema.user_errors import Payload
from app.schema.user_errors import UserError as UserErrorType

_encoder = msgspec.json.Encoder(decimal_format="number")


@strawberry.input(description="One fact of usage to report. See `POST /v0/events`.")
class MeterEventInput:
    """Written as JSON, and read as what REST sends."""

    type: str = field("What happened. Example: `inference.completed`.")
    source: str = field("Who reports it. Example: `https://api.acme.example`.")
    data: JSON = field('What was used, an object. Example: `{"tokens": 1500, "model": "large"}`.')
    subject: str | None = field("The id of the customer. This or `externalSubject` is needed.", default=None)
    external_subject: str | None = field("Your own id of the customer. Example: `acme-1`.", default=None)
    timestamp: str | None = field(
        "When it happened, ISO 8601; the server's time if left out. Example: `2026-08-01T12:00:00Z`.", default=None
    )
    idempotency_key: str | None = field(
        "The same key counts once, for ever. Without one the server makes one. Example: `evt-1`.", default=None
    )
    external_id: str | None = field("Your own id of the event. Example: `ext-1`.", default=None)

    def to_json(self) -> bytes:
        """Return the bytes that REST would have got."""
        members = {
            "type": self.type,
            "source": self.source,
            "data": self.data,
            "subject": self.subject,
            "externalSubject": self.external_subject,
            "timestamp": self.timestamp,
            "idempotencyKey": self.idempotency_key,
            "externalId": self.external_id,
        }
        return _encoder.encode({name: item for name, item in members.items() if item is not None})


@strawberry.input(description="Events to report, 1 to 1,000. Good ones are taken in even where others are not.")
class MeterEventsIngestInput:
    """See `metering.intake`."""

    events: list[MeterEventInput] = field("The events, in any order.")


@value("An event that was taken in: it is on disk and will be counted.")
class AcceptedEvent:
    """Rows of `metering.received.ReceivedEvent`."""

    id: strawberry.ID = field("The id of the event, the same for every repeat of its key.")
    idempotency_key: str = field("The key that was sent, or made by the server.")


@value("What became of the events, one by one.")
class MeterEventsIngestPayload(Payload):
    """The answer of `meterEventsIngest`."""

    user_errors: list[UserErrorType] = field(
        "Why events were not taken in, each under its place; the others were all the same.", default_factory=list
    )
    events: list[AcceptedEvent | None] = field(
        "For each event sent, in order, that it was taken in; null where `userErrors` says why it was not.",
        default_factory=list,
    )


def errors_of(reads: Sequence[Read]) -> list[UserError]:
    """Return what is wrong with events, each under its place in the input."""
    found = []
    for place, read in enumerate(reads):
        if isinstance(read, InvalidEvent):
            for error in read.errors:
                path = f"events.{place}" if error.field is None else f"events.{place}.{error.field}"
                found.append(UserError(error.code, path, error.message))
        elif isinstance(read, NotTaken):
            found.append(UserError(ErrorCode.TOO_LONG, f"events.{place}", str(read)))
    return found


def accepted(reads: Sequence[Read]) -> list[ReceivedEvent | None]:
    """Return the events that were taken in, and None in the place of the others."""
    return [read if isinstance(read, ReceivedEvent) else None for read in reads]


async def ingest_events(call: Call, input: MeterEventsIngestInput) -> MeterEventsIngestPayload:
    """Take events in by the way that REST takes."""
    if not 1 <= len(input.events) <= MAX_EVENTS:
        message = f"Give 1 to {MAX_EVENTS:,} events."
        raise Refused((UserError(ErrorCode.OUT_OF_RANGE, "events", message),))
    intake, now = intake_of(call.context.sessions, call.context.settings), call.now()
    bodies = [event.to_json() for event in input.events]
    reads = [intake.try_to_read(call.principal, body, now) for body in bodies]
    good = [read for read in reads if isinstance(read, ReceivedEvent)]
    try:
        if good:
            await intake.store(call.principal, good, sum(map(len, bodies)))
    except NotTaken as refused:
        raise ClientError(str(refused), refused.code) from refused
    except KeyRevoked as revoked:
        raise ClientError("The API key was revoked.", "UNAUTHENTICATED") from revoked
    taken: Any = accepted(reads)
    problems: Any = errors_of(reads)
    return MeterEventsIngestPayload(events=taken, user_errors=problems)
