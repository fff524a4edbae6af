from datetime import UTC, datetime, timedelta

import pytest

from app.billing.errors import InvariantBroken
from app.billing.periods import BillingInterval, Period, boundary, known_timezone, number_containing, period_number


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def containing(anchor: datetime, interval: BillingInterval, instant: datetime, zone: str) -> Period:
    return period_number(anchor, interval, number_containing(anchor, interval, instant, zone), zone)


@pytest.mark.parametrize(
    ("anchor", "interval", "boundaries"),
    [
        ("2026-01-31", BillingInterval.MONTHLY, ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
        ("2027-12-31", BillingInterval.MONTHLY, ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31"]),
        ("2026-01-30", BillingInterval.MONTHLY, ["2026-01-30", "2026-02-28", "2026-03-30"]),
        ("2026-11-30", BillingInterval.QUARTERLY, ["2026-11-30", "2027-02-28", "2027-05-30", "2027-08-30"]),
        ("2028-02-29", BillingInterval.YEARLY, ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
        ("2026-02-26", BillingInterval.WEEKLY, ["2026-02-26", "2026-03-05", "2026-03-12"]),
        ("2096-02-29", BillingInterval.YEARLY, ["2096-02-29", "2097-02-28", "2098-02-28", "2099-02-28", "2100-02-28"]),
    ],
)
def test_boundaries_are_counted_from_the_anchor(anchor: str, interval: BillingInterval, boundaries: list[str]) -> None:
    found = [boundary(utc(anchor), interval, k, "UTC") for k in range(len(boundaries))]
    assert found == [utc(text) for text in boundaries]


def test_the_local_time_of_day_stays_over_a_change_of_offset() -> None:
    # 09:30 in Berlin is 08:30 UTC in winter and 07:30 UTC in summer.
    anchor = utc("2026-02-15T08:30")
    assert boundary(anchor, BillingInterval.MONTHLY, 1, "Europe/Berlin") == utc("2026-03-15T08:30")
    assert boundary(anchor, BillingInterval.MONTHLY, 2, "Europe/Berlin") == utc("2026-04-15T07:30")
    assert boundary(anchor, BillingInterval.MONTHLY, 9, "Europe/Berlin") == utc("2026-11-15T08:30")


@pytest.mark.parametrize(
    ("zone", "anchor", "gap_ends"),
    [
        # 02:30 local; on 29 March 2026 Berlin goes from 02:00 to 03:00, which is 01:00 UTC.
        ("Europe/Berlin", "2026-03-22T01:30", "2026-03-29T01:00"),
        # 02:00, the first moment of that gap.
        ("Europe/Berlin", "2026-03-22T01:00", "2026-03-29T01:00"),
        # 02:59:59.999999, the last one.
        ("Europe/Berlin", "2026-03-22T01:59:59.999999", "2026-03-29T01:00"),
        # 02:15 local; on 8 March 2026 New York goes from 02:00 to 03:00, which is 07:00 UTC.
        ("America/New_York", "2026-03-01T07:15", "2026-03-08T07:00"),
        # 02:10 local; on 4 October 2026 Lord Howe goes from 02:00 to 02:30, which is 15:30 UTC of the 3rd.
        ("Australia/Lord_Howe", "2026-09-26T15:40", "2026-10-03T15:30"),
        # Midnight; on 6 September 2026 Santiago goes from 00:00 to 01:00, which is 04:00 UTC.
        ("America/Santiago", "2026-08-30T04:00", "2026-09-06T04:00"),
        # Friday 30 December 2011 did not happen in Apia: the 29th ended at 10:00 UTC of the 30th.
        ("Pacific/Apia", "2011-12-23T22:00", "2011-12-30T10:00"),
    ],
)
def test_a_local_time_that_does_not_exist_becomes_the_end_of_the_gap(zone: str, anchor: str, gap_ends: str) -> None:
    assert boundary(utc(anchor), BillingInterval.WEEKLY, 1, zone) == utc(gap_ends)


def test_the_boundary_after_a_gap_is_back_at_the_anchors_time_of_day() -> None:
    assert boundary(utc("2026-03-22T01:30"), BillingInterval.WEEKLY, 2, "Europe/Berlin") == utc("2026-04-05T00:30")


def test_an_ambiguous_local_time_is_the_first() -> None:
    # 02:30 local happens twice on 25 October 2026 in Berlin: at 00:30 and at 01:30 UTC.
    assert boundary(utc("2026-10-18T00:30"), BillingInterval.WEEKLY, 1, "Europe/Berlin") == utc("2026-10-25T00:30")


def test_an_anchor_in_the_second_of_two_equal_hours_stays_where_it_is() -> None:
    anchor = utc("2026-10-25T01:30")
    assert boundary(anchor, BillingInterval.WEEKLY, 0, "Europe/Berlin") == anchor
    assert boundary(anchor, BillingInterval.WEEKLY, 1, "Europe/Berlin") == utc("2026-11-01T01:30")


def test_a_day_of_23_hours_is_one_day_of_its_period() -> None:
    # A month from local midnight to local midnight over the change of March.
    period = period_number(utc("2026-02-28T23:00"), BillingInterval.MONTHLY, 0, "Europe/Berlin")
    assert period == Period(utc("2026-02-28T23:00"), utc("2026-03-31T22:00"))
    assert period.end - period.start == timedelta(days=31, hours=-1)


def test_a_period_holds_its_start_and_not_its_end() -> None:
    period = period_number(utc("2026-01-31"), BillingInterval.MONTHLY, 0, "UTC")
    assert period.contains(utc("2026-01-31"))
    assert period.contains(utc("2026-02-27T23:59:59.999999"))
    assert not period.contains(utc("2026-02-28"))
    assert not period.contains(utc("2026-01-30T23:59:59.999999"))


def test_boundaries_are_in_utc_even_if_the_anchor_is_not() -> None:
    anchor = datetime.fromisoformat("2026-01-31T01:00+01:00")
    assert boundary(anchor, BillingInterval.MONTHLY, 0, "UTC").utcoffset() == timedelta(0)
    assert boundary(anchor, BillingInterval.MONTHLY, 1, "UTC") == utc("2026-02-28")


def test_an_anchor_without_a_zone_is_a_bug() -> None:
    with pytest.raises(InvariantBroken, match="instant in UTC"):
        boundary(utc("2026-01-31").replace(tzinfo=None), BillingInterval.MONTHLY, 1, "UTC")


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kathmandu"])
def test_zones_of_the_iana_database_are_known(name: str) -> None:
    assert known_timezone(name)


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "europe/berlin", "America", "America/", "../etc/passwd", "/etc/localtime", "UTC\x00",
             "localtime", "Factory", "posix/UTC", "right/UTC", "+01:00", "A" * 5000]
)  # fmt: skip
def test_what_is_not_in_it_is_unknown(name: str) -> None:
    assert not known_timezone(name)


@pytest.mark.parametrize(
    ("interval", "anchor", "instant", "start", "end"),
    [
        (BillingInterval.MONTHLY, "2026-01-31", "2026-01-31", "2026-01-31", "2026-02-28"),
        (BillingInterval.MONTHLY, "2026-01-31", "2026-02-27T23:59:59.999999", "2026-01-31", "2026-02-28"),
        (BillingInterval.MONTHLY, "2026-01-31", "2026-02-28", "2026-02-28", "2026-03-31"),
        (BillingInterval.MONTHLY, "2026-01-31", "2500-03-01", "2500-02-28", "2500-03-31"),
        (BillingInterval.MONTHLY, "2026-01-31T12:00", "2026-03-31T11:59", "2026-02-28T12:00", "2026-03-31T12:00"),
        (BillingInterval.MONTHLY, "2026-01-31", "2026-01-30", "2025-12-31", "2026-01-31"),
        (BillingInterval.WEEKLY, "2026-02-26", "2026-03-05", "2026-03-05", "2026-03-12"),
        (BillingInterval.WEEKLY, "2026-02-26", "2026-03-04T23:00", "2026-02-26", "2026-03-05"),
        (BillingInterval.WEEKLY, "2026-02-26", "2026-02-25", "2026-02-19", "2026-02-26"),
        (BillingInterval.QUARTERLY, "2026-11-30", "2027-02-27", "2026-11-30", "2027-02-28"),
        (BillingInterval.QUARTERLY, "2026-11-30", "2027-02-28", "2027-02-28", "2027-05-30"),
        (BillingInterval.YEARLY, "2028-02-29", "2032-02-28", "2031-02-28", "2032-02-29"),
        (BillingInterval.YEARLY, "2028-02-29", "2032-02-29", "2032-02-29", "2033-02-28"),
    ],
)
def test_the_period_that_contains_an_instant(
    interval: BillingInterval, anchor: str, instant: str, start: str, end: str
) -> None:
    assert containing(utc(anchor), interval, utc(instant), "UTC") == Period(utc(start), utc(end))


def test_the_period_that_contains_an_instant_follows_the_local_time() -> None:
    anchor = utc("2026-02-28T01:30")
    second = Period(utc("2026-03-28T01:30"), utc("2026-04-28T00:30"))
    assert containing(anchor, BillingInterval.MONTHLY, utc("2026-04-28T00:29"), "Europe/Berlin") == second
    # 02:30 on 29 March 2026 does not exist in Berlin: the period begins at 01:00 UTC, the end of the gap.
    anchor = utc("2026-03-22T01:30")
    for instant, number in (("2026-03-29T00:59:59", 0), ("2026-03-29T01:00", 1)):
        expected = period_number(anchor, BillingInterval.WEEKLY, number, "Europe/Berlin")
        assert containing(anchor, BillingInterval.WEEKLY, utc(instant), "Europe/Berlin") == expected


@pytest.mark.parametrize("interval", BillingInterval)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Pacific/Apia", "America/Santiago"])
def test_every_boundary_is_in_the_period_it_begins(interval: BillingInterval, zone: str) -> None:
    anchor = utc("2010-08-31T03:59:59")
    for k in range(-5, 60):
        period = period_number(anchor, interval, k, zone)
        assert containing(anchor, interval, period.start, zone) == period
        assert containing(anchor, interval, period.end - timedelta(microseconds=1), zone) == period
