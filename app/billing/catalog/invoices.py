"""Drafts of what is put into the hands of customers and onto their invoices: credit, and lines typed by hand."""

from dataclasses import dataclass
from decimal import Decimal

from app.billing.catalog.prices import check_currency, check_quantity
from app.billing.decimals import within_bounds
from app.billing.errors import ErrorCode, Problems
from app.billing.text import check_name, check_optional_text


@dataclass(frozen=True, kw_only=True, slots=True)
class CreditDraft:
    """Credit as a user gives it; `amount` is in major units, `currency` None means the merchant's."""

    customer: str
    amount: Decimal
    currency: str | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class InvoiceLineDraft:
    """A line as a user types it onto a draft: a quantity at a unit price in major units, which may be below zero."""

    invoice: str
    description: str
    quantity: Decimal = Decimal(1)
    unit_price: Decimal
    taxable: bool = True


def check_credit(draft: CreditDraft, problems: Problems) -> None:
    """Note every problem of credit that can be seen without its customer, in the order of its fields."""
    if not within_bounds(draft.amount) or draft.amount <= 0:
        message = "Must be above zero, with at most 20 digits before and 18 after the point."
        problems.add(ErrorCode.OUT_OF_RANGE, "amount", message)
    check_currency(problems, "currency", draft.currency)
    check_optional_text(problems, "note", draft.note)


def check_invoice_line(draft: InvoiceLineDraft, problems: Problems) -> None:
    """Note every problem of a line that can be seen without its invoice, in the order of its fields."""
    check_name(problems, "description", draft.description)
    check_quantity(draft.quantity, problems, "quantity")
    if not within_bounds(draft.unit_price):
        message = "Must have at most 20 digits before and 18 after the point."
        problems.add(ErrorCode.OUT_OF_RANGE, "unitPrice", message)
