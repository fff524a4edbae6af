"""Money given back."""

from sqlmodel import Field

from app.db import MinorUnits
from app.models.row import EnvironmentRow, belongs_to, index, unique


class Refund(EnvironmentRow, table=True):
    """Money of a payment that was given back, for a credit note or out of the customer's credit. Never edited."""

    __table_args__ = (
        belongs_to("payment_id", "payment"),
        belongs_to("customer_id", "customer"),
        belongs_to("credit_note_id", "credit_note"),
        unique("credit_note_id", "payment_id"),
        index("payment_id"),
        index("customer_id"),
        index("created_at"),
    )

    payment_id: str
    customer_id: str
    credit_note_id: str | None = None
    amount_minor: int = Field(sa_type=MinorUnits)
    currency: str
    reason: str
    reference: str | None = None
