"""The periods of subscriptions."""

from datetime import datetime

from sqlmodel import Field

from app.billing.periods import BillingInterval
from app.db import EnumText, Instant
from app.models.row import EnvironmentRow, belongs_to, unique


class SubscriptionPeriod(EnvironmentRow, table=True):
    """Period `number` of a subscription's calendar at one cadence, `[start_at, end_at)`. Closing marks the row, once.

    `calendar_number` says of which: a change to another interval begins another.
    """

    __tablename__ = "subscription_period"
    __table_args__ = (
        unique("subscription_id", "calendar_number", "cadence", "number", name="uq_subscription_period_number"),
        belongs_to("subscription_id", "subscription"),
    )

    subscription_id: str
    cadence: BillingInterval = Field(sa_type=EnumText(BillingInterval))
    calendar_number: int = 0
    number: int
    start_at: datetime = Field(sa_type=Instant)
    end_at: datetime = Field(sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
