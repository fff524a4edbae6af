"""What counts an event once."""

from sqlmodel import Field, SQLModel

from app.models.meter_event import NumberColumn


class EventKey(SQLModel, table=True):
    """The id of an event that was counted, and its number. Narrow, as its random order is what ingest costs most.

    The id is derived from the environment and the idempotency key, so this is the one home of uniqueness.
    """

    __tablename__ = "event_key"
    __table_args__ = {"sqlite_with_rowid": False}

    id: str = Field(primary_key=True)
    number: int = Field(sa_type=NumberColumn)
