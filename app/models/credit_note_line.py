"""What a credit note takes of which line."""

from sqlmodel import Field

from app.db import MinorUnits
from app.models.row import EnvironmentRow, belongs_to, index, unique


class CreditNoteLine(EnvironmentRow, table=True):
    """A piece of a line of an invoice: of its amount, and its shares of discounts and tax. Never edited."""

    __tablename__ = "credit_note_line"
    __table_args__ = (
        belongs_to("credit_note_id", "credit_note"),
        belongs_to("invoice_line_id", "invoice_line"),
        unique("credit_note_id", "invoice_line_id"),
        unique("credit_note_id", "position"),
        index("invoice_line_id"),
    )

    credit_note_id: str
    invoice_line_id: str
    position: int
    currency: str
    amount_minor: int = Field(sa_type=MinorUnits)
    discount_minor: int = Field(sa_type=MinorUnits)
    tax_minor: int = Field(sa_type=MinorUnits)
    total_minor: int = Field(sa_type=MinorUnits)
