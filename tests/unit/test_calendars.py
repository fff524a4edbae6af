from datetime import UTC, datetime
from fractions import Fraction

import pytest

from app.billing.calendars import Calendar
from app.billing.periods import BillingInterval, Period

WEEKLY, MONTHLY, QUARTERLY, YEARLY = BillingInterval


def at(month: int, day: int, hour: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


#: Anchored on the first, started on the 17th.
FIRST = Calendar(at(1, 1), at(1, 17), "UTC")


def test_the_first_window_is_the_rest_of_a_whole_one() -> None:
    window = FIRST.window(MONTHLY, at(1, 17))
    assert (window.part, window.whole) == (Period(at(1, 17), at(2, 1)), Period(at(1, 1), at(2, 1)))
    assert window.share is not None
    assert window.share.exact == Fraction(15, 31)
    yearly = FIRST.window(YEARLY, at(1, 17))
    assert yearly.share is not None
    assert yearly.share.exact == Fraction(349, 365)


def test_the_windows_after_it_are_whole() -> None:
    window = FIRST.window(MONTHLY, at(2, 1))
    assert (window.part, window.share) == (Period(at(2, 1), at(3, 1)), None)
    assert [FIRST.number(MONTHLY, instant) for instant in (at(1, 17), at(2, 1), at(12, 31), at(1, 1, year=2027))] == [
        0, 1, 11, 12,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("interval", "instant", "start"),
    [
        (MONTHLY, at(2, 1), at(1, 17)),
        (MONTHLY, at(3, 1), at(2, 1)),
        (MONTHLY, at(1, 20), None),
        (QUARTERLY, at(4, 1), at(1, 17)),
        (QUARTERLY, at(3, 1), None),
        (YEARLY, at(2, 1), None),
        (YEARLY, at(1, 1, year=2027), at(1, 17)),
        (MONTHLY, at(1, 1, year=2027), at(12, 1)),
    ],
)
def test_which_window_ends_at_a_boundary(interval: BillingInterval, instant: datetime, start: datetime | None) -> None:
    window = FIRST.window_ending(interval, instant)
    assert (window and window.part) == (start and Period(start, instant))


def test_the_next_boundary_is_that_of_the_shortest_window() -> None:
    assert FIRST.next_boundary({YEARLY}, at(1, 17)) == at(1, 1, year=2027)
    assert FIRST.next_boundary({YEARLY, MONTHLY}, at(1, 17)) == at(2, 1)
    assert FIRST.next_boundary({YEARLY, MONTHLY}, at(2, 1)) == at(3, 1)
    assert FIRST.next_boundary([QUARTERLY, YEARLY], at(3, 31)) == at(4, 1)


def test_a_window_that_runs_is_that_before_the_boundary() -> None:
    assert FIRST.window_before(YEARLY, at(2, 1)).part == Period(at(1, 17), at(1, 1, year=2027))
    assert FIRST.window_before(MONTHLY, at(2, 1)).part == Period(at(1, 17), at(2, 1))


def test_without_an_anchor_all_windows_are_whole_and_keep_the_local_time() -> None:
    start = datetime(2026, 1, 31, 14, 30, tzinfo=UTC)
    berlin = Calendar(start, start, "Europe/Berlin")
    ends = []
    instant = start
    for _ in range(4):
        window = berlin.window(MONTHLY, instant)
        assert (window.part.start, window.share) == (instant, None)
        instant = window.part.end
        ends.append(instant)
    # 15:30 in Berlin, whose summer time begins on March 29.
    assert ends == [
        datetime(2026, 2, 28, 14, 30, tzinfo=UTC),
        datetime(2026, 3, 31, 13, 30, tzinfo=UTC),
        datetime(2026, 4, 30, 13, 30, tzinfo=UTC),
        datetime(2026, 5, 31, 13, 30, tzinfo=UTC),
    ]


def test_windows_of_all_cadences_end_together_on_day_31() -> None:
    calendar = Calendar(at(1, 31), at(3, 1), "UTC")
    assert calendar.window(MONTHLY, at(3, 1)).part == Period(at(3, 1), at(3, 31))
    assert calendar.window(QUARTERLY, at(3, 1)).part == Period(at(3, 1), at(4, 30))
    assert calendar.window_ending(MONTHLY, at(4, 30)) is not None
    assert calendar.window_ending(QUARTERLY, at(4, 30)) is not None


def test_the_last_window_ends_with_the_span() -> None:
    ending = Calendar(at(1, 1), at(1, 17), "UTC", at(3, 11))
    window = ending.window(MONTHLY, at(3, 1))
    assert (window.part, window.whole) == (Period(at(3, 1), at(3, 11)), Period(at(3, 1), at(4, 1)))
    assert window.share is not None
    assert window.share.exact == Fraction(10, 31)
    assert ending.window_ending(MONTHLY, at(3, 11)) == window
    assert ending.next_boundary({MONTHLY}, at(3, 1)) == at(3, 11)
    parts = list(ending.windows_within(MONTHLY, Period(at(1, 1), at(12, 1))))
    assert [one.part for one in parts] == [Period(at(1, 17), at(2, 1)), Period(at(2, 1), at(3, 1)), window.part]


def test_a_span_knows_what_lies_in_it() -> None:
    ending = Calendar(at(1, 1), at(1, 17), "UTC", at(3, 11))
    assert [ending.covers(instant) for instant in (at(1, 16), at(1, 17), at(3, 10), at(3, 11))] == [
        False, True, True, False,
    ]  # fmt: skip
    assert [ending.runs_before(instant) for instant in (at(1, 17), at(1, 18), at(3, 11), at(3, 12))] == [
        False, True, True, False,
    ]  # fmt: skip
    assert FIRST.runs_before(at(3, 12))
