"""The periods of subscriptions."""

from datetime import datetime

from sqlmodel import Field

from app.billing.periods import BillingInterval
from app.db import EnumText, Instant
from app.models.row import EnvironmentRow, belongs_to, unique


class SubscriptionPeriod(EnvironmentRow, table=True):
    """Period `number` of a subscription at one cadence, `[start_at, end_at)`. Closing it marks the row, once."""

    __tablename__ = "subscription_period"
    __table_args__ = (
        unique("subscription_id", "cadence", "number"),
        belongs_to("subscription_id", "subscription"),
    )

    subscription_id: str
    cadence: BillingInterval = Field(sa_type=EnumText(BillingInterval))
    number: int
    start_at: datetime = Field(sa_type=Instant)
    end_at: datetime = Field(sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
