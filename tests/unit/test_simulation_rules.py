"""What decides which usage a simulated price is rated on: the windows in a span, and the prices it replaces."""

from datetime import UTC, datetime

import pytest

from app.billing.calendars import Calendar
from app.billing.filters import Condition, Filter, covers
from app.billing.periods import BillingInterval, Period
from app.billing.proration import PartOfPeriod

JANUARY_31 = datetime(2026, 1, 31, tzinfo=UTC)
LARGE: Filter = (Condition("model", ("large",)),)
EITHER: Filter = (Condition("model", ("small", "large")),)
IN_EUROPE: Filter = (*LARGE, Condition("region", ("eu",)))


def day(month: int, number: int) -> datetime:
    return datetime(2026, month, number, tzinfo=UTC)


def windows(calendar: Calendar, start: datetime, end: datetime) -> list[PartOfPeriod]:
    return list(calendar.windows_within(BillingInterval.MONTHLY, Period(start, end)))


def test_windows_are_clipped_to_a_span_and_know_their_whole() -> None:
    calendar = Calendar(JANUARY_31, JANUARY_31, "UTC")
    february, march = Period(JANUARY_31, day(2, 28)), Period(day(2, 28), day(3, 31))
    assert windows(calendar, JANUARY_31, day(3, 31)) == [
        PartOfPeriod(february, february),
        PartOfPeriod(march, march),
    ]
    assert windows(calendar, day(2, 7), day(3, 1)) == [
        PartOfPeriod(Period(day(2, 7), day(2, 28)), february),
        PartOfPeriod(Period(day(2, 28), day(3, 1)), march),
    ]
    assert windows(calendar, day(2, 7), day(2, 8)) == [PartOfPeriod(Period(day(2, 7), day(2, 8)), february)]


def test_there_is_no_window_before_the_start() -> None:
    calendar = Calendar(JANUARY_31, day(2, 10), "UTC")
    assert windows(calendar, day(1, 1), day(2, 10)) == []
    assert windows(calendar, day(1, 1), day(2, 20)) == [
        PartOfPeriod(Period(day(2, 10), day(2, 20)), Period(JANUARY_31, day(2, 28)))
    ]


@pytest.mark.parametrize(
    ("wide", "narrow", "covered"),
    [
        ((), (), True),
        ((), LARGE, True),
        (LARGE, (), False),
        (LARGE, LARGE, True),
        (EITHER, LARGE, True),
        (LARGE, EITHER, False),
        (LARGE, IN_EUROPE, True),
        (IN_EUROPE, LARGE, False),
    ],
)
def test_a_filter_covers_those_that_let_less_through(wide: Filter, narrow: Filter, covered: bool) -> None:
    assert covers(wide, narrow) is covered
