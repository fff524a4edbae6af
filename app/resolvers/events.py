"""Root fields of events."""

from typing import Annotated, Any

import strawberry
from strawberry import Info

from app import models
from app.context import Context
from app.loaders.pages import Relation
from app.loaders.receipt_by_event import receipt_by_event
from app.schema.connections import Connection, connection
from app.schema.declarations import field
from app.schema.meter_event import EventReceipt, MeterEvent
from app.schema.single import single

EventId = Annotated[strawberry.ID, strawberry.argument(description="The id that `POST /v0/events` answered.")]


async def _receipt(info: Info[Context, None], event_id: EventId) -> Any:
    return await info.context.loaders.of(receipt_by_event).load(event_id)


@strawberry.type
class EventQueries:
    """What was reported, and what became of it."""

    meter_event: MeterEvent | None = single("An event by its id.", models.MeterEvent)
    meter_events: Connection[MeterEvent] = connection(
        "All events, in the order of their ids, which is not that of their arrival.", Relation(models.MeterEvent)
    )
    event_receipt: EventReceipt | None = field(
        "What became of an event; null for one that was never received.", resolver=_receipt, access=models.MeterEvent
    )
