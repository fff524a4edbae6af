"""Who changed what."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from app.db import Instant, JsonColumn


class AuditEntry(SQLModel, table=True):
    """Who changed what and when, from what to what. Written in the transaction of the change, and never edited.

    Personal data of customers is in AuditPersonalData, so that it can be erased.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        CheckConstraint("(environment_id IS NULL) <> (merchant_id IS NULL)", name="one_owner"),
        Index("ix_audit_entry_environment", "environment_id", "id"),
        Index("ix_audit_entry_merchant", "merchant_id", "id"),
        Index("ix_audit_entry_subject", "environment_id", "subject_id", "id"),
        Index("ix_audit_entry_at", "environment_id", "at", "id"),
    )

    id: str = Field(primary_key=True)
    environment_id: str | None = Field(default=None, foreign_key="environment.id")
    merchant_id: str | None = Field(default=None, foreign_key="merchant.id")
    at: datetime = Field(sa_type=Instant)
    actor: str
    change: str
    noun: str
    subject_id: str
    before: dict[str, Any] = Field(sa_type=JsonColumn)
    after: dict[str, Any] = Field(sa_type=JsonColumn)
