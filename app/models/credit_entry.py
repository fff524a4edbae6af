"""Money a customer has in hand."""

from sqlalchemy import Index, text
from sqlmodel import Field

from app.billing.lifecycle import CreditKind
from app.db import EnumText, MinorUnits
from app.models.row import EnvironmentRow, belongs_to, index, unique

_CARRIED = text("kind = 'CARRIED'")
_RETURNED = text("kind = 'RETURNED'")


class CreditEntry(EnvironmentRow, table=True):
    """One change of a customer's credit in a currency, never edited. The balance is the sum of the entries.

    What takes credit is negative and names the entry it takes from in `source_id`: APPLIED the invoice that it pays,
    REFUNDED the refund. CREDIT_NOTE names the credit note that brought it.
    """

    __tablename__ = "credit_entry"
    __table_args__ = (
        belongs_to("customer_id", "customer"),
        belongs_to("invoice_id", "invoice"),
        belongs_to("source_id", "credit_entry"),
        belongs_to("credit_note_id", "credit_note"),
        belongs_to("refund_id", "refund"),
        unique("invoice_id", "source_id"),
        unique("credit_note_id"),
        unique("refund_id", "source_id"),
        Index(
            "uq_credit_entry_carried",
            "environment_id",
            "invoice_id",
            unique=True,
            sqlite_where=_CARRIED,
            postgresql_where=_CARRIED,
        ),
        Index(
            "uq_credit_entry_returned",
            "environment_id",
            "invoice_id",
            unique=True,
            sqlite_where=_RETURNED,
            postgresql_where=_RETURNED,
        ),
        index("customer_id"),
        index("source_id"),
        index("created_at"),
    )

    customer_id: str
    currency: str
    kind: CreditKind = Field(sa_type=EnumText(CreditKind))
    amount_minor: int = Field(sa_type=MinorUnits)
    invoice_id: str | None = None
    source_id: str | None = None
    credit_note_id: str | None = None
    refund_id: str | None = None
    note: str | None = None
