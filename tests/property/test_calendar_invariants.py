"""Windows of subscriptions tile time, for every anchor, cadence and zone."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from app.billing.anchors import BillingAnchor, Weekday, anchor_instant
from app.billing.cadences import Cadence, fits
from app.billing.calendars import Calendar
from app.billing.periods import BillingInterval
from app.billing.windows import Window, windows

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "America/Havana",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
]
STARTS = st.datetimes(datetime(2020, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - asked for by st
INTERVALS = st.sampled_from(BillingInterval)


def anchored(draw: st.DrawFn, interval: BillingInterval) -> BillingAnchor | None:
    """No anchor, or one that goes with an interval."""
    if draw(st.booleans()):
        return None
    if interval is BillingInterval.WEEKLY:
        return BillingAnchor(weekday=draw(st.sampled_from(Weekday)))
    if interval is BillingInterval.MONTHLY:
        return BillingAnchor(day=draw(st.integers(1, 31)))
    month = draw(st.integers(1, 12))
    return BillingAnchor(day=draw(st.integers(1, monthrange(2024, month)[1])), month=month)


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Calendar, BillingInterval, BillingAnchor | None]:
    interval, zone, start = draw(INTERVALS), draw(st.sampled_from(ZONES)), draw(STARTS)
    anchor = anchored(draw, interval)
    return Calendar(anchor_instant(anchor, interval, start, zone), start, zone), interval, anchor


def local(instant: datetime, zone: str) -> datetime:
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def ends(calendar: Calendar, intervals: set[BillingInterval], count: int) -> list[datetime]:
    found = [calendar.next_boundary(intervals, calendar.started_at)]
    while len(found) < count:
        found.append(calendar.next_boundary(intervals, found[-1]))
    return found


@given(calendars())
def test_17_windows_tile_from_the_start_on_without_gap_or_overlap(
    drawn: tuple[Calendar, BillingInterval, BillingAnchor | None],
) -> None:
    calendar, interval, _ = drawn
    at = calendar.started_at
    for place in range(14):
        window = calendar.window(interval, at)
        assert window.part.start == at < window.part.end == window.whole.end
        assert (window.part == window.whole) or place == 0
        assert calendar.window_ending(interval, window.part.end) == window
        assert calendar.window(interval, window.part.end - timedelta(microseconds=1)) == window
        at = window.part.end


@given(calendars(), INTERVALS)
def test_17_a_shorter_cadence_ends_wherever_a_longer_one_does(
    drawn: tuple[Calendar, BillingInterval, BillingAnchor | None], shorter: BillingInterval
) -> None:
    calendar, interval, _ = drawn
    assume(fits(Cadence(shorter), interval))
    both = ends(calendar, {shorter, interval}, 26)
    assert both == ends(calendar, {shorter}, 26)
    longer = [end for end in ends(calendar, {interval}, 26) if end <= both[-1]]
    assert set(longer) <= set(both)
    assert [end for end in both if calendar.window_ending(interval, end)] == longer


@given(calendars())
@example((Calendar(datetime(2024, 3, 3, 5, tzinfo=UTC), datetime(2024, 3, 13, tzinfo=UTC), "America/Havana"),
          BillingInterval.WEEKLY, BillingAnchor(weekday=Weekday.SUNDAY)))  # fmt: skip
def test_17_anchored_windows_end_at_the_local_midnights_of_the_anchor(
    drawn: tuple[Calendar, BillingInterval, BillingAnchor | None],
) -> None:
    calendar, interval, anchor = drawn
    assume(anchor is not None)
    assert anchor is not None
    for end in ends(calendar, {interval}, 14):
        shown = local(end, calendar.zone)
        if anchor.weekday is not None:
            assert shown.weekday() == list(Weekday).index(anchor.weekday)
        if anchor.day is not None:
            assert shown.day == min(anchor.day, monthrange(shown.year, shown.month)[1])
        if anchor.month is not None:
            assert (shown.month - anchor.month) % (12 if interval is BillingInterval.YEARLY else 3) == 0
        # Midnight, unless the clocks jumped over it: then a microsecond before it was yet the day before.
        assert shown.time() == time() or local(end - timedelta(microseconds=1), calendar.zone).date() < shown.date()


@pytest.mark.parametrize("day", [29, 30, 31])
@given(st.integers(2020, 2090), st.sampled_from(ZONES), st.booleans(), st.integers(1, 20))
def test_18_the_anchor_day_returns_after_shorter_months(
    day: int, year: int, zone: str, of_plan: bool, hour: int
) -> None:
    start = datetime(year, 1, day, hour, 15, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    anchor = BillingAnchor(day=day) if of_plan else None
    calendar = Calendar(anchor_instant(anchor, BillingInterval.MONTHLY, start, zone), start, zone)
    found = [local(end, zone).date() for end in ends(calendar, {BillingInterval.MONTHLY}, 12)]
    months = [(year, month) for month in range(2, 13)] + [(year + 1, 1)]
    assert found == [date(y, month, min(day, monthrange(y, month)[1])) for y, month in months]


@given(st.integers(505, 520), st.sampled_from(ZONES), st.booleans())
def test_18_the_29th_of_february_returns_in_leap_years(quarter: int, zone: str, of_plan: bool) -> None:
    year = quarter * 4
    start = datetime(year, 2, 29, 9, 30, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    anchor = BillingAnchor(day=29, month=2) if of_plan else None
    calendar = Calendar(anchor_instant(anchor, BillingInterval.YEARLY, start, zone), start, zone)
    found = [local(end, zone).date() for end in ends(calendar, {BillingInterval.YEARLY}, 8)]
    assert found == [date(y, 2, monthrange(y, 2)[1]) for y in range(year + 1, year + 9)]


@given(STARTS, st.sampled_from(ZONES))
def test_19_a_week_is_seven_local_days_however_long_they_are(start: datetime, zone: str) -> None:
    calendar = Calendar(start, start, zone)
    found = [start, *ends(calendar, {BillingInterval.WEEKLY}, 52)]
    for one, other in pairwise(found):
        assert (local(other, zone).date() - local(one, zone).date()).days == 7
        # An end that begins a day takes nothing of it; one within a day takes a part of an eighth.
        begins_a_day = local(other - timedelta(microseconds=1), zone).date() < local(other, zone).date()
        assert len(windows(Window.DAY, one, other, zone)) == (7 if begins_a_day else 8)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Havana", date(2024, 3, 10), 23),
        ("America/Havana", date(2024, 11, 3), 25),
        ("Australia/Lord_Howe", date(2024, 4, 7), 24.5),
    ],
)
def test_19_a_long_or_short_local_day_is_one_day(zone: str, day: date, hours: float) -> None:
    midnight = datetime.combine(day, time(), ZoneInfo(zone))
    start = (midnight - timedelta(days=2)).astimezone(UTC)
    lengths = [period.end - period.start for period in windows(Window.DAY, start, start + timedelta(days=6), zone)]
    assert lengths[:4] == [timedelta(days=1), timedelta(days=1), timedelta(hours=hours), timedelta(days=1)]
