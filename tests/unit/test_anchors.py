import json
from datetime import UTC, datetime

import pytest

from app.billing.anchors import (
    BillingAnchor,
    Weekday,
    anchor_from_json,
    anchor_instant,
    anchor_to_json,
    check_anchor,
)
from app.billing.errors import ErrorCode, InvariantBroken, Problems
from app.billing.periods import BillingInterval, number_containing

WEEKLY, MONTHLY, QUARTERLY, YEARLY = BillingInterval


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def on(day: int, month: int | None = None) -> BillingAnchor:
    return BillingAnchor(day=day, month=month)


@pytest.mark.parametrize(
    ("anchor", "interval", "start", "zone", "counted_from"),
    [
        (None, MONTHLY, "2026-01-17T12:34:56.789", "Asia/Tokyo", "2026-01-17T12:34:56.789"),
        (on(1), MONTHLY, "2026-01-17T12:00", "UTC", "2026-01-01T00:00"),
        (on(1), MONTHLY, "2026-02-01T00:00", "UTC", "2026-02-01T00:00"),
        (on(1), MONTHLY, "2026-01-31T23:59:59.999999", "UTC", "2026-01-01T00:00"),
        # Day 31 is counted from a month that has it, and comes back after shorter ones.
        (on(31), MONTHLY, "2026-03-01T00:00", "UTC", "2026-01-31T00:00"),
        (on(31), MONTHLY, "2026-03-31T05:00", "UTC", "2026-03-31T00:00"),
        (on(31), MONTHLY, "2026-05-30T23:00", "UTC", "2026-03-31T00:00"),
        (on(30), MONTHLY, "2026-03-15T00:00", "UTC", "2026-01-30T00:00"),
        (on(29), MONTHLY, "2028-03-15T00:00", "UTC", "2028-02-29T00:00"),
        # The last of January 2026 is a Saturday.
        (BillingAnchor(weekday=Weekday.MONDAY), WEEKLY, "2026-01-31T12:00", "UTC", "2026-01-26T00:00"),
        (BillingAnchor(weekday=Weekday.SATURDAY), WEEKLY, "2026-01-31T12:00", "UTC", "2026-01-31T00:00"),
        (BillingAnchor(weekday=Weekday.SUNDAY), WEEKLY, "2026-01-31T12:00", "UTC", "2026-01-25T00:00"),
        (on(1, 1), YEARLY, "2026-01-31T12:00", "UTC", "2026-01-01T00:00"),
        (on(1, 2), YEARLY, "2026-01-31T12:00", "UTC", "2025-02-01T00:00"),
        (on(29, 2), YEARLY, "2026-07-01T00:00", "UTC", "2024-02-29T00:00"),
        (on(29, 2), YEARLY, "2024-02-28T00:00", "UTC", "2020-02-29T00:00"),
        # 2100 is no leap year.
        (on(29, 2), YEARLY, "2101-01-01T00:00", "UTC", "2096-02-29T00:00"),
        (on(31, 1), QUARTERLY, "2026-06-15T00:00", "UTC", "2026-01-31T00:00"),
        (on(31, 1), QUARTERLY, "2026-08-01T00:00", "UTC", "2026-07-31T00:00"),
        (on(15, 2), QUARTERLY, "2026-01-31T00:00", "UTC", "2025-11-15T00:00"),
        (on(15, 11), QUARTERLY, "2026-01-31T00:00", "UTC", "2025-11-15T00:00"),
        # The midnight is that of the place.
        (on(1), MONTHLY, "2026-03-01T04:59", "America/New_York", "2026-02-01T05:00"),
        (on(1), MONTHLY, "2026-03-01T05:00", "America/New_York", "2026-03-01T05:00"),
        (on(1), MONTHLY, "2026-04-01T04:00", "America/New_York", "2026-04-01T04:00"),
        (on(1), MONTHLY, "2026-01-31T09:59", "Pacific/Kiritimati", "2025-12-31T10:00"),
        (on(1), MONTHLY, "2026-01-31T10:00", "Pacific/Kiritimati", "2026-01-31T10:00"),
    ],
)
def test_periods_are_counted_from_the_last_midnight_of_the_day(
    anchor: BillingAnchor | None, interval: BillingInterval, start: str, zone: str, counted_from: str
) -> None:
    found = anchor_instant(anchor, interval, at(start), zone)
    assert found == at(counted_from)
    assert number_containing(found, interval, at(start), zone) >= 0


