from datetime import UTC, datetime

import pytest

from app.billing.anchors import BillingAnchor, Weekday, anchor_instant
from app.billing.calendars import Calendar
from app.billing.periods import BillingInterval, Period
from app.billing.proration import PartOfPeriod


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("anchor", "interval", "zone", "started_at", "ends"),
    [
        # Havana's clocks jump at midnight of 10 March 2024, which is 5:00 UTC. A week later they show midnight.
        (
            BillingAnchor(weekday=Weekday.SUNDAY),
            BillingInterval.WEEKLY,
            "America/Havana",
            "2024-03-13T12:00",
            ["2024-03-17T04:00", "2024-03-24T04:00"],
        ),
        # Santiago jumps at midnight of 8 September 2024, from UTC-4 to UTC-3.
        (
            BillingAnchor(day=8),
            BillingInterval.MONTHLY,
            "America/Santiago",
            "2024-09-20T12:00",
            ["2024-10-08T03:00", "2024-11-08T03:00"],
        ),
        (
            BillingAnchor(day=8, month=9),
            BillingInterval.YEARLY,
            "America/Santiago",
            "2024-09-20T12:00",
            ["2025-09-08T03:00"],
        ),
    ],
)
def test_windows_end_at_midnight_though_that_before_the_start_was_jumped_over(
    anchor: BillingAnchor, interval: BillingInterval, zone: str, started_at: str, ends: list[str]
) -> None:
    start = utc(started_at)
    calendar, found = Calendar(anchor_instant(anchor, interval, start, zone), start, zone), [start]
    for _ in ends:
        found.append(calendar.next_boundary([interval], found[-1]))
    assert found[1:] == [utc(end) for end in ends]


def test_a_whole_period_begins_at_the_end_of_the_gap_that_its_midnight_lies_in() -> None:
    start, sunday = utc("2024-03-13T12:00"), BillingAnchor(weekday=Weekday.SUNDAY)
    anchor_at = anchor_instant(sunday, BillingInterval.WEEKLY, start, "America/Havana")
    window = Calendar(anchor_at, start, "America/Havana").window(BillingInterval.WEEKLY, start)
    end = utc("2024-03-17T04:00")
    assert window == PartOfPeriod(Period(start, end), Period(utc("2024-03-10T05:00"), end))
