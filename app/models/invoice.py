"""What is owed."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field

from app.billing.invoicing import Series
from app.billing.lifecycle import InvoiceReason, InvoiceStatus
from app.billing.tax import TaxBehavior
from app.db import EnumText, Instant, JsonColumn, MinorUnits
from app.models.row import EnvironmentRow, belongs_to, index, unique

_NOT_VOID = text("status <> 'VOID'")


class Invoice(EnvironmentRow, table=True):
    """What a customer owes. `cause` names the one thing it bills: at most one invoice that is not void has it.

    `boundary_at` is the boundary whose windows it closes. `summary` holds what each discount and tax rate came to.
    `credited_minor` is what credit notes took off what was due.
    """

    __table_args__ = (
        belongs_to("customer_id", "customer"),
        belongs_to("subscription_id", "subscription"),
        unique("number"),
        index("customer_id"),
        index("subscription_id"),
        index("created_at"),
        index("issued_at"),
        index("status"),
        Index(
            "uq_invoice_cause",
            "environment_id",
            "reason",
            "cause",
            unique=True,
            sqlite_where=_NOT_VOID,
            postgresql_where=_NOT_VOID,
        ),
    )

    customer_id: str
    subscription_id: str
    reason: InvoiceReason = Field(sa_type=EnumText(InvoiceReason))
    cause: str
    status: InvoiceStatus = Field(sa_type=EnumText(InvoiceStatus))
    series: Series = Field(sa_type=EnumText(Series))
    number: str | None = None
    currency: str
    billed_to: dict[str, Any] = Field(sa_type=JsonColumn)
    billed_from: dict[str, Any] = Field(sa_type=JsonColumn)
    tax_behavior: TaxBehavior = Field(default=TaxBehavior.EXCLUSIVE, sa_type=EnumText(TaxBehavior))
    subtotal_minor: int = Field(sa_type=MinorUnits)
    discount_minor: int = Field(default=0, sa_type=MinorUnits)
    tax_minor: int = Field(sa_type=MinorUnits)
    carried_to_credit_minor: int = Field(default=0, sa_type=MinorUnits)
    total_minor: int = Field(sa_type=MinorUnits)
    credit_applied_minor: int = Field(default=0, sa_type=MinorUnits)
    credited_minor: int = Field(default=0, sa_type=MinorUnits)
    paid_minor: int = Field(sa_type=MinorUnits)
    summary: dict[str, Any] = Field(default_factory=dict, sa_type=JsonColumn)
    boundary_at: datetime | None = Field(default=None, sa_type=Instant)
    issued_at: datetime | None = Field(default=None, sa_type=Instant)
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    paid_at: datetime | None = Field(default=None, sa_type=Instant)

    @property
    def due_minor(self) -> int:
        """Minor units still to pay: nothing of an invoice that is void."""
        return 0 if self.status is InvoiceStatus.VOID else self.unpaid_minor

    @property
    def unpaid_minor(self) -> int:
        """Minor units of the total that neither credit, nor a credit note, nor a payment covers."""
        return self.total_minor - self.credit_applied_minor - self.credited_minor - self.paid_minor