@pytest.mark.parametrize(
    ("anchor", "interval", "errors"),
    [
        (None, MONTHLY, []),
        (BillingAnchor(weekday=Weekday.MONDAY), WEEKLY, []),
        (on(1), MONTHLY, []),
        (on(31), MONTHLY, []),
        (on(31, 1), QUARTERLY, []),
        (on(29, 2), YEARLY, []),
        (on(30, 4), YEARLY, []),
        (on(0), MONTHLY, [("OUT_OF_RANGE", "day")]),
        (on(-1), MONTHLY, [("OUT_OF_RANGE", "day")]),
        (on(32), MONTHLY, [("OUT_OF_RANGE", "day")]),
        (on(1, 0), YEARLY, [("OUT_OF_RANGE", "month")]),
        (on(32, 13), YEARLY, [("OUT_OF_RANGE", "day"), ("OUT_OF_RANGE", "month")]),
        # No February has 30 days and no April 31, so there would be no day to count from.
        (on(30, 2), YEARLY, [("OUT_OF_RANGE", "day")]),
        (on(31, 4), YEARLY, [("OUT_OF_RANGE", "day")]),
        (on(30, 2), QUARTERLY, [("OUT_OF_RANGE", "day")]),
        (BillingAnchor(), WEEKLY, [("BLANK", "weekday")]),
        (BillingAnchor(), MONTHLY, [("BLANK", "day")]),
        (BillingAnchor(), YEARLY, [("BLANK", "day"), ("BLANK", "month")]),
        (on(1), QUARTERLY, [("BLANK", "month")]),
        (on(1), WEEKLY, [("BLANK", "weekday"), ("INVALID", "day")]),
        (on(1, 1), MONTHLY, [("INVALID", "month")]),
        (BillingAnchor(Weekday.MONDAY, 1), MONTHLY, [("INVALID", "weekday")]),
        (BillingAnchor(Weekday.MONDAY, 0, 13), MONTHLY, [
            ("INVALID", "weekday"), ("INVALID", "month"), ("OUT_OF_RANGE", "day"), ("OUT_OF_RANGE", "month"),
        ]),
    ],
)  # fmt: skip
def test_an_anchor_is_a_day_of_its_interval(
    anchor: BillingAnchor | None, interval: BillingInterval, errors: list[tuple[str, str]]
) -> None:
    check_anchor(anchor, interval, problems := Problems(), "billingAnchor")
    assert [(error.code, error.field) for error in problems.errors] == [
        (ErrorCode(code), f"billingAnchor.{field}") for code, field in errors
    ]


@pytest.mark.parametrize(
    ("anchor", "stored"),
    [
        (None, None),
        (BillingAnchor(weekday=Weekday.MONDAY), {"weekday": "MONDAY"}),
        (on(31), {"day": 31}),
        (on(29, 2), {"day": 29, "month": 2}),
    ],
)
def test_the_stored_form_reads_back(anchor: BillingAnchor | None, stored: dict[str, object] | None) -> None:
    assert anchor_to_json(anchor) == stored
    assert anchor_from_json(json.loads(json.dumps(stored))) == anchor


@pytest.mark.parametrize("data", [{}, {"month": 2}, {"day": "1"}, {"weekday": 1}, {"weekday": "SOMEDAY"}])
def test_another_stored_form_is_corrupted_data(data: dict[str, object]) -> None:
    with pytest.raises(InvariantBroken):
        anchor_from_json(data)
