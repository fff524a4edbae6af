"""What customers may use."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Field

from app.db import Exact, Instant, JsonColumn
from app.models.row import EnvironmentRow, belongs_to, index, unique


class Entitlement(EnvironmentRow, table=True):
    """That a customer may use a feature while [started_at, ended_at) lasts, by a subscription or by hand.

    Usage periods are counted from `anchor_at` in `timezone`. `first_issue` is what the first one begins with, where
    that is not what the terms issue.
    """

    __table_args__ = (
        unique("subscription_id", "feature_id", "started_at", name="uq_entitlement_provisioned"),
        belongs_to("customer_id", "customer"),
        belongs_to("feature_id", "feature"),
        belongs_to("subscription_id", "subscription"),
        index("customer_id", "feature_id"),
        index("feature_id"),
        index("subscription_id"),
        index("created_at"),
    )

    customer_id: str
    feature_id: str
    subscription_id: str | None = None
    terms: dict[str, Any] = Field(sa_type=JsonColumn)
    started_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    anchor_at: datetime = Field(sa_type=Instant)
    timezone: str
    first_issue: Decimal | None = Field(default=None, sa_type=Exact)
