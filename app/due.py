"""The registry of due work: what has to happen when, whatever noun it concerns (domain.md section 8)."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import insert_all_absent
from app.ids import new_id
from app.models import DueWork, table_of


class DueKind(StrEnum):
    """What can fall due. Of several items at one instant the earlier member goes first."""

    SUBSCRIPTION_BOUNDARY = "SUBSCRIPTION_BOUNDARY"
    INVOICE_CLOSE = "INVOICE_CLOSE"
    SUBSCRIPTION_EXPIRY = "SUBSCRIPTION_EXPIRY"
    INVOICE_OVERDUE = "INVOICE_OVERDUE"
    SUPPLEMENT = "SUPPLEMENT"
    SUBSCRIPTION_START = "SUBSCRIPTION_START"


class Due(NamedTuple):
    """That something falls due for a subject at an instant of its time: real, or that of a test clock."""

    kind: DueKind
    subject_id: str
    due_at: datetime
    test_clock_id: str | None


async def schedule(session: AsyncSession, environment_id: str, due: Iterable[Due], now: datetime) -> None:
    """Note what falls due. Noting it twice is noting it once."""
    rows = [
        {
            "environment_id": environment_id,
            "id": new_id("due"),
            "created_at": now,
            "kind": one.kind,
            "subject_id": one.subject_id,
            "due_at": one.due_at,
            "priority": _PRIORITIES[one.kind],
            "test_clock_id": one.test_clock_id,
        }
        for one in due
    ]
    await insert_all_absent(session, table_of(DueWork), rows)


_PRIORITIES = {kind: place for place, kind in enumerate(DueKind)}
