"""The tenant."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from app.db import Instant, JsonColumn


class Merchant(SQLModel, table=True):
    """The tenant: a company that bills its customers."""

    id: str = Field(primary_key=True)
    created_at: datetime = Field(sa_type=Instant)
    name: str
    default_currency: str
    timezone: str
    invoice_number_prefix: str
    grace_seconds: int
    initial_payment_days: int = 7
    address: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn)
    tax_id: str | None = None
    locale: str = "en"
