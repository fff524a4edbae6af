"""What is taken back of an issued invoice."""

from sqlmodel import Field

from app.db import MinorUnits
from app.models.row import EnvironmentRow, belongs_to, index, unique


class CreditNote(EnvironmentRow, table=True):
    """A reduction of an issued invoice, never edited. Its total is what it took off what was due, and the rest.

    The rest became the customer's credit, or was refunded. `cause` names what wrote it: at most one note of an invoice
    has it. One that a person wrote has none.
    """

    __tablename__ = "credit_note"
    __table_args__ = (
        belongs_to("invoice_id", "invoice"),
        belongs_to("customer_id", "customer"),
        unique("invoice_id", "cause"),
        index("invoice_id"),
        index("customer_id"),
        index("created_at"),
    )

    invoice_id: str
    customer_id: str
    reason: str
    cause: str | None = None
    currency: str
    amount_minor: int = Field(sa_type=MinorUnits)
    discount_minor: int = Field(sa_type=MinorUnits)
    tax_minor: int = Field(sa_type=MinorUnits)
    total_minor: int = Field(sa_type=MinorUnits)
    reduced_due_minor: int = Field(sa_type=MinorUnits)
    to_credit_minor: int = Field(sa_type=MinorUnits)
    refunded_minor: int = Field(sa_type=MinorUnits)
