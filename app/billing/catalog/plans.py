"""Drafts of plans."""

from dataclasses import dataclass

from app.billing.catalog.prices import check_currency
from app.billing.errors import ErrorCode, Problems
from app.billing.periods import BillingInterval
from app.billing.text import check_key, check_name, check_optional_text

BILLING_VERSION = 1
MAX_PRICES = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanDraft:
    """A plan as a user wants it; `product` and `prices` are ids or keys, `currency` None means the merchant's."""

    key: str | None = None
    product: str
    name: str
    description: str | None = None
    billing_interval: BillingInterval
    currency: str | None = None
    billing_version: int = BILLING_VERSION
    prices: tuple[str, ...]


def check_plan(draft: PlanDraft, problems: Problems) -> None:
    """Note every problem of a plan that can be seen without a look-up, in the order of its fields."""
    check_key(problems, "key", draft.key)
    check_name(problems, "name", draft.name)
    check_optional_text(problems, "description", draft.description)
    check_currency(problems, "currency", draft.currency)
    if draft.billing_version != BILLING_VERSION:
        message = f"Only billing version {BILLING_VERSION} (Standard Billing) is offered."
        problems.add(ErrorCode.UNSUPPORTED, "billingVersion", message)
    _check_prices(draft.prices, problems)


def _check_prices(prices: tuple[str, ...], problems: Problems) -> None:
    if not 1 <= len(prices) <= MAX_PRICES:
        problems.add(ErrorCode.OUT_OF_RANGE, "priceIds", f"Must have 1 to {MAX_PRICES} prices.")
        return
    seen: set[str] = set()
    for index, price in enumerate(prices):
        if price in seen:
            problems.add(ErrorCode.INVALID, f"priceIds.{index}", "The price is in the list already.")
        seen.add(price)
