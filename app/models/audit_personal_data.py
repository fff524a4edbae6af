"""What the audit log says of persons."""

from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from app.db import JsonColumn
from app.models.row import belongs_to


class AuditPersonalData(SQLModel, table=True):
    """The personal data of a customer in an audit entry, whose id this row has.

    Entries never change; they hold a mark in the place of such values, which are here until the customer is erased.
    """

    __tablename__ = "audit_personal_data"
    __table_args__ = (
        belongs_to("customer_id", "customer"),
        Index("ix_audit_personal_data_customer", "environment_id", "customer_id", "id"),
    )

    id: str = Field(primary_key=True, foreign_key="audit_entry.id")
    environment_id: str = Field(foreign_key="environment.id")
    customer_id: str
    before: dict[str, Any] = Field(sa_type=JsonColumn)
    after: dict[str, Any] = Field(sa_type=JsonColumn)
