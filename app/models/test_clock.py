"""Simulated time."""

from datetime import datetime
from typing import ClassVar

from sqlmodel import Field

from app.db import Instant
from app.models.row import EnvironmentRow


class TestClock(EnvironmentRow, table=True):
    """A test clock: simulated time for the customers created on it.

    `advancing_to` is set while an advance runs, `advance_expires_at` (real time) is when a dead one may be resumed.
    """

    __tablename__ = "test_clock"
    __test__: ClassVar[bool] = False  # no test, whatever pytest makes of the name

    name: str
    now: datetime = Field(sa_type=Instant)
    advancing_to: datetime | None = Field(default=None, sa_type=Instant)
    advance_expires_at: datetime | None = Field(default=None, sa_type=Instant)
