"""Events put into the database as the counting of acknowledged ones does, in the transaction of a test."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions
from app.metering.codec import decode_event
from app.metering.counting import count_received
from app.metering.drain import drain_once
from app.metering.jobs import work_off_jobs
from app.metering.received import ReceivedEvent, identify


async def store(
    session: AsyncSession, environment_id: str, sent: bytes | Mapping[str, Any], now: datetime
) -> ReceivedEvent:
    """Read, store and count one event as it would be sent; return what was acknowledged."""
    body = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    received = identify(environment_id, decode_event(body), now)
    await count_received(session, [received], now)
    return received


async def catch_up(sessions: Sessions) -> None:
    """Count all that waits, however long it takes."""
    while await drain_once(sessions) or await work_off_jobs(sessions):
        pass
