"""Why it is owed."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from app.billing.lifecycle import PaymentTerm
from app.db import EnumText, Exact, Instant, JsonColumn, MinorUnits
from app.models.meter_event import NumberColumn
from app.models.row import EnvironmentRow, belongs_to, index, unique


class InvoiceLine(EnvironmentRow, table=True):
    """One charge, or one line typed by hand: that has no price.

    `inputs`, `adjustments` and `rules_version` are all that its explanation is derived from. `metering` is how its
    events are found and read, copied when the line was made; None where nothing is measured. `usage_counter_id` is the
    counter that a closed period was billed from. `corrects_line_id` is the first line of a period that is billed again,
    as usage of it came late: then the amount is the difference. `covers_line_id` is a line of the same invoice of which
    some units are not billed: then the amount is what is taken off for them.
    """

    __tablename__ = "invoice_line"
    __table_args__ = (
        belongs_to("invoice_id", "invoice"),
        belongs_to("price_id", "price"),
        belongs_to("corrects_line_id", "invoice_line"),
        belongs_to("covers_line_id", "invoice_line"),
        unique("invoice_id", "position"),
        index("price_id"),
        index("corrects_line_id"),
        index("covers_line_id"),
        Index("ix_invoice_line_usage_counter", "usage_counter_id"),
    )

    invoice_id: str
    position: int
    price_id: str | None = None
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
    adjustments: dict[str, Any] = Field(default_factory=dict, sa_type=JsonColumn)
    metering: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn)
    usage_counter_id: int | None = Field(default=None, sa_type=NumberColumn)
    taxable: bool = True
    corrects_line_id: str | None = None
    covers_line_id: str | None = None
