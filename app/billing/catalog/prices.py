"""Drafts of prices."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from app.billing.aggregation import Aggregation
from app.billing.cadences import Cadence
from app.billing.decimals import within_bounds
from app.billing.errors import ErrorCode, Problems
from app.billing.filters import Filter, check_dimensions, check_filter
from app.billing.lifecycle import PaymentTerm
from app.billing.money import known_currency
from app.billing.price_models import PriceModel, StandardPrice, check_fit, check_model
from app.billing.text import check_key, check_name

#: What a price charges, by the names of its draft and of the API.
CHARGES = {
    "invoice_display_name": "invoiceDisplayName",
    "payment_term": "paymentTerm",
    "currency": "currency",
    "model": "model",
    "quantity": "quantity",
    "filter": "filter",
    "cadence": "cadence",
    "is_obligation": "isObligation",
    "period_minimum": "periodMinimum",
    "period_maximum": "periodMaximum",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceDraft:
    """A price as a user wants it, of either a metric or a fee, each given by id or key.

    `currency` None means the merchant's, `quantity` None means 1 for a fee, `cadence` None the interval of its plan.
    `period_minimum` and `period_maximum` are in major units.
    """

    key: str | None = None
    billable_metric: str | None = None
    fee: str | None = None
    invoice_display_name: str
    payment_term: PaymentTerm
    currency: str | None = None
    model: PriceModel
    quantity: Decimal | None = None
    filter: Filter = ()
    cadence: Cadence | None = None
    is_obligation: bool = False
    period_minimum: Decimal | None = None
    period_maximum: Decimal | None = None


def check_price(draft: PriceDraft, problems: Problems) -> None:
    """Note every problem of a price that can be seen without its metric, in the order of its fields."""
    check_key(problems, "key", draft.key)
    metered = draft.billable_metric is not None
    if metered == (draft.fee is not None):
        problems.add(ErrorCode.INVALID, "target", "Must be either a billable metric or a fee.")
    check_name(problems, "invoiceDisplayName", draft.invoice_display_name)
    if metered and draft.payment_term is not PaymentTerm.IN_ARREARS:
        problems.add(ErrorCode.INVALID, "paymentTerm", "Usage is known at the end of a period only: use IN_ARREARS.")
    check_currency(problems, "currency", draft.currency)
    check_model(draft.model, problems, "model")
    if draft.quantity is not None and metered:
        problems.add(ErrorCode.INVALID, "quantity", "The quantity of a metered price is measured: leave it out.")
    elif draft.quantity is not None:
        check_quantity(draft.quantity, problems, "quantity")
    if draft.filter and not metered:
        problems.add(ErrorCode.INVALID, "filter", "A fee has no events to tell apart: leave it out.")
    else:
        check_filter(draft.filter, problems, "filter")
    _check_cadence(draft, problems, metered=metered)
    if draft.is_obligation and metered:
        problems.add(ErrorCode.INVALID, "isObligation", "Only a fee can be owed whole: usage is charged as measured.")
    check_bounds(draft.model, draft.period_minimum, draft.period_maximum, problems)


def check_target(
    draft: PriceDraft, aggregation: Aggregation | None, dimensions: Collection[str], problems: Problems
) -> None:
    """Note what of a price does not go with what it charges: a metric with its dimensions, or a fee (None)."""
    check_fit(draft.model, aggregation, problems, "model")
    if aggregation is not None:
        check_dimensions(draft.filter, dimensions, problems, "filter")


def check_currency(problems: Problems, field: str, code: str | None) -> None:
    """Note a problem if the code is not an active ISO 4217 currency with a minor unit; None is fine."""
    if code is not None and not known_currency(code):
        message = "Must be the code of an active ISO 4217 currency, like USD."
        problems.add(ErrorCode.UNKNOWN_CURRENCY, field, message)


def check_quantity(quantity: Decimal, problems: Problems, field: str) -> None:
    """Note a problem if the quantity of a fee is not above zero or has too many digits."""
    if not within_bounds(quantity):
        message = "Must have at most 20 digits before and 18 after the point."
        problems.add(ErrorCode.OUT_OF_RANGE, field, message)
    elif quantity <= 0:
        problems.add(ErrorCode.OUT_OF_RANGE, field, "Must be above zero.")


def check_bounds(model: PriceModel, low: Decimal | None, high: Decimal | None, problems: Problems) -> None:
    """Note what is wrong with the least and the most that a price charges in a period, in major units; None is none."""
    for field, bound in {"periodMinimum": low, "periodMaximum": high}.items():
        if bound is None:
            continue
        if not within_bounds(bound) or bound < 0:
            message = "Must not be negative, and have at most 20 digits before and 18 after the point."
            problems.add(ErrorCode.OUT_OF_RANGE, field, message)
        elif isinstance(model, StandardPrice) and model.unit_price < 0:
            problems.add(ErrorCode.INVALID, field, "A rebate has no least or most: its amount is never above zero.")
    if low is not None and high is not None and low > high:
        problems.add(ErrorCode.OUT_OF_RANGE, "periodMaximum", "Must not be below periodMinimum.")


def _check_cadence(draft: PriceDraft, problems: Problems, *, metered: bool) -> None:
    if draft.cadence is not Cadence.ONE_TIME:
        return
    if metered:
        problems.add(ErrorCode.INVALID, "cadence", "Only a fee is charged once: usage goes on.")
    elif draft.payment_term is not PaymentTerm.IN_ADVANCE:
        problems.add(ErrorCode.INVALID, "cadence", "What is charged once is charged at the start: use IN_ADVANCE.")
