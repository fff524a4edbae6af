"""Drafts of discounts."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.billing.catalog.prices import check_currency
from app.billing.decimals import within_bounds
from app.billing.errors import ErrorCode, Problems
from app.billing.text import check_name


@dataclass(frozen=True, kw_only=True, slots=True)
class DiscountDraft:
    """A discount as a user wants it: a share of 1, or an amount in major units, off every invoice it takes from.

    `currency` None means that of the subscription, or the merchant's. `starts_at` None means now, `ends_at` never.
    """

    name: str
    percentage: Decimal | None = None
    amount: Decimal | None = None
    currency: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def check_discount(draft: DiscountDraft, problems: Problems) -> None:
    """Note every problem of a discount that can be seen without whom it is for, in the order of its fields."""
    check_name(problems, "name", draft.name)
    percentage, amount = draft.percentage, draft.amount
    if (percentage is None) == (amount is None):
        problems.add(ErrorCode.INVALID, "percentage", "Give either `percentage` or `amount`.")
    if percentage is not None and not (within_bounds(percentage) and 0 < percentage <= 1):
        message = "Must be above 0 and at most 1, with at most 18 decimals: 0.1 is 10 %."
        problems.add(ErrorCode.OUT_OF_RANGE, "percentage", message)
    if amount is not None and not (within_bounds(amount) and amount > 0):
        message = "Must be above zero, with at most 20 digits before and 18 after the point."
        problems.add(ErrorCode.OUT_OF_RANGE, "amount", message)
    if draft.currency is not None and amount is None:
        problems.add(ErrorCode.INVALID, "currency", "A percentage has no currency: leave it out.")
    check_currency(problems, "currency", draft.currency)
    if draft.ends_at is not None and draft.starts_at is not None and draft.ends_at <= draft.starts_at:
        problems.add(ErrorCode.OUT_OF_RANGE, "endsAt", "Must be after startsAt.")
