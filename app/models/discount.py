"""What is taken off."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from app.db import Exact, Instant, MinorUnits
from app.models.row import EnvironmentRow, belongs_to, index


class Discount(EnvironmentRow, table=True):
    """A percentage or an amount off what a customer pays, or one of its subscriptions, in [starts_at, ends_at)."""

    __table_args__ = (
        belongs_to("customer_id", "customer"),
        belongs_to("subscription_id", "subscription"),
        index("customer_id"),
        index("subscription_id"),
        index("created_at"),
        CheckConstraint("(percentage IS NULL) <> (amount_minor IS NULL)", name="one_kind"),
        CheckConstraint("(amount_minor IS NULL) = (currency IS NULL)", name="amount_in_currency"),
    )

    customer_id: str
    subscription_id: str | None = None
    name: str
    percentage: Decimal | None = Field(default=None, sa_type=Exact)
    amount_minor: int | None = Field(default=None, sa_type=MinorUnits)
    currency: str | None = None
    starts_at: datetime = Field(sa_type=Instant)
    ends_at: datetime | None = Field(default=None, sa_type=Instant)
