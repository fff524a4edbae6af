"""The keys that browsers get."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from app.db import Instant
from app.models.row import EnvironmentRow, belongs_to, index


class CustomerToken(EnvironmentRow, table=True):
    """A bearer secret that shows one customer's own data until it expires. Only its hash is stored.

    It ends with the key that made it. `created_at` is real time, as secrets live in no test clock's.
    """

    __tablename__ = "customer_token"
    __table_args__ = (
        UniqueConstraint("secret_hash"),
        belongs_to("customer_id", "customer"),
        index("customer_id"),
        index("expires_at"),
    )

    customer_id: str
    api_key_id: str = Field(foreign_key="api_key.id")
    secret_hash: str
    expires_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
