"""Tax: whether prices hold it, and what it comes to."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from app.billing.decimals import half_up


class TaxBehavior(StrEnum):
    """Whether tax comes on top of prices or is part of them."""

    EXCLUSIVE = "EXCLUSIVE"
    INCLUSIVE = "INCLUSIVE"


@dataclass(frozen=True, slots=True)
class TaxTerms:
    """How an invoice is taxed. `rate` is a share of 1, or None; `exemption` says why nothing is due."""

    behavior: TaxBehavior = TaxBehavior.EXCLUSIVE
    rate: Decimal | None = None
    exemption: str | None = None

    @property
    def charged_rate(self) -> Decimal | None:
        """The rate that lines are taxed at; None for a customer who is exempt or has no rate."""
        return None if self.exemption is not None else self.rate


def tax_minor(base_minor: int, rate: Decimal, behavior: TaxBehavior) -> int:
    """Return the tax on a base in minor units, rounded once: on top of it, or the part of it. Below zero for a base
    that is.
    """
    share = Fraction(rate)
    if behavior is TaxBehavior.INCLUSIVE:
        share /= 1 + share
    return half_up(base_minor * share)
