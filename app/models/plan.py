"""What customers subscribe to."""

from sqlmodel import Field

from app.billing.periods import BillingInterval
from app.db import EnumText
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
