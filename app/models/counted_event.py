"""Which events were counted, and in which period."""

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from app.models.meter_event import NumberColumn


class CountedEvent(SQLModel, table=True):
    """That a metric counted an event, once for each of its revisions, and the PERIOD counter that it was added to.

    `is_withdrawal` marks the correction of an event of a closed period: what was counted there is no longer so.
    """

    __tablename__ = "counted_event"
    __table_args__ = (
        Index("ix_counted_event_counter", "usage_counter_id", "event_number"),
        {"sqlite_with_rowid": False},
    )

    event_number: int = Field(primary_key=True, sa_type=NumberColumn, sa_column_kwargs={"autoincrement": False})
    billable_metric_id: str = Field(primary_key=True)
    revision: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    is_withdrawal: bool = Field(primary_key=True)
    usage_counter_id: int = Field(sa_type=NumberColumn)
