"""Units that are given to customers."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Field

from app.billing.entitlements import DEFAULT_PRIORITY
from app.billing.periods import BillingInterval
from app.db import EnumText, Exact, Instant, JsonColumn
from app.models.row import EnvironmentRow, belongs_to, index


class Grant(EnvironmentRow, table=True):
    """Units under an entitlement from `effective_at` on, until they expire or are voided; again at each recurrence.

    Those that were bought have `invoice_id`, and no `effective_at` before that is paid.
    """

    __tablename__ = "entitlement_grant"
    __table_args__ = (
        belongs_to("entitlement_id", "entitlement"),
        belongs_to("invoice_id", "invoice"),
        index("entitlement_id"),
        index("invoice_id"),
        index("created_at"),
    )

    entitlement_id: str
    amount: Decimal = Field(sa_type=Exact)
    priority: int = DEFAULT_PRIORITY
    effective_at: datetime | None = Field(default=None, sa_type=Instant)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    recurrence: BillingInterval | None = Field(default=None, sa_type=EnumText(BillingInterval))
    voided_at: datetime | None = Field(default=None, sa_type=Instant)
    invoice_id: str | None = None
    details: dict[str, Any] = Field(sa_type=JsonColumn)
