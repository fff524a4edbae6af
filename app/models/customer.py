"""Who is billed."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Field

from app.db import Exact, Instant, JsonColumn
from app.models.row import EnvironmentRow, belongs_to, index, unique


class Customer(EnvironmentRow, table=True):
    """An organization the merchant bills. `tax_exemption` says why it is not taxed, whatever the rate.

    `erased_at`, in real time, is when its personal data was erased for good.
    """

    __table_args__ = (
        unique("external_id"),
        belongs_to("test_clock_id", "test_clock"),
        index("test_clock_id"),
        index("created_at"),
        index("email"),
    )

    external_id: str | None = None
    name: str
    email: str | None = None
    address: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn)
    tax_id: str | None = None
    locale: str | None = None
    details: dict[str, str] = Field(sa_type=JsonColumn)
    test_clock_id: str | None = None
    tax_rate: Decimal | None = Field(default=None, sa_type=Exact)
    tax_exemption: str | None = None
    erased_at: datetime | None = Field(default=None, sa_type=Instant)
