"""Root fields of events."""

from typing import Annotated, Any

import strawberry
from strawberry import Info

from app import models
from app.billing.access import Scope
from app.context import Context
from app.loaders.conditions import Condition, is_set
from app.loaders.pages import Relation
from app.loaders.receipt_by_event import receipt_by_event
from app.metering.waiting import wait_until_counted
from app.schema.connections import Connection, connection
from app.schema.declarations import field
from app.schema.event_corrections import (
    MeterEventAmendInput,
    MeterEventAmendPayload,
    MeterEventVoidInput,
    MeterEventVoidPayload,
)
from app.schema.event_ingest import MeterEventsIngestInput, MeterEventsIngestPayload, ingest_events
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
        return await ingest_events(call, input)

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
