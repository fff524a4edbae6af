"""Customers whose personal data was erased."""

from app import models
from app.billing.errors import ErrorCode, Problems


def refuse_erased(problems: Problems, field: str, customer: models.Customer | None) -> None:
    """Note if a customer is erased: its row takes no change, and nobody sells it anything. What it has is settled."""
    if customer is not None and customer.erased_at is not None:
        message = "the customer's personal data was erased: create a customer anew"
        problems.add(ErrorCode.CUSTOMER_ERASED, field, message)
