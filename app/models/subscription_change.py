"""How subscriptions change."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field

from app.billing.lifecycle import ChangeStatus
from app.billing.periods import BillingInterval
from app.db import EnumText, Instant, JsonColumn
from app.models.row import EnvironmentRow, belongs_to, index

_SCHEDULED = text("status = 'SCHEDULED'")


class SubscriptionChange(EnvironmentRow, table=True):
    """That a subscription agrees to other terms from `effective_at` on. At most one of it is still to come.

    One that `pins` leads to another version than the default, and the subscription stays there. `quantities` are all
    those of fees that it then has of its own, by the ids of their prices, as plain decimals.
    """

    __tablename__ = "subscription_change"
    __table_args__ = (
        belongs_to("subscription_id", "subscription"),
        belongs_to("plan_id", "plan"),
        belongs_to("plan_version_id", "plan_version"),
        belongs_to("former_plan_version_id", "plan_version"),
        belongs_to("invoice_id", "invoice"),
        index("subscription_id"),
        index("created_at"),
        index("effective_at"),
        Index(
            "uq_subscription_change_scheduled",
            "environment_id",
            "subscription_id",
            unique=True,
            sqlite_where=_SCHEDULED,
            postgresql_where=_SCHEDULED,
        ),
    )

    subscription_id: str
    status: ChangeStatus = Field(sa_type=EnumText(ChangeStatus))
    effective_at: datetime = Field(sa_type=Instant)
    plan_id: str
    plan_version_id: str
    former_plan_version_id: str
    billing_interval: BillingInterval = Field(sa_type=EnumText(BillingInterval))
    quantities: dict[str, Any] = Field(sa_type=JsonColumn)
    pins: bool = False
    invoice_id: str | None = None
