import pytest

from app.billing.cadences import Cadence, fits, interval_of, shortest
from app.billing.periods import BillingInterval

WEEKLY, MONTHLY, QUARTERLY, YEARLY = BillingInterval
FITTING = {
    WEEKLY: {Cadence.WEEKLY},
    MONTHLY: {Cadence.MONTHLY},
    QUARTERLY: {Cadence.MONTHLY, Cadence.QUARTERLY},
    YEARLY: {Cadence.MONTHLY, Cadence.QUARTERLY, Cadence.YEARLY},
}


@pytest.mark.parametrize("interval", BillingInterval)
def test_whole_windows_of_a_cadence_fill_the_interval(interval: BillingInterval) -> None:
    assert {cadence for cadence in Cadence if fits(cadence, interval)} == {*FITTING[interval], Cadence.ONE_TIME}
    assert fits(None, interval)


@pytest.mark.parametrize(
    ("cadence", "interval", "length"),
    [
        (None, YEARLY, YEARLY),
        (Cadence.MONTHLY, YEARLY, MONTHLY),
        (Cadence.MONTHLY, MONTHLY, MONTHLY),
        (Cadence.ONE_TIME, YEARLY, None),
    ],
)
def test_windows_are_as_long_as_the_cadence_or_the_interval(
    cadence: Cadence | None, interval: BillingInterval, length: BillingInterval | None
) -> None:
    assert interval_of(cadence, interval) == length


@pytest.mark.parametrize(
    ("intervals", "least"),
    [({YEARLY}, YEARLY), ({YEARLY, MONTHLY}, MONTHLY), ({YEARLY, QUARTERLY}, QUARTERLY), ({WEEKLY}, WEEKLY)],
)
def test_the_shortest_of_some(intervals: set[BillingInterval], least: BillingInterval) -> None:
    assert shortest(intervals) is least
