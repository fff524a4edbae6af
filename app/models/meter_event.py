"""Events as they came."""

from datetime import datetime

from sqlalchemy import Index, Text, text
from sqlmodel import Field

from app.db import Instant
from app.models.row import EnvironmentRow, index

_NAMED = text("external_id IS NOT NULL")


class MeterEvent(EnvironmentRow, table=True):
    """One reported fact of usage. `created_at` is when it was received; `data` is the JSON text as it came.

    The id is derived from the environment and the idempotency key, so the primary key is what counts an event once.
    """

    __tablename__ = "meter_event"
    __table_args__ = (
        Index("ix_meter_event_subject", "environment_id", "type", "subject", "timestamp"),
        Index("ix_meter_event_external_subject", "environment_id", "type", "external_subject", "timestamp"),
        index("timestamp"),
        # Partial, as an event without an external id then costs nothing more.
        Index(
            "ix_meter_event_external_id",
            "environment_id",
            "external_id",
            "id",
            sqlite_where=_NAMED,
            postgresql_where=_NAMED,
        ),
    )

    type: str
    source: str
    subject: str | None = None
    external_subject: str | None = None
    external_id: str | None = None
    idempotency_key: str
    timestamp: datetime = Field(sa_type=Instant)
    timestamp_given: bool
    data: str = Field(sa_type=Text)
    content_hash: str
