"""The receipts of events."""

from collections.abc import Sequence

from app.db import Sessions
from app.loaders.owner import Owner
from app.metering.receipts import EventReceipt, receipts
from app.metering.waiting import wait_until_counted


async def receipt_by_event(sessions: Sessions, owner: Owner, event_ids: Sequence[str]) -> list[EventReceipt | None]:
    """Return what became of each event; None in the place of what is not the owner's."""
    await wait_until_counted(sessions)
    async with sessions.read() as session:
        found = await receipts(session, owner.environment_id, event_ids)
    return [found.get(event_id) for event_id in event_ids]
