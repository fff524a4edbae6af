"""How often a price is charged: every billing interval of its plan, more often, or once."""

from enum import StrEnum

from app.billing.periods import BillingInterval


class Cadence(StrEnum):
    """How often a price is charged."""

    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    QUARTERLY = "QUARTERLY"
    YEARLY = "YEARLY"
    ONE_TIME = "ONE_TIME"


# A quarter is three months and a year four quarters from any anchor; weeks fit into no month.
_DIVIDED_BY: dict[BillingInterval, tuple[BillingInterval, ...]] = {
    BillingInterval.WEEKLY: (BillingInterval.WEEKLY,),
    BillingInterval.MONTHLY: (BillingInterval.MONTHLY,),
    BillingInterval.QUARTERLY: (BillingInterval.MONTHLY, BillingInterval.QUARTERLY),
    BillingInterval.YEARLY: (BillingInterval.MONTHLY, BillingInterval.QUARTERLY, BillingInterval.YEARLY),
}


def fits(cadence: Cadence | None, interval: BillingInterval) -> bool:
    """Tell whether a plan of an interval can hold a price of a cadence: whole windows of it must tile the interval."""
    return cadence in (None, Cadence.ONE_TIME) or BillingInterval(cadence) in _DIVIDED_BY[interval]


def interval_of(cadence: Cadence | None, interval: BillingInterval) -> BillingInterval | None:
    """Return how long the windows of a cadence are in a plan of an interval; None where it is charged once."""
    if cadence is Cadence.ONE_TIME:
        return None
    return interval if cadence is None else BillingInterval(cadence)


def shortest(intervals: set[BillingInterval]) -> BillingInterval:
    """Return the shortest of some intervals: as each tiles the longer ones, its windows end wherever any does."""
    return min(intervals, key=list(BillingInterval).index)
