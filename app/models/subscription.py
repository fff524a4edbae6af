"""Who uses which plan."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field

from app.billing.lifecycle import SubscriptionStatus, TerminationReason, VersionPolicy
from app.billing.periods import BillingInterval
from app.billing.tax import TaxBehavior
from app.db import EnumText, Instant
from app.models.row import EnvironmentRow, belongs_to, index

_LIVE_AND_ALONE = text("status <> 'TERMINATED' AND NOT allow_concurrent")


class Subscription(EnvironmentRow, table=True):
    """Connects one customer to one plan version. Its calendar runs in `timezone` from `anchor_at`.

    What it agreed to holds since `phase_started_at`; `phase_number` counts the SubscriptionPhases before. It is billed
    from the start of its first phase on. `calendar_number` counts the anchors before this one, `period_number` is the
    number of the period that runs now: the row of SubscriptionPeriod with both holds the dates.
    `next_boundary_at` is where the shortest window that runs now ends, None once the subscription ended;
    `last_boundary_at` is the last one that was passed. `change_at` is when the SubscriptionChange to come takes
    effect, `ending_at` when it will end, or ended. Before it is
    billed, as it starts later or is on trial, `phase_started_at` is when that begins, and no boundary is to come.
    """

    __table_args__ = (
        belongs_to("customer_id", "customer"),
        belongs_to("plan_id", "plan"),
        belongs_to("plan_version_id", "plan_version"),
        belongs_to("product_id", "product"),
        index("customer_id"),
        index("plan_id"),
        index("plan_version_id"),
        index("product_id"),
        index("created_at"),
        index("status"),
        Index(
            "uq_subscription_live_product",
            "environment_id",
            "customer_id",
            "product_id",
            unique=True,
            sqlite_where=_LIVE_AND_ALONE,
            postgresql_where=_LIVE_AND_ALONE,
        ),
    )

    customer_id: str
    plan_id: str
    plan_version_id: str
    product_id: str
    status: SubscriptionStatus = Field(sa_type=EnumText(SubscriptionStatus))
    allow_concurrent: bool
    started_at: datetime = Field(sa_type=Instant)
    anchor_at: datetime = Field(sa_type=Instant)
    timezone: str
    billing_interval: BillingInterval = Field(sa_type=EnumText(BillingInterval))
    currency: str
    payment_term_days: int
    tax_behavior: TaxBehavior = Field(default=TaxBehavior.EXCLUSIVE, sa_type=EnumText(TaxBehavior))
    phase_started_at: datetime = Field(sa_type=Instant)
    phase_number: int = 0
    calendar_number: int = 0
    version_policy: VersionPolicy = Field(default=VersionPolicy.PINNED, sa_type=EnumText(VersionPolicy))
    period_number: int
    last_boundary_at: datetime | None = Field(default=None, sa_type=Instant)
    next_boundary_at: datetime | None = Field(default=None, sa_type=Instant)
    trial_ends_at: datetime | None = Field(default=None, sa_type=Instant)
    activated_at: datetime | None = Field(default=None, sa_type=Instant)
    change_at: datetime | None = Field(default=None, sa_type=Instant)
    ending_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    termination_reason: TerminationReason | None = Field(default=None, sa_type=EnumText(TerminationReason))
