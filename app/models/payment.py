"""Money received."""

from sqlmodel import Field

from app.db import MinorUnits
from app.models.row import EnvironmentRow, belongs_to, index


class Payment(EnvironmentRow, table=True):
    """Money received against an invoice."""

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
    currency: str
    method: str
    reference: str | None = None
