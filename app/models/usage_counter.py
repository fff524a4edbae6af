"""What was used, added up."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Index, Text, literal_column, text
from sqlmodel import Field, SQLModel

from app.db import EnumText, Exact, Instant
from app.models.meter_event import NumberColumn

_OPEN = text("closed_at IS NULL AND kind = 'PERIOD'")


def is_open_period(counters: Any) -> ColumnElement[bool]:
    """Return the condition that a counter is of a period and takes what is counted, given its columns.

    It is the condition of an index, which SQLite takes only where the words of a statement say it, and no parameter.
    """
    open_period: ColumnElement[bool] = counters.closed_at.is_(None) & (counters.kind == literal_column("'PERIOD'"))
    return open_period


class CounterKind(StrEnum):
    """What a counter adds up: what a price charges in a period, or what a customer used on a day."""

    PERIOD = "PERIOD"
    DAY = "DAY"


class UsageCounter(SQLModel, table=True):
    """What a customer used of a metric in [start_at, end_at): all that each aggregation needs of any number of events.

    A PERIOD is a window of one price of one subscription; where no subscription bills the events it is a month in UTC
    without either. Once it is closed it never changes, and what comes later is added up in the next `round`.
    A DAY is one in UTC; it has a counter for each combination of the metric's dimensions, a JSON list of their values.
    `key` names what is added up, and is what makes a counter unique. There are no foreign keys, as counting must not
    wait for those who hold a subscription; all of it can be made again from the events.
    """

    __tablename__ = "usage_counter"
    __table_args__ = (
        Index("ix_usage_counter_days", "environment_id", "billable_metric_id", "kind", "start_at"),
        Index(
            "ix_usage_counter_open",
            "environment_id",
            "customer_id",
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=NumberColumn)
    key: str = Field(unique=True)
    kind: CounterKind = Field(sa_type=EnumText(CounterKind))
    environment_id: str
    customer_id: str
    billable_metric_id: str
    subscription_id: str | None = None
    price_id: str | None = None
    start_at: datetime = Field(sa_type=Instant)
    end_at: datetime = Field(sa_type=Instant)
    round: int = 0
    dimensions: str | None = Field(default=None, sa_type=Text)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    event_count: int = Field(default=0, sa_type=NumberColumn)
    total: Decimal = Field(default=Decimal(0), sa_type=Exact)
    minimum: Decimal | None = Field(default=None, sa_type=Exact)
    maximum: Decimal | None = Field(default=None, sa_type=Exact)
    latest: Decimal | None = Field(default=None, sa_type=Exact)
    latest_at: datetime | None = Field(default=None, sa_type=Instant)
    latest_event_id: str | None = None
    distinct_count: int = Field(default=0, sa_type=NumberColumn)
