"""What has to happen when."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from app.db import Instant
from app.models.row import EnvironmentRow, belongs_to, unique


class DueWork(EnvironmentRow, table=True):
    """Something that has to happen at an instant: the one registry of due work. Done means deleted.

    `test_clock_id` says whose time counts; null is real time. A failed item is parked with its error.
    """

    __tablename__ = "due_work"
    __table_args__ = (
        unique("kind", "subject_id", "due_at"),
        belongs_to("test_clock_id", "test_clock"),
        Index("ix_due_work_order", "environment_id", "test_clock_id", "due_at", "priority", "id"),
        Index("ix_due_work_real_time", "test_clock_id", "due_at", "priority", "id"),
    )

    kind: str
    subject_id: str
    due_at: datetime = Field(sa_type=Instant)
    priority: int
    test_clock_id: str | None = None
    parked_at: datetime | None = Field(default=None, sa_type=Instant)
    parked_because: str | None = None
