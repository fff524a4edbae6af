"""Where acknowledged events wait to be counted."""

from datetime import datetime

from sqlalchemy import BigInteger, Integer, LargeBinary
from sqlmodel import Field, SQLModel

from app.db import Instant


class EventInbox(SQLModel, table=True):
    """The events of one group of requests, as `metering.event_log` wrote them; the row is gone once they are counted.

    Ids are never used again, so that a reader can wait for all up to one. An event that could not be counted is set
    aside, alone, with the reason, so that the others go on; without the reason it is tried again.
    """

    __tablename__ = "event_inbox"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(
        default=None,
        primary_key=True,
        sa_type=BigInteger().with_variant(Integer(), "sqlite"),
    )
    received_at: datetime = Field(sa_type=Instant)
    event_count: int
    events: bytes = Field(sa_type=LargeBinary)
    set_aside_because: str | None = None
