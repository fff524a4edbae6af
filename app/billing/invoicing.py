"""From the rounded lines of an invoice to what is owed: discounts, then tax, each rounded once and spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from app.billing.allocation import spread
from app.billing.discounts import DiscountTerms
from app.billing.errors import InvariantBroken
from app.billing.tax import TaxBehavior, TaxTerms, tax_minor


class Series(StrEnum):
    """The sequences of invoice numbers, each gapless: live, sandbox, and customers on a test clock."""

    LIVE = "LIVE"
    SANDBOX = "SANDBOX"
    TEST = "TEST"


@dataclass(frozen=True, slots=True)
class AssessedLine:
    """What the totals need to know of a line: its rounded amount, when its period begins, whether it is taxed.

    No discount takes from a line without a start.
    """

    amount_minor: int
    period_start: datetime | None
    taxable: bool = True


@dataclass(frozen=True, slots=True)
class DiscountTaken:
    """What a discount took off: of a base, in all, and of each line; None of lines it does not take from."""

    terms: DiscountTerms
    base_minor: int
    taken_minor: int
    shares_minor: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class TaxCharged:
    """The tax at a rate: on a base, in all, and of each line; None of lines that it is not charged on."""

    rate: Decimal
    base_minor: int
    tax_minor: int
    shares_minor: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """The sums of an invoice in minor units of its currency, and how they came about.

    Exclusive tax: total = subtotal - discount + tax + carried_to_credit; inclusive: the same without tax.
    """

    subtotal_minor: int
    discount_minor: int
    tax_minor: int
    carried_to_credit_minor: int
    total_minor: int
    tax: TaxTerms
    discounts: tuple[DiscountTaken, ...]
    taxes: tuple[TaxCharged, ...]


def assess(lines: Sequence[AssessedLine], discounts: Sequence[DiscountTerms], tax: TaxTerms) -> Assessment:
    """Add up the rounded lines, take off the discounts in their order, charge the tax.

    Each discount takes of what the ones before it left. Below zero nothing is owed: the rest is carried to the
    customer's credit.
    """
    left = [line.amount_minor for line in lines]
    taken = []
    for terms in discounts:
        discount = _take(terms, lines, left)
        taken.append(discount)
        left = [rest - (share or 0) for rest, share in zip(left, discount.shares_minor, strict=True)]
    taxes = _charge_tax(lines, left, tax)
    charged = sum(part.tax_minor for part in taxes)
    gross = sum(left) + (charged if tax.behavior is TaxBehavior.EXCLUSIVE else 0)
    return Assessment(
        subtotal_minor=sum(line.amount_minor for line in lines),
        discount_minor=sum(discount.taken_minor for discount in taken),
        tax_minor=charged,
        carried_to_credit_minor=max(-gross, 0),
        total_minor=max(gross, 0),
        tax=tax,
        discounts=tuple(taken),
        taxes=taxes,
    )


def invoice_number(prefix: str, series: Series, number: int) -> str:
    """Return the number an invoice is known by: INV-000001, SANDBOX-INV-000001, TEST-INV-000001.

    `number` counts from 1 in its series and grows beyond six digits when it must.
    """
    if number < 1:
        raise InvariantBroken("The numbers of a series start at 1.")
    counted = f"{prefix}-{number:06d}"
    return counted if series is Series.LIVE else f"{series}-{counted}"


def _take(terms: DiscountTerms, lines: Sequence[AssessedLine], left: Sequence[int]) -> DiscountTaken:
    starts = [line.period_start for line in lines]
    own = [place for place, start in enumerate(starts) if start is not None and terms.takes_from(start)]
    base = sum(left[place] for place in own)
    reduction = terms.reduction(base)
    return DiscountTaken(terms, base, reduction, _shares(reduction, own, left))


def _charge_tax(lines: Sequence[AssessedLine], left: Sequence[int], tax: TaxTerms) -> tuple[TaxCharged, ...]:
    own = [place for place, line in enumerate(lines) if line.taxable]
    rate = tax.charged_rate
    if rate is None or not own:
        return ()
    base = sum(left[place] for place in own)
    charged = tax_minor(base, rate, tax.behavior)
    return (TaxCharged(rate, base, charged, _shares(charged, own, left)),)


def _shares(total: int, own: Sequence[int], left: Sequence[int]) -> tuple[int | None, ...]:
    parts = dict(zip(own, spread(total, [left[place] for place in own]), strict=True))
    return tuple(parts.get(place) for place in range(len(left)))
