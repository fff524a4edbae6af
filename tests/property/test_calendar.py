"""Periods tile time without gap or overlap, whatever the anchor, the interval and the zone do."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.billing.periods import BillingInterval, boundary, period_number

MONTHS = {BillingInterval.MONTHLY: 1, BillingInterval.QUARTERLY: 3, BillingInterval.YEARLY: 12}
# Half-hour and midnight jumps, a day that was left out (Apia 2011), no jumps at all, and both hemispheres.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
]
ANCHORS = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - asked for by st
INTERVALS = st.sampled_from(BillingInterval)


def local(instant: datetime, zone: str) -> datetime:
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def moved(wall: datetime, months: int) -> datetime:
    """Move a wall time by months the naive way: the same day, or the last one of a month that is too short."""
    year, month = divmod(wall.year * 12 + wall.month - 1 + months, 12)
    day = min(wall.day, monthrange(year, month + 1)[1])
    return wall.replace(year=year, month=month + 1, day=day)


@pytest.mark.parametrize("zone", ZONES)
@given(anchor=ANCHORS, interval=INTERVALS, k=st.integers(0, 120))
def test_each_period_begins_where_the_last_one_ends(
    zone: str, anchor: datetime, interval: BillingInterval, k: int
) -> None:
    before, after = period_number(anchor, interval, k, zone), period_number(anchor, interval, k + 1, zone)
    assert before.start < before.end == after.start < after.end
    assert after.contains(before.end)
    assert not before.contains(before.end)


@pytest.mark.parametrize("interval", BillingInterval)
@pytest.mark.parametrize("day", range(1, 32))
def test_a_decade_is_tiled_from_every_day_of_the_month(day: int, interval: BillingInterval) -> None:
    for zone in ZONES:
        anchor = datetime(2024, 1, day, 12, 30, tzinfo=UTC)
        steps = 523 if interval is BillingInterval.WEEKLY else 120 // MONTHS[interval]
        boundaries = [boundary(anchor, interval, k, zone) for k in range(steps + 1)]
        assert boundaries == sorted(set(boundaries))
        assert boundaries[-1] - anchor > timedelta(days=3650)


@pytest.mark.parametrize("zone", ZONES)
@given(anchor=ANCHORS, interval=st.sampled_from(sorted(MONTHS)), k=st.integers(1, 120))
def test_a_boundary_is_the_anchors_day_and_time_where_they_exist(
    zone: str, anchor: datetime, interval: BillingInterval, k: int
) -> None:
    found = boundary(anchor, interval, k, zone)
    wanted = moved(local(anchor, zone), k * MONTHS[interval])
    candidates = [wanted.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]
    existing = [instant for instant in candidates if local(instant, zone) == wanted]
    if existing:
        assert found == min(existing)
    else:
        # The wanted time was skipped: the boundary is the first instant after the jump.
        assert local(found, zone) > wanted > local(found - timedelta(microseconds=1), zone)


@given(st.integers(2000, 2090), st.integers(0, 23), st.sampled_from(ZONES))
def test_the_anchor_returns_to_the_31st(year: int, hour: int, zone: str) -> None:
    anchor = datetime(year, 1, 31, hour, 15, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    days = [local(boundary(anchor, BillingInterval.MONTHLY, k, zone), zone).day for k in range(12)]
    leap = monthrange(year, 2)[1]
    expected = [31, leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    assert days == expected


@given(st.integers(500, 522), st.sampled_from(ZONES), st.integers(1, 40))
def test_the_29th_of_february_returns_in_leap_years(quarter: int, zone: str, k: int) -> None:
    anchor = datetime(quarter * 4, 2, 29, 9, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    found = local(boundary(anchor, BillingInterval.YEARLY, k, zone), zone)
    assert (found.month, found.day) == (2, monthrange(found.year, 2)[1])


@given(ANCHORS, INTERVALS, st.sampled_from(ZONES), st.integers(0, 60), st.integers(0, 100))
def test_an_instant_lies_in_exactly_one_period(
    anchor: datetime, interval: BillingInterval, zone: str, k: int, percent: int
) -> None:
    period = period_number(anchor, interval, k, zone)
    instant = period.start + (period.end - period.start) * percent // 100
    holding = [n for n in range(max(k - 2, 0), k + 3) if period_number(anchor, interval, n, zone).contains(instant)]
    assert holding == [k] if instant < period.end else [k + 1]
