"""What was decided about an issued invoice."""

from sqlmodel import Field

from app.billing.lifecycle import InvoiceDecisionKind
from app.db import EnumText, MinorUnits
from app.models.row import EnvironmentRow, belongs_to, index


class InvoiceDecision(EnvironmentRow, table=True):
    """That an invoice is void, written off, or expected to be paid after all, and why. Never edited.

    `amount_minor` is what is no longer owed, or owed again.
    """

    __tablename__ = "invoice_decision"
    __table_args__ = (
        belongs_to("invoice_id", "invoice"),
        belongs_to("customer_id", "customer"),
        index("invoice_id"),
        index("customer_id"),
    )

    invoice_id: str
    customer_id: str
    kind: InvoiceDecisionKind = Field(sa_type=EnumText(InvoiceDecisionKind))
    reason: str
    currency: str
    amount_minor: int = Field(sa_type=MinorUnits)
