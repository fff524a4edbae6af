"""Drafts of prices."""

from dataclasses import dataclass
from decimal import Decimal

from app.billing.decimals import within_bounds
from app.billing.errors import ErrorCode, Problems
from app.billing.lifecycle import PaymentTerm
from app.billing.money import known_currency
from app.billing.price_models import PriceModel, check_model
from app.billing.text import check_key, check_name

#: What a price charges, by the names of its draft and of the API.
CHARGES = {
    "invoice_display_name": "invoiceDisplayName",
    "payment_term": "paymentTerm",
    "currency": "currency",
    "model": "model",
    "quantity": "quantity",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceDraft:
    """A price as a user wants it, of either a metric or a fee, each given by id or key.

    `currency` None means the merchant's, `quantity` None means 1 for a fee.
    """

    key: str | None = None
    billable_metric: str | None = None
    fee: str | None = None
    invoice_display_name: str
    payment_term: PaymentTerm
    currency: str | None = None
    model: PriceModel
    quantity: Decimal | None = None


def check_price(draft: PriceDraft, problems: Problems) -> None:
    """Note every problem of a price that can be seen without a look-up, in the order of its fields."""
    check_key(problems, "key", draft.key)
    metered = draft.billable_metric is not None
    if metered == (draft.fee is not None):
        problems.add(ErrorCode.INVALID, "target", "Must be either a billable metric or a fee.")
    check_name(problems, "invoiceDisplayName", draft.invoice_display_name)
    if metered and draft.payment_term is not PaymentTerm.IN_ARREARS:
        problems.add(ErrorCode.INVALID, "paymentTerm", "Usage is known at the end of a period only: use IN_ARREARS.")
    check_currency(problems, "currency", draft.currency)
    check_model(draft.model, problems, "model")
    if draft.quantity is not None:
        _check_quantity(draft.quantity, problems, metered=metered)


def check_currency(problems: Problems, field: str, code: str | None) -> None:
    """Note a problem if the code is not an active ISO 4217 currency with a minor unit; None is fine."""
    if code is not None and not known_currency(code):
        message = "Must be the code of an active ISO 4217 currency, like USD."
        problems.add(ErrorCode.UNKNOWN_CURRENCY, field, message)


def _check_quantity(quantity: Decimal, problems: Problems, *, metered: bool) -> None:
    if metered:
        problems.add(ErrorCode.INVALID, "quantity", "The quantity of a metered price is measured: leave it out.")
    elif not within_bounds(quantity):
        message = "Must have at most 20 digits before and 18 after the point."
        problems.add(ErrorCode.OUT_OF_RANGE, "quantity", message)
    elif quantity <= 0:
        problems.add(ErrorCode.OUT_OF_RANGE, "quantity", "Must be above zero.")
