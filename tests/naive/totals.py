"""From lines to what is owed: domain.md section 2."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from tests.naive.arithmetic import half_up, split
from tests.naive.history import Discount, History, Subscription


@dataclass
class Taken:
    """What a discount took of which base of an invoice, from which of its lines; corrections of these change it."""

    discount: Discount
    base: int
    taken: int
    places: list[int]


class Rounded(NamedTuple):
    """A rounded line, and when its window starts, None where it was typed by hand; no discount takes from that.

    One for late usage has no start either: `corrected` is what was taken from the line that it corrects.
    """

    amount: int
    start: datetime | None
    taxable: bool
    corrected: tuple[Taken, ...] = ()


class Totals(NamedTuple):
    """What an invoice comes to in minor units, and each line's share of the discounts and of the tax."""

    subtotal: int
    discount: int
    tax: int
    carried: int
    total: int
    line_discounts: list[int]
    line_taxes: list[int]
    taken: list[Taken]


def add_up(history: History, subscription: Subscription, discounts: list[Discount], lines: list[Rounded]) -> Totals:
    """Add up rounded lines, taking discounts off in their order."""
    amounts, starts = [line.amount for line in lines], [line.start for line in lines]
    left, line_discounts = list(amounts), [0 for _ in amounts]
    taken = []
    for discount in discounts:
        places = [place for place, start in enumerate(starts) if _takes_from(discount, start)]
        weights = [left[place] for place in places]
        one = Taken(discount, sum(weights), _reduction(discount, sum(weights)), places)
        taken.append(one)
        for place, share in zip(places, split(one.taken, weights), strict=True):
            left[place] -= share
            line_discounts[place] += share
    for place, line in enumerate(lines):
        for one in line.corrected:
            before, one.base = one.taken, one.base + left[place]
            one.taken = _reduction(one.discount, one.base)
            left[place] -= one.taken - before
            line_discounts[place] += one.taken - before
    rate = Fraction(history.tax_rate or Decimal(0))
    if history.tax_exemption is not None:
        rate = Fraction(0)
    inclusive = subscription.plan.tax_inclusive
    base = sum(rest for rest, line in zip(left, lines, strict=True) if line.taxable)
    tax = half_up(base * rate / (1 + rate) if inclusive else base * rate)
    line_taxes = split(tax, [rest if line.taxable else 0 for rest, line in zip(left, lines, strict=True)])
    gross = sum(left) if inclusive else sum(left) + tax
    return Totals(
        sum(amounts), sum(line_discounts), tax, max(-gross, 0), max(gross, 0), line_discounts, line_taxes, taken
    )


def discounts_of(history: History, subscription: Subscription, *, is_first: bool) -> list[Discount]:
    """The discounts of an invoice in their order: the subscription's, then the customer's.

    Of a subscription's own those come first that are made with it. An invoice issued at its start has only these.
    """
    mine = [one for one in history.discounts if one.subscription == subscription.place]
    own = [one for one in mine if one.at_once]
    if not is_first:
        own += [one for one in mine if not one.at_once]
    customers = [one for one in history.discounts if one.subscription is None]
    return [one for one in own + customers if one.currency in (None, subscription.plan.currency)]


def _takes_from(discount: Discount, start: datetime | None) -> bool:
    return start is not None and discount.starts_at <= start and (discount.ends_at is None or start < discount.ends_at)


def _reduction(discount: Discount, base: int) -> int:
    if base <= 0:
        return 0
    if discount.percentage is not None:
        return half_up(base * Fraction(discount.percentage))
    assert discount.amount_minor is not None
    return min(discount.amount_minor, base)
