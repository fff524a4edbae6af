"""The versions of plans."""

from datetime import datetime

from sqlmodel import Field

from app.db import Instant
from app.models.row import EnvironmentRow, belongs_to, unique


class PlanVersion(EnvironmentRow, table=True):
    """The prices a plan had at one time; a published version never changes."""

    __tablename__ = "plan_version"
    __table_args__ = (unique("plan_id", "number"), belongs_to("plan_id", "plan"))

    plan_id: str
    number: int
    published_at: datetime | None = Field(default=None, sa_type=Instant)
