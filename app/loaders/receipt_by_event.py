"""The receipts of events."""

from collections.abc import Sequence
from dataclasses import replace

from app.db import Sessions
from app.loaders.owner import Owner
from app.metering.event_log import find_waiting
from app.metering.receipts import EventReceipt, receipt_of_waiting, receipts
from app.metering.waiting import wait_until_counted


async def receipt_by_event(sessions: Sessions, owner: Owner, event_ids: Sequence[str]) -> list[EventReceipt | None]:
    """Return what became of each event; None in the place of what is not the owner's, as no event is a customer's."""
    if owner.customer_id is not None:
        return [None] * len(event_ids)
    counted_up_to = await wait_until_counted(sessions)
    async with sessions.snapshot() as session:
        found = await receipts(session, owner.environment_id, event_ids)
        missing = set(event_ids).difference(found) if counted_up_to else set()
        for event in await find_waiting(session, owner.environment_id, missing) if missing else ():
            found.setdefault(event.id, receipt_of_waiting(event, counted_up_to))
    answers = {event_id: replace(receipt, counted_up_to=counted_up_to) for event_id, receipt in found.items()}
    return [answers.get(event_id) for event_id in event_ids]
