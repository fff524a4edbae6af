"""Discounts: a percentage or an amount off what a customer pays, for a span of time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from app.billing.decimals import half_up, parse_plain, plain
from app.billing.errors import InvariantBroken


@dataclass(frozen=True, slots=True)
class DiscountTerms:
    """What a discount takes off: a share of 1, or an amount in minor units of the invoice's currency.

    It takes from lines whose period begins in [starts_at, ends_at); None is without an end.
    """

    id: str
    name: str
    percentage: Decimal | None
    amount_minor: int | None
    starts_at: datetime
    ends_at: datetime | None

    def takes_from(self, period_start: datetime) -> bool:
        """Tell whether a line is discounted whose period begins at an instant."""
        return self.starts_at <= period_start and (self.ends_at is None or period_start < self.ends_at)

    def reduction(self, base_minor: int) -> int:
        """Return what is taken off of what is left of the lines together, rounded once; never more, nor less than 0."""
        if base_minor <= 0:
            return 0
        if self.percentage is not None:
            return half_up(base_minor * Fraction(self.percentage))
        return min(self.amount_minor or 0, base_minor)

    def to_json(self) -> dict[str, Any]:
        """Return the form in which an invoice keeps it."""
        return {
            "id": self.id,
            "name": self.name,
            "percentage": None if self.percentage is None else plain(self.percentage),
            "amountMinor": self.amount_minor,
            "startsAt": self.starts_at.isoformat(),
            "endsAt": self.ends_at and self.ends_at.isoformat(),
        }


def discount_from_json(data: Mapping[str, Any]) -> DiscountTerms:
    """Read what `DiscountTerms.to_json` wrote. InvariantBroken when it is something else."""
    try:
        return DiscountTerms(
            id=data["id"],
            name=data["name"],
            percentage=None if data["percentage"] is None else parse_plain(data["percentage"]),
            amount_minor=data["amountMinor"],
            starts_at=datetime.fromisoformat(data["startsAt"]),
            ends_at=None if data["endsAt"] is None else datetime.fromisoformat(data["endsAt"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvariantBroken("The stored discount of an invoice can't be read.") from error
