"""Counting again, where something that is new fits events that are stored."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field

from app.db import EnumText, Instant
from app.models.meter_event import NumberColumn
from app.models.row import EnvironmentRow


class UsageJobKind(StrEnum):
    """What is new: a metric, a customer (or its externalId), or a subscription.

    DAYS adds up the days of events that a migration moved; its subject is the environment.
    """

    METRIC = "METRIC"
    CUSTOMER = "CUSTOMER"
    SUBSCRIPTION = "SUBSCRIPTION"
    DAYS = "DAYS"


class UsageJobState(StrEnum):
    """How far a job is: not begun, at it, at its end, or given up with a reason for people to look at."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class UsageJob(EnvironmentRow, table=True):
    """Events up to `until_number` are counted anew for a subject; those up to `done_number` are done."""

    __tablename__ = "usage_job"
    __table_args__ = (
        Index("ix_usage_job_state", "state", "created_at", "id"),
        Index("ix_usage_job_subject", "environment_id", "subject_id"),
    )

    kind: UsageJobKind = Field(sa_type=EnumText(UsageJobKind))
    subject_id: str
    state: UsageJobState = Field(default=UsageJobState.WAITING, sa_type=EnumText(UsageJobState))
    until_number: int | None = Field(default=None, sa_type=NumberColumn)
    done_number: int = Field(default=-1, sa_type=NumberColumn)
    counted_up_to: datetime | None = Field(default=None, sa_type=Instant)
    failed_because: str | None = None
