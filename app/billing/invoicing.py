"""From the rounded lines of an invoice to what is owed: discounts, then tax, each rounded once and spread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
class DiscountSoFar:
    """A discount of an earlier invoice: what it took of which base, later corrections of that invoice included."""

    terms: DiscountTerms
    base_minor: int
    taken_minor: int


@dataclass(frozen=True, slots=True)
class Correction:
    """What a line takes over from the one that it corrects: the discounts of its invoice, and its tax.

    `corrected` names that invoice. Lines of one invoice that are corrected together continue each other's discounts.
    """

    corrected: str
    discounts: tuple[DiscountSoFar, ...]
    tax: TaxTerms


@dataclass(frozen=True, slots=True)
class AssessedLine:
    """What the totals need to know of a line: its rounded amount, when its period begins, whether it is taxed.

    No discount of the invoice takes from a line without a start, nor from one that corrects another.
    """

    amount_minor: int
    period_start: datetime | None
    taxable: bool = True
    correction: Correction | None = None


@dataclass(frozen=True, slots=True)
class DiscountTaken:
    """What a discount took off: of a base, in all, and of each line; None of lines it does not take from."""

    terms: DiscountTerms
    base_minor: int
    taken_minor: int
    shares_minor: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class DiscountCorrected:
    """How the line at a place changes what a discount took: the base and what it took of it, before and with the line.

    The line's share is the difference of what was taken; it may lie below zero.
    """

    place: int
    before: DiscountSoFar
    after: DiscountSoFar

    @property
    def share_minor(self) -> int:
        """What the discount takes off the line."""
        return self.after.taken_minor - self.before.taken_minor


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
    corrected_discounts: tuple[DiscountCorrected, ...] = ()
    #: How the lines that correct others are taxed, by their places.
    corrected_taxes: Mapping[int, TaxTerms] = field(default_factory=dict)


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
    corrected = _correct_discounts(lines, left)
    taxes = _charge_tax(lines, left, tax)
    charged = sum(part.tax_minor for part in taxes)
    gross = sum(left) + (charged if tax.behavior is TaxBehavior.EXCLUSIVE else 0)
    return Assessment(
        subtotal_minor=sum(line.amount_minor for line in lines),
        discount_minor=sum(discount.taken_minor for discount in taken) + sum(one.share_minor for one in corrected),
        tax_minor=charged,
        carried_to_credit_minor=max(-gross, 0),
        total_minor=max(gross, 0),
        tax=tax,
        discounts=tuple(taken),
        taxes=taxes,
        corrected_discounts=corrected,
        corrected_taxes={place: line.correction.tax for place, line in enumerate(lines) if line.correction is not None},
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
    starts = [None if line.correction is not None else line.period_start for line in lines]
    own = [place for place, start in enumerate(starts) if start is not None and terms.takes_from(start)]
    base = sum(left[place] for place in own)
    reduction = terms.reduction(base)
    return DiscountTaken(terms, base, reduction, _shares(reduction, own, left))


def _correct_discounts(lines: Sequence[AssessedLine], left: list[int]) -> tuple[DiscountCorrected, ...]:
    """Take from lines that correct others what the discounts of those would have taken more, or less, off `left` too.

    Each discount is computed again on the base that the correction leaves it, so that line and correction together are
    discounted as one line of both amounts would have been.
    """
    so_far: dict[tuple[str, str], DiscountSoFar] = {}
    corrected = []
    for place, line in enumerate(lines):
        if line.correction is None:
            continue
        for given in line.correction.discounts:
            key = (line.correction.corrected, given.terms.id)
            before = so_far.get(key, given)
            base = before.base_minor + left[place]
            after = so_far[key] = DiscountSoFar(given.terms, base, given.terms.reduction(base))
            change = DiscountCorrected(place, before, after)
            corrected.append(change)
            left[place] -= change.share_minor
    return tuple(corrected)


def _charge_tax(lines: Sequence[AssessedLine], left: Sequence[int], tax: TaxTerms) -> tuple[TaxCharged, ...]:
    """Charge the tax of each rate once: the invoice's own, and those of the lines that are corrected."""
    by_rate: dict[Decimal, list[int]] = {}
    for place, line in enumerate(lines):
        rate = (tax if line.correction is None else line.correction.tax).charged_rate
        if line.taxable and rate is not None:
            by_rate.setdefault(rate, []).append(place)
    taxes = []
    for rate, own in by_rate.items():
        base = sum(left[place] for place in own)
        charged = tax_minor(base, rate, tax.behavior)
        taxes.append(TaxCharged(rate, base, charged, _shares(charged, own, left)))
    return tuple(taxes)


def _shares(total: int, own: Sequence[int], left: Sequence[int]) -> tuple[int | None, ...]:
    parts = dict(zip(own, spread(total, [left[place] for place in own]), strict=True))
    return tuple(parts.get(place) for place in range(len(left)))
