"""What customers subscribe to."""

from typing import Any

from sqlmodel import Field

from app.billing.periods import BillingInterval
from app.billing.tax import TaxBehavior
from app.db import EnumText, JsonColumn
from app.models.row import CatalogRow, belongs_to, index, unique


class Plan(CatalogRow, table=True):
    """A subscribable bundle of prices. Its default version is the one with `default_number`."""

    __table_args__ = (unique("key"), belongs_to("product_id", "product"), index("product_id"))

    product_id: str
    name: str
    description: str | None = None
    billing_interval: BillingInterval = Field(sa_type=EnumText(BillingInterval))
    currency: str
    billing_version: int
    default_number: int
    billing_anchor: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn)
    tax_behavior: TaxBehavior = Field(default=TaxBehavior.EXCLUSIVE, sa_type=EnumText(TaxBehavior))
