"""What events said before they were corrected."""

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field

from app.db import Instant
from app.models.row import EnvironmentRow, index


class MeterEventRevision(EnvironmentRow, table=True):
    """Revision `number` of an event, kept when another took its place: for `reason`, by the key `author`.

    `created_at` is when it was replaced. What the event says now is in MeterEvent.
    """

    __tablename__ = "meter_event_revision"
    __table_args__ = (index("event_id", "number"),)

    event_id: str
    number: int
    timestamp: datetime = Field(sa_type=Instant)
    data: str = Field(sa_type=Text)
    reason: str
    author: str
