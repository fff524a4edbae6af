"""What subscriptions had agreed to before they changed."""

from datetime import datetime
from typing import Any

from sqlmodel import Field

from app.billing.periods import BillingInterval
from app.db import EnumText, Instant, JsonColumn
from app.models.row import EnvironmentRow, belongs_to, index, unique


class SubscriptionPhase(EnvironmentRow, table=True):
    """What a subscription had agreed to in `[start_at, end_at)`, until a change. Phases are numbered from 0.

    `quantities` are of fees by the ids of their prices, as plain decimals. `calendar_number` counts the anchors before.
    """

    __tablename__ = "subscription_phase"
    __table_args__ = (
        unique("subscription_id", "number"),
        belongs_to("subscription_id", "subscription"),
        belongs_to("plan_version_id", "plan_version"),
        index("plan_version_id"),
    )

    subscription_id: str
    number: int
    plan_version_id: str
    billing_interval: BillingInterval = Field(sa_type=EnumText(BillingInterval))
    anchor_at: datetime = Field(sa_type=Instant)
    calendar_number: int = 0
    start_at: datetime = Field(sa_type=Instant)
    end_at: datetime = Field(sa_type=Instant)
    quantities: dict[str, Any] = Field(sa_type=JsonColumn)
