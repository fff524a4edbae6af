"""Why it is owed."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Field

from app.billing.lifecycle import PaymentTerm
from app.db import EnumText, Exact, Instant, JsonColumn, MinorUnits
from app.models.row import EnvironmentRow, belongs_to, index, unique


class InvoiceLine(EnvironmentRow, table=True):
    """One charge. `inputs` and `rules_version` are all that its explanation is derived from."""

    __tablename__ = "invoice_line"
    __table_args__ = (
        belongs_to("invoice_id", "invoice"),
        belongs_to("price_id", "price"),
        unique("invoice_id", "position"),
        index("price_id"),
    )

    invoice_id: str
    position: int
    price_id: str
    description: str
    payment_term: PaymentTerm = Field(sa_type=EnumText(PaymentTerm))
    period_start: datetime = Field(sa_type=Instant)
    period_end: datetime = Field(sa_type=Instant)
    quantity: Decimal = Field(sa_type=Exact)
    currency: str
    amount_minor: int = Field(sa_type=MinorUnits)
    exact_amount: Decimal = Field(sa_type=Exact)
    inputs: dict[str, Any] = Field(sa_type=JsonColumn)
    rules_version: int
