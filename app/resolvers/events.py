"""Root fields of events."""

from typing import Annotated, Any

import strawberry
from strawberry import Info

from app import models
from app.billing.access import Scope
from app.billing.errors import ErrorCode, Refused, UserError
from app.context import Context
from app.loaders.conditions import Condition, is_set
from app.loaders.pages import Relation
from app.loaders.receipt_by_event import receipt_by_event
from app.metering.batches import MAX_EVENTS
from app.metering.group_commit import KeyRevoked
from app.metering.intake import NotTaken, intake_of
from app.metering.received import ReceivedEvent
from app.metering.waiting import wait_until_counted
from app.schema.client_error import ClientError
from app.schema.connections import Connection, connection
from app.schema.declarations import field
from app.schema.event_corrections import (
    MeterEventAmendInput,
    MeterEventAmendPayload,
    MeterEventVoidInput,
    MeterEventVoidPayload,
)
from app.schema.event_ingest import MeterEventsIngestInput, MeterEventsIngestPayload, accepted, errors_of
from app.schema.meter_event import EventReceipt, MeterEvent
from app.schema.mutation import Call, mutation
from app.schema.single import single
from app.services import event_corrections

EventId = Annotated[strawberry.ID, strawberry.argument(description="The id that `POST /v0/events` answered.")]


async def _receipt(info: Info[Context, None], event_id: EventId) -> Any:
    return await info.context.loaders.of(receipt_by_event).load(event_id)


@strawberry.type
class EventQueries:
    """What was reported, and what became of it."""

    meter_event: MeterEvent | None = single("An event by its id.", models.MeterEvent)
    meter_events: Connection[MeterEvent] = connection(
        "All events that were counted, or could not be, in the order in which they came.", Relation(models.MeterEvent)
    )
    unmatched_events: Connection[MeterEvent] = connection(
        "The events that count for nothing, or that nobody is billed for; their receipts say why. What fits them later "
        "takes them up.",
        Relation(models.MeterEvent, having=((Condition("reason", is_set), True),)),
    )
    event_receipt: EventReceipt | None = field(
        "What became of an event; null for one that was never received.", resolver=_receipt, access=models.MeterEvent
    )


@strawberry.type
class EventMutations:
    """Reporting usage, and correcting what was reported."""

    @mutation(
        "Report up to 1,000 events, as `POST /v0/events/batch` does: what is answered is on disk.",
        access=Scope.EVENTS_CREATE,
    )
    async def meter_events_ingest(self, call: Call, input: MeterEventsIngestInput) -> MeterEventsIngestPayload:
        return await _ingest(call, input)

    @mutation(
        "Correct an event. A closed period keeps what it billed: the rest is late usage.", access=Scope.BILLING_WRITE
    )
    async def meter_event_amend(self, call: Call, input: MeterEventAmendInput) -> MeterEventAmendPayload:
        await wait_until_counted(call.context.sessions)
        me, draft = call.principal, input.to_draft()
        row: Any = await call.transaction(lambda s: event_corrections.amend_event(s, me, call.now(), draft))
        return MeterEventAmendPayload(meter_event=row)

    @mutation(
        "Withdraw an event. A closed period keeps what it billed: the rest is late usage.", access=Scope.BILLING_WRITE
    )
    async def meter_event_void(self, call: Call, input: MeterEventVoidInput) -> MeterEventVoidPayload:
        await wait_until_counted(call.context.sessions)
        me, event_id, reason = call.principal, input.event_id, input.reason
        row: Any = await call.transaction(lambda s: event_corrections.void_event(s, me, call.now(), event_id, reason))
        return MeterEventVoidPayload(meter_event=row)


async def _ingest(call: Call, input: MeterEventsIngestInput) -> MeterEventsIngestPayload:
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
    return MeterEventsIngestPayload(events=taken, user_errors=errors_of(reads))  # type: ignore[arg-type]
