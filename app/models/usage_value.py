"""The values that were told apart."""

from sqlmodel import Field, SQLModel

from app.models.meter_event import NumberColumn


class UsageValue(SQLModel, table=True):
    """A value that a UNIQUE_COUNT metric found in the events of a PERIOD counter: each once."""

    __tablename__ = "usage_value"
    __table_args__ = {"sqlite_with_rowid": False}

    usage_counter_id: int = Field(primary_key=True, sa_type=NumberColumn, sa_column_kwargs={"autoincrement": False})
    value: str = Field(primary_key=True)
