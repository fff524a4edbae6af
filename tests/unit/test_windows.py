from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from app.billing.errors import ErrorCode, Refused
from app.billing.windows import Window, windows


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def edges(window: Window, start: str, end: str, zone: str = "UTC") -> list[datetime]:
    cut = windows(window, utc(start), utc(end), zone)
    assert [span.end for span in cut[:-1]] == [span.start for span in cut[1:]]
    return [cut[0].start, *(span.end for span in cut)]


def test_the_first_and_the_last_window_are_clipped_to_the_range() -> None:
    found = edges(Window.DAY, "2026-01-31T10:00", "2026-02-03T05:30")
    assert found == [utc(t) for t in ("2026-01-31T10:00", "2026-02-01", "2026-02-02", "2026-02-03", "2026-02-03T05:30")]


def test_a_range_within_one_window_is_one_window() -> None:
    assert edges(Window.MONTH, "2026-02-03", "2026-02-04") == [utc("2026-02-03"), utc("2026-02-04")]


@pytest.mark.parametrize(
    ("window", "start", "end", "expected"),
    [
        (Window.MINUTE, "2026-01-01T00:00:30", "2026-01-01T00:02", ["00:00:30", "00:01:00", "00:02:00"]),
        (Window.HOUR, "2026-01-01T00:00", "2026-01-01T02:00", ["00:00", "01:00", "02:00"]),
        (Window.HOUR, "2026-01-01T00:59:59.999999", "2026-01-01T01:00:00.000001",
         ["00:59:59.999999", "01:00", "01:00:00.000001"]),
    ],
)  # fmt: skip
def test_minutes_and_hours(window: Window, start: str, end: str, expected: list[str]) -> None:
    assert edges(window, start, end) == [utc(f"2026-01-01T{text}") for text in expected]


def test_months_of_every_length() -> None:
    found = edges(Window.MONTH, "2027-12-15", "2028-04-01")
    assert found == [utc(t) for t in ("2027-12-15", "2028-01-01", "2028-02-01", "2028-03-01", "2028-04-01")]


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [("2026-03-28T23:00", "2026-03-29T22:00", 23), ("2026-10-24T22:00", "2026-10-25T23:00", 25)],
)
def test_a_local_day_of_23_or_25_hours_is_one_day_and_as_many_hours(start: str, end: str, hours: int) -> None:
    assert len(edges(Window.DAY, start, end, "Europe/Berlin")) == 2
    found = edges(Window.HOUR, start, end, "Europe/Berlin")
    assert [later - one for one, later in pairwise(found)] == [timedelta(hours=1)] * hours


def test_months_begin_at_local_midnight_in_winter_and_summer() -> None:
    found = edges(Window.MONTH, "2026-03-15", "2026-05-15", "Europe/Berlin")
    assert found[1:-1] == [utc("2026-03-31T22:00"), utc("2026-04-30T22:00")]


def test_hours_of_a_zone_with_an_offset_of_a_quarter_of_an_hour() -> None:
    found = edges(Window.HOUR, "2026-01-01T00:00", "2026-01-01T02:00", "Asia/Kathmandu")
    assert found[1:-1] == [utc("2026-01-01T00:15"), utc("2026-01-01T01:15")]


def test_a_jump_of_half_an_hour_keeps_the_windows_on_local_hours() -> None:
    # On 4 October 2026 Lord Howe goes from 02:00 (15:30 UTC of the 3rd) to 02:30.
    found = edges(Window.HOUR, "2026-10-03T14:30", "2026-10-03T17:00", "Australia/Lord_Howe")
    assert found == [utc(f"2026-10-03T{t}") for t in ("14:30", "15:30", "16:00", "17:00")]


def test_a_midnight_that_does_not_exist_is_the_end_of_the_gap() -> None:
    # On 6 September 2026 Santiago goes from 00:00 (04:00 UTC) to 01:00.
    assert edges(Window.DAY, "2026-09-05T12:00", "2026-09-07T00:00", "America/Santiago")[1] == utc("2026-09-06T04:00")


def test_a_midnight_that_comes_twice_is_the_first() -> None:
    # On 1 November 2026 Havana goes from 01:00 back to 00:00 at 05:00 UTC; its first midnight is 04:00 UTC.
    found = edges(Window.DAY, "2026-10-31T12:00", "2026-11-01T12:00", "America/Havana")
    assert found[1:-1] == [utc("2026-11-01T04:00")]


def test_a_day_that_did_not_happen_is_no_window() -> None:
    # Apia had no 30 December 2011: the 29th ended at 10:00 UTC of the 30th.
    found = edges(Window.DAY, "2011-12-29T10:00", "2011-12-31T10:00", "Pacific/Apia")
    assert found == [utc("2011-12-29T10:00"), utc("2011-12-30T10:00"), utc("2011-12-31T10:00")]


@pytest.mark.parametrize(
    ("window", "step"),
    [(Window.MINUTE, timedelta(minutes=1)), (Window.HOUR, timedelta(hours=1)), (Window.DAY, timedelta(days=1))],
)
def test_a_thousand_windows_and_no_more(window: Window, step: timedelta) -> None:
    start = utc("2026-01-01")
    assert len(windows(window, start, start + 1000 * step, "UTC")) == 1000
    for end in (start + 1000 * step + timedelta(microseconds=1), utc("2490-01-01")):
        with pytest.raises(Refused) as refused:
            windows(window, start, end, "UTC")
        assert [(error.code, error.field) for error in refused.value.errors] == [(ErrorCode.OUT_OF_RANGE, "window")]


def test_a_thousand_months() -> None:
    assert len(windows(Window.MONTH, utc("2026-01-01"), utc("2109-05-01"), "UTC")) == 1000
    with pytest.raises(Refused):
        windows(Window.MONTH, utc("2026-01-01"), utc("2109-05-01T00:00:01"), "UTC")
