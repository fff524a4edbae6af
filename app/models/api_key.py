"""The keys to the API."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from app.db import Instant, JsonColumn


class ApiKey(SQLModel, table=True):
    """A bearer secret of a merchant, valid in both environments. Only its hash is stored.

    `replaced_by_id` is the key that takes its place: this one then expires.
    """

    __tablename__ = "api_key"

    id: str = Field(primary_key=True)
    created_at: datetime = Field(sa_type=Instant)
    merchant_id: str = Field(foreign_key="merchant.id", index=True)
    name: str
    secret_hash: str = Field(unique=True)
    hint: str
    scopes: list[str] = Field(sa_type=JsonColumn)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    last_used_at: datetime | None = Field(default=None, sa_type=Instant)
    replaced_by_id: str | None = Field(default=None, foreign_key="api_key.id")
