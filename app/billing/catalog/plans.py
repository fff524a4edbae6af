"""Drafts of plans."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.billing.anchors import BillingAnchor, check_anchor
from app.billing.cadences import fits
from app.billing.catalog.features import PlanFeatureDraft
from app.billing.catalog.prices import PriceDraft, check_currency
from app.billing.errors import ErrorCode, Problems
from app.billing.filters import overlap
from app.billing.periods import BillingInterval
from app.billing.tax import TaxBehavior
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
    billing_anchor: BillingAnchor | None = None
    tax_behavior: TaxBehavior = TaxBehavior.EXCLUSIVE
    prices: tuple[str, ...]
    features: tuple[PlanFeatureDraft, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanVersionDraft:
    """A version of a plan as a user wants it, not published yet; `plan` and `prices` are ids or keys.

    `features` None gives what the plan's default version does.
    """

    plan: str
    prices: tuple[str, ...]
    features: tuple[PlanFeatureDraft, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicationDraft:
    """That a version, named by its id, is to be published, and whether new subscriptions are to get it."""

    plan_version: str
    make_default: bool = True


def check_plan(draft: PlanDraft, problems: Problems) -> None:
    """Note every problem of a plan that can be seen without a look-up, in the order of its fields."""
    check_key(problems, "key", draft.key)
    check_name(problems, "name", draft.name)
    check_optional_text(problems, "description", draft.description)
    check_currency(problems, "currency", draft.currency)
    if draft.billing_version != BILLING_VERSION:
        message = f"Only billing version {BILLING_VERSION} (Standard Billing) is offered."
        problems.add(ErrorCode.UNSUPPORTED, "billingVersion", message)
    check_anchor(draft.billing_anchor, draft.billing_interval, problems, "billingAnchor")
    check_prices(draft.prices, problems)


def check_in_plan(
    price: PriceDraft, earlier: Sequence[PriceDraft], interval: BillingInterval, problems: Problems, field: str
) -> None:
    """Note why a price can't stand in a plan of an interval after earlier ones: its cadence, or what they charge for.

    All refer to metrics and fees in the same way, by id or by key.
    """
    if not fits(price.cadence, interval):
        message = f"Whole {price.cadence} windows do not fill a {interval} period."
        problems.add(ErrorCode.INVALID, field, message)
    rivals = [one for one in earlier if (one.billable_metric, one.fee) == (price.billable_metric, price.fee)]
    if any(_both_charge(price, rival) for rival in rivals):
        message = "An earlier price of this plan charges for the same fee or events, which would be charged twice."
        problems.add(ErrorCode.INVALID, field, message)


def _both_charge(price: PriceDraft, rival: PriceDraft) -> bool:
    # One without a filter takes what the others leave.
    if bool(price.filter) != bool(rival.filter):
        return False
    return overlap(price.filter, rival.filter)


def check_prices(prices: tuple[str, ...], problems: Problems) -> None:
    """Note if there are not 1 to 100 prices, and which is in the list already."""
    if not 1 <= len(prices) <= MAX_PRICES:
        problems.add(ErrorCode.OUT_OF_RANGE, "priceIds", f"Must have 1 to {MAX_PRICES} prices.")
        return
    seen: set[str] = set()
    for index, price in enumerate(prices):
        if price in seen:
            problems.add(ErrorCode.INVALID, f"priceIds.{index}", "The price is in the list already.")
        seen.add(price)
