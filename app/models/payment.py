"""Money received."""

from sqlmodel import Field

from app.db import MinorUnits
from app.models.row import EnvironmentRow, belongs_to, index


class Payment(EnvironmentRow, table=True):
    """Money received against an invoice. `refunded_minor` is what was given back of it, never more than all."""

    __table_args__ = (
        belongs_to("invoice_id", "invoice"),
        belongs_to("customer_id", "customer"),
        index("invoice_id"),
        index("customer_id"),
        index("created_at"),
    )

    invoice_id: str
    customer_id: str
    amount_minor: int = Field(sa_type=MinorUnits)
    refunded_minor: int = Field(default=0, sa_type=MinorUnits)
    currency: str
    method: str
    reference: str | None = None
