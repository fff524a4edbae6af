"""The tenant."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from app.db import Instant


class Merchant(SQLModel, table=True):
    """The tenant: a company that bills its customers."""

    id: str = Field(primary_key=True)
    created_at: datetime = Field(sa_type=Instant)
    name: str
    default_currency: str
    timezone: str
    invoice_number_prefix: str
    grace_seconds: int
