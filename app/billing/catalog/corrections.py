"""Drafts of what corrects issued invoices and customers' money: credit notes, decisions, refunds, removed credit."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.billing.catalog.prices import check_currency
from app.billing.decimals import within_bounds
from app.billing.errors import ErrorCode, Problems
from app.billing.money import decimal_to_minor
from app.billing.text import MAX_TEXT_LENGTH, check_name, check_optional_text


@dataclass(frozen=True, kw_only=True, slots=True)
class CreditedLineDraft:
    """How much of a line's amount is to be credited, in major units; None for what is left of it."""

    line: str
    amount: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CreditNoteDraft:
    """A credit note as a user asks for it: of some lines, of a total in major units, or of all that is left."""

    invoice: str
    lines: Sequence[CreditedLineDraft] | None = None
    amount: Decimal | None = None
    reason: str
    refund: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionDraft:
    """What a user decides about an invoice, and why."""

    invoice: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RefundDraft:
    """A refund as a user reports it; `amount` is in major units, None for all that is left of the payment."""

    payment: str
    amount: Decimal | None = None
    reason: str
    reference: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CreditRemovalDraft:
    """Credit that a user takes back; `amount` is in major units, `currency` None means the merchant's."""

    customer: str
    amount: Decimal
    currency: str | None = None
    reason: str


def check_credit_note(draft: CreditNoteDraft, problems: Problems) -> None:
    """Note every problem of a credit note that can be seen without its invoice, in the order of its fields."""
    if draft.lines is not None:
        if not draft.lines:
            problems.add(ErrorCode.BLANK, "lines", "Must name a line. Leave it out to credit all that is left.")
        seen = set()
        for place, line in enumerate(draft.lines):
            if line.line in seen:
                problems.add(ErrorCode.INVALID, f"lines.{place}.lineId", "Must not name a line twice.")
            seen.add(line.line)
            _check_amount(line.amount, f"lines.{place}.amount", problems)
        if draft.amount is not None:
            problems.add(ErrorCode.INVALID, "amount", "Give `lines` or `amount`, not both.")
    _check_amount(draft.amount, "amount", problems)
    _check_reason(draft.reason, problems)


def check_decision(draft: DecisionDraft, problems: Problems) -> None:
    """Note every problem of a decision that can be seen without its invoice."""
    _check_reason(draft.reason, problems)


def check_refund(draft: RefundDraft, problems: Problems) -> None:
    """Note every problem of a refund that can be seen without its payment, in the order of its fields."""
    _check_amount(draft.amount, "amount", problems)
    _check_reason(draft.reason, problems)
    check_optional_text(problems, "reference", draft.reference)


def check_credit_removal(draft: CreditRemovalDraft, problems: Problems) -> None:
    """Note every problem of a removal that can be seen without its customer, in the order of its fields."""
    _check_amount(draft.amount, "amount", problems)
    check_currency(problems, "currency", draft.currency)
    _check_reason(draft.reason, problems)


def minor_of(amount: Decimal, currency: str, field: str, problems: Problems) -> int:
    """Return an amount in minor units; 0, and a problem of the field, where it is no whole number of them."""
    try:
        return decimal_to_minor(amount, currency)
    except ValueError as error:
        problems.add(ErrorCode.INVALID, field, str(error))
        return 0


def _check_amount(amount: Decimal | None, field: str, problems: Problems) -> None:
    if amount is not None and (not within_bounds(amount) or amount <= 0):
        message = "Must be above zero, with at most 20 digits before and 18 after the point."
        problems.add(ErrorCode.OUT_OF_RANGE, field, message)


def _check_reason(reason: str, problems: Problems) -> None:
    check_name(problems, "reason", reason, MAX_TEXT_LENGTH)
