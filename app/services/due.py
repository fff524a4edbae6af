"""The registry of due work: what has to happen when, whatever noun it concerns (domain.md section 8)."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import insert_if_absent
from app.ids import new_id
from app.models import DueWork, table_of


class DueKind(StrEnum):
    """What can fall due. Of several items at one instant the earlier member goes first."""

    SUBSCRIPTION_BOUNDARY = "SUBSCRIPTION_BOUNDARY"
    INVOICE_CLOSE = "INVOICE_CLOSE"
    SUBSCRIPTION_EXPIRY = "SUBSCRIPTION_EXPIRY"
    INVOICE_OVERDUE = "INVOICE_OVERDUE"


async def schedule(
    session: AsyncSession,
    environment_id: str,
    kind: DueKind,
    subject_id: str,
    due_at: datetime,
    test_clock_id: str | None,
    now: datetime,
) -> None:
    """Note that something falls due for a subject at an instant of its time. Noting it twice is noting it once."""
    row = {
        "environment_id": environment_id,
        "id": new_id("due"),
        "created_at": now,
        "kind": kind,
        "subject_id": subject_id,
        "due_at": due_at,
        "priority": list(DueKind).index(kind),
        "test_clock_id": test_clock_id,
    }
    await insert_if_absent(session, table_of(DueWork), row)
