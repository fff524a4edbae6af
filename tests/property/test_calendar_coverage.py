"""Every anchor, cadence and zone: periods tile from 2024 to 2032, and come back to the 31st after February."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from app.billing.calendars import Calendar
from app.billing.periods import BillingInterval, boundary
from tests.naive.windows import instant_of

ZONES = (
    "UTC", "Europe/Berlin", "Europe/London", "Europe/Lisbon", "Europe/Moscow", "Africa/Casablanca", "Africa/Cairo",
    "America/New_York", "America/Los_Angeles", "America/St_Johns", "America/Sao_Paulo", "America/Santiago",
    "America/Havana", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tehran", "Asia/Tokyo", "Australia/Lord_Howe",
    "Pacific/Kiritimati", "Pacific/Apia",
)  # fmt: skip
MONTHS = {BillingInterval.MONTHLY: 1, BillingInterval.QUARTERLY: 3, BillingInterval.YEARLY: 12}
END = datetime(2032, 12, 31, tzinfo=UTC)


def walls(start: datetime, interval: BillingInterval) -> list[datetime]:
    """The local times at which periods begin, counted by hand."""
    found, number = [start], 0
    while found[-1].year < 2033:
        number += 1
        if interval is BillingInterval.WEEKLY:
            found.append(start + timedelta(days=7 * number))
            continue
        months = start.month - 1 + number * MONTHS[interval]
        year, month = start.year + months // 12, months % 12 + 1
        found.append(start.replace(year=year, month=month, day=min(start.day, monthrange(year, month)[1])))
    return found


@pytest.mark.parametrize("zone", ZONES)
def test_periods_tile_from_every_anchor(zone: str) -> None:
    """Half past two is skipped, or there twice, on the night when the clocks change."""
    place, count = ZoneInfo(zone), 0
    for interval in BillingInterval:
        # Of a week, seven days are all anchors there are.
        for day in range(1, 8 if interval is BillingInterval.WEEKLY else 32):
            first = datetime(2024, 1, day, 2, 30)  # noqa: DTZ001 - a local time
            anchor = instant_of(first, place)
            expected = [anchor, *(instant_of(wall, place) for wall in walls(first, interval)[1:])]
            found = [boundary(anchor, interval, k, zone) for k in range(len(expected))]
            assert found == expected
            calendar = Calendar(anchor, anchor, zone)
            assert found[-1] >= END
            pairs = list(pairwise(found))
            count += len(pairs)
            # Each boundary is where one window ends and the next begins; an instant in between is in that window.
            for start, end in pairs[::9]:
                window = calendar.window(interval, start + (end - start) / 2).part
                assert (window.start, window.end) == (start, end)
    assert count > 7 * 460 + 31 * (108 + 36 + 9)
