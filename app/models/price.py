"""What a metric or a fee costs."""

from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from app.billing.cadences import Cadence
from app.billing.lifecycle import PaymentTerm
from app.db import EnumText, Exact, JsonColumn
from app.models.row import CatalogRow, belongs_to, index, unique


class Price(CatalogRow, table=True):
    """A pricing model attached to exactly one metric or one fee.

    `filter` holds the conditions of `billing.filters`, `cadence` None means the interval of the plan.
    """

    __table_args__ = (
        unique("key"),
        belongs_to("product_id", "product"),
        belongs_to("billable_metric_id", "billable_metric"),
        belongs_to("fee_id", "fee"),
        index("billable_metric_id"),
        index("fee_id"),
        index("product_id"),
        CheckConstraint("(billable_metric_id IS NULL) <> (fee_id IS NULL)", name="one_target"),
    )

    product_id: str
    billable_metric_id: str | None = None
    fee_id: str | None = None
    invoice_display_name: str
    payment_term: PaymentTerm = Field(sa_type=EnumText(PaymentTerm))
    currency: str
    pricing: dict[str, Any] = Field(sa_type=JsonColumn)
    quantity: Decimal | None = Field(default=None, sa_type=Exact)
    filter: list[dict[str, Any]] = Field(default_factory=list, sa_type=JsonColumn)
    cadence: Cadence | None = Field(default=None, sa_type=EnumText(Cadence))
    is_obligation: bool = False
    period_minimum: Decimal | None = Field(default=None, sa_type=Exact)
    period_maximum: Decimal | None = Field(default=None, sa_type=Exact)
