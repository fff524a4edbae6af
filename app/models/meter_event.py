"""Events as they came."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, Text, text
from sqlmodel import Field, SQLModel

from app.billing.extraction import UncountedReason
from app.db import EnumText, Instant

#: A row's number, in the order of receipt. SQLite's own key of a row is an INTEGER and nothing else.
NumberColumn = BigInteger().with_variant(Integer(), "sqlite")
_NAMED = text("external_id IS NOT NULL")
_UNMATCHED = text("reason IS NOT NULL")
_UNKNOWN = text("customer_id IS NULL")


class MeterEvent(SQLModel, table=True):
    """One reported fact of usage. `created_at` is when it was received; `data` is the JSON text as it came.

    Rows are appended in the order of receipt, by `number`; on PostgreSQL its high digits are the month of receipt, by
    which the table is partitioned. The id is unique by EventKey, which leads from it to the number. The customer is
    who the event was resolved to when it was counted. `reason` says why it counts for nothing, or nobody is billed.
    What an amendment changed is in the row; what stood there before, in MeterEventRevision.
    """

    __tablename__ = "meter_event"
    __table_args__ = (
        Index("ix_meter_event_number", "environment_id", "number"),
        Index("ix_meter_event_customer", "customer_id", "type", "timestamp"),
        Index("ix_meter_event_timestamp", "environment_id", "timestamp", "number"),
        # Partial, as most events are not in them and then cost nothing more.
        Index(
            "ix_meter_event_external_id",
            "environment_id",
            "external_id",
            "number",
            sqlite_where=_NAMED,
            postgresql_where=_NAMED,
        ),
        Index(
            "ix_meter_event_reason",
            "environment_id",
            "number",
            sqlite_where=_UNMATCHED,
            postgresql_where=_UNMATCHED,
        ),
        Index(
            "ix_meter_event_unknown",
            "environment_id",
            "external_subject",
            "subject",
            "number",
            sqlite_where=_UNKNOWN,
            postgresql_where=_UNKNOWN,
        ),
        {"postgresql_partition_by": "RANGE (number)"},
    )

    number: int = Field(primary_key=True, sa_type=NumberColumn, sa_column_kwargs={"autoincrement": False})
    environment_id: str
    id: str
    created_at: datetime = Field(sa_type=Instant)
    type: str
    source: str
    subject: str | None = None
    external_subject: str | None = None
    external_id: str | None = None
    idempotency_key: str
    timestamp: datetime = Field(sa_type=Instant)
    timestamp_given: bool
    data: str = Field(sa_type=Text)
    customer_id: str | None = None
    reason: UncountedReason | None = Field(default=None, sa_type=EnumText(UncountedReason))
    revision: int = 0
    voided: bool = False
