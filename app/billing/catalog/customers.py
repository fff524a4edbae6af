"""Drafts of customers, their subscriptions and payments."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from app.billing.catalog.addresses import Address, check_address, check_locale, check_tax_id
from app.billing.catalog.discounts import DiscountDraft
from app.billing.catalog.prices import check_quantity
from app.billing.decimals import within_bounds
from app.billing.errors import ErrorCode, Problems
from app.billing.lifecycle import PaymentExcess, VersionPolicy
from app.billing.text import check_external_id, check_metadata, check_name, check_optional_text

# The longest address that can be delivered to (RFC 5321, 4.5.3.1.3, without its brackets).
MAX_EMAIL_LENGTH = 254
MAX_PAYMENT_TERM_DAYS = 365
MAX_TRIAL_DAYS = 730
DEFAULT_PAYMENT_TERM_DAYS = 30
MAX_DISCOUNTS = 20

# Only what every address has: whether one exists is found out by writing to it.
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomerDraft:
    """A customer as a user wants it; `external_id` is the merchant's own, `test_clock` an id.

    Without a `locale` its invoices are written in the merchant's.
    `tax_rate` is a share of 1. `tax_exemption` says why the customer is not taxed, whatever the rate.
    """

    external_id: str | None = None
    name: str
    email: str | None = None
    address: Address | None = None
    tax_id: str | None = None
    locale: str | None = None
    tax_rate: Decimal | None = None
    tax_exemption: str | None = None
    test_clock: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


class FeeQuantity(NamedTuple):
    """How many of a fee a subscriber takes; `price` is an id or key."""

    price: str
    quantity: Decimal


class PlannedPrice(NamedTuple):
    """A price of a plan: its id, and whether it charges a fee, whose quantity is agreed and not measured."""

    id: str
    is_fee: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SubscriptionDraft:
    """A subscription as a user wants it: to a plan (its default version) or to one plan version.

    `started_at` None is now. `bill_elapsed` says of one that started before whether periods that are over are billed.
    """

    customer: str
    plan: str | None = None
    plan_version: str | None = None
    quantities: tuple[FeeQuantity, ...] = ()
    discounts: tuple[DiscountDraft, ...] = ()
    started_at: datetime | None = None
    trial_days: int | None = None
    bill_elapsed: bool = True
    ending_at: datetime | None = None
    payment_term_days: int = DEFAULT_PAYMENT_TERM_DAYS
    version_policy: VersionPolicy = VersionPolicy.PINNED
    allow_concurrent: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentDraft:
    """A payment as a user reports it; `amount` is in major units, None means all that is due.

    `excess` says what becomes of more than that.
    """

    invoice: str
    amount: Decimal | None = None
    method: str
    reference: str | None = None
    excess: PaymentExcess = PaymentExcess.REFUSE


def check_customer(draft: CustomerDraft, problems: Problems) -> None:
    """Note every problem of a customer that can be seen without a look-up, in the order of its fields."""
    check_external_id(problems, "externalId", draft.external_id)
    check_name(problems, "name", draft.name)
    if draft.email is not None:
        _check_email(draft.email, problems)
    check_address(problems, "address", draft.address)
    check_tax_id(problems, "taxId", draft.tax_id)
    check_locale(problems, "locale", draft.locale)
    _check_tax(draft, problems)
    check_metadata(problems, "metadata", draft.metadata)


def check_subscription(draft: SubscriptionDraft, problems: Problems) -> None:
    """Note every problem of a subscription that can be seen without a look-up, in the order of its fields."""
    if draft.plan is None and draft.plan_version is None:
        problems.add(ErrorCode.BLANK, "planId", "A plan or a plan version is needed.")
    elif draft.plan is not None and draft.plan_version is not None:
        problems.add(ErrorCode.INVALID, "planVersionId", "Give a plan or a plan version, not both.")
    for place, item in enumerate(draft.quantities):
        check_quantity(item.quantity, problems, f"quantities.{place}.quantity")
    if len(draft.discounts) > MAX_DISCOUNTS:
        problems.add(ErrorCode.OUT_OF_RANGE, "discounts", f"Must be at most {MAX_DISCOUNTS}.")
    if draft.trial_days is not None and not 1 <= draft.trial_days <= MAX_TRIAL_DAYS:
        problems.add(ErrorCode.OUT_OF_RANGE, "trialDays", f"Must be 1 to {MAX_TRIAL_DAYS} days.")
    if not 0 <= draft.payment_term_days <= MAX_PAYMENT_TERM_DAYS:
        message = f"Must be 0 to {MAX_PAYMENT_TERM_DAYS} days."
        problems.add(ErrorCode.OUT_OF_RANGE, "paymentTermDays", message)


def choose_quantities(
    wanted: Sequence[FeeQuantity], named: Mapping[str, PlannedPrice], problems: Problems
) -> dict[str, Decimal]:
    """Return the quantities by the ids of their prices, which must be fees of a plan; `named` are its prices."""
    chosen: dict[str, Decimal] = {}
    for place, (reference, quantity) in enumerate(wanted):
        field, price = f"quantities.{place}.priceId", named.get(reference)
        if price is None:
            problems.add(ErrorCode.NOT_FOUND, field, f"{field} names no price of the plan version")
        elif not price.is_fee:
            problems.add(ErrorCode.INVALID, field, "the price is metered: its quantity is measured")
        elif price.id in chosen:
            problems.add(ErrorCode.INVALID, field, "the price is in the list already")
        else:
            chosen[price.id] = quantity
    return chosen


def check_payment(draft: PaymentDraft, problems: Problems) -> None:
    """Note every problem of a payment that can be seen without its invoice, in the order of its fields."""
    if draft.amount is not None and (not within_bounds(draft.amount) or draft.amount <= 0):
        message = "Must be above zero, with at most 20 digits before and 18 after the point."
        problems.add(ErrorCode.OUT_OF_RANGE, "amount", message)
    check_name(problems, "method", draft.method)
    check_optional_text(problems, "reference", draft.reference)


def _check_tax(draft: CustomerDraft, problems: Problems) -> None:
    rate = draft.tax_rate
    if rate is not None and not (within_bounds(rate) and 0 <= rate <= 1):
        message = "Must be 0 to 1, with at most 18 decimals: 0.19 is 19 %."
        problems.add(ErrorCode.OUT_OF_RANGE, "taxRate", message)
    if draft.tax_exemption is not None:
        check_name(problems, "taxExemption", draft.tax_exemption)


def _check_email(email: str, problems: Problems) -> None:
    counted = len(problems.errors)
    check_name(problems, "email", email, MAX_EMAIL_LENGTH)
    if len(problems.errors) == counted and _EMAIL.fullmatch(email) is None:
        problems.add(ErrorCode.INVALID, "email", "Must be an address like billing@acme.example.")
