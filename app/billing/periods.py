"""Calendar arithmetic: the boundaries of billing periods in the subscription's timezone."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from dateutil.relativedelta import relativedelta

from app.billing.errors import InvariantBroken

# Names the zone database may hold that say nothing about a place, or mean whatever the machine is set to.
_NOT_PLACES = frozenset({"Factory", "localtime", "posixrules"})


class BillingInterval(StrEnum):
    """How long a billing period is."""

    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    QUARTERLY = "QUARTERLY"
    YEARLY = "YEARLY"


_LENGTHS: dict[BillingInterval, relativedelta] = {
    BillingInterval.WEEKLY: relativedelta(weeks=1),
    BillingInterval.MONTHLY: relativedelta(months=1),
    BillingInterval.QUARTERLY: relativedelta(months=3),
    BillingInterval.YEARLY: relativedelta(years=1),
}


@dataclass(frozen=True, slots=True)
class Period:
    """The half-open span [start, end) between two instants in UTC."""

    start: datetime
    end: datetime

    def contains(self, instant: datetime) -> bool:
        """Tell whether the instant lies in the period; the end belongs to the next one."""
        return self.start <= instant < self.end

    def since(self, start: datetime) -> "Period":
        """Return the part of the period from an instant in it on; one before it leaves it whole."""
        return Period(max(start, self.start), self.end)


def known_timezone(name: str) -> bool:
    """Tell whether the name is a zone of the IANA database, spelt as there."""
    return name in _timezones()


def boundary(anchor: datetime, interval: BillingInterval, k: int, zone: str) -> datetime:
    """Return the instant, in UTC, at which period `k` of an anchor begins; boundary 0 is the anchor itself.

    The anchor's local wall time is moved by k intervals, always from the anchor, so that Jan 31 gives Feb 28 and then
    Mar 31. A local time that does not exist becomes the end of the gap, an ambiguous one is the first of the two.
    """
    if anchor.utcoffset() is None:
        raise InvariantBroken("The anchor of a period must be an instant in UTC.")
    if k == 0:
        # An anchor in the second of two equal local hours would come back an hour early.
        return anchor.astimezone(UTC)
    place = ZoneInfo(zone)
    wall = anchor.astimezone(place).replace(tzinfo=None)
    return instant_of(wall + _LENGTHS[interval] * k, place)


def period_number(anchor: datetime, interval: BillingInterval, k: int, zone: str) -> Period:
    """Return period `k` (0 is the first), from boundary k to boundary k + 1."""
    return Period(boundary(anchor, interval, k, zone), boundary(anchor, interval, k + 1, zone))


def number_containing(anchor: datetime, interval: BillingInterval, instant: datetime, zone: str) -> int:
    """Return the number of the period of an anchor that contains an instant; it is negative before the anchor."""
    k = _guess(anchor, interval, instant, zone)
    while boundary(anchor, interval, k, zone) > instant:
        k -= 1
    while boundary(anchor, interval, k + 1, zone) <= instant:
        k += 1
    return k


def instant_of(wall: datetime, place: ZoneInfo) -> datetime:
    """Return the instant, in UTC, of a naive local time.

    One that does not exist becomes the end of the gap, an ambiguous one is the first of the two.
    """
    instant = wall.replace(tzinfo=place, fold=0).astimezone(UTC)
    if instant.astimezone(place).replace(tzinfo=None) == wall:
        return instant
    return _end_of_gap(wall, place)


def days_later(instant: datetime, days: int, zone: str) -> datetime:
    """Return the instant, in UTC, at which it is the same local time so many days later."""
    place = ZoneInfo(zone)
    return instant_of(instant.astimezone(place).replace(tzinfo=None) + timedelta(days=days), place)


def _guess(anchor: datetime, interval: BillingInterval, instant: datetime, zone: str) -> int:
    """Return the number of the period an instant is in, or of the one next to it."""
    place = ZoneInfo(zone)
    from_day, to_day = anchor.astimezone(place).date(), instant.astimezone(place).date()
    if interval is BillingInterval.WEEKLY:
        return (to_day - from_day).days // 7
    months = 12 * (to_day.year - from_day.year) + to_day.month - from_day.month
    return months // {BillingInterval.MONTHLY: 1, BillingInterval.QUARTERLY: 3, BillingInterval.YEARLY: 12}[interval]


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NOT_PLACES


def _end_of_gap(wall: datetime, place: ZoneInfo) -> datetime:
    """Find the instant at which the clocks jumped over `wall`.

    Read with the offset after the jump (fold 1) a skipped time lies before it, with the offset before the jump (fold 0)
    at or after it (PEP 495). Jumps happen on whole seconds, so the search between the two is by seconds.
    """
    before = wall.replace(tzinfo=place, fold=1, microsecond=0).astimezone(UTC)
    after = wall.replace(tzinfo=place, fold=0, microsecond=0).astimezone(UTC)
    second = timedelta(seconds=1)
    old_offset = before.astimezone(place).utcoffset()

    def jumped(seconds: int) -> bool:
        return (before + seconds * second).astimezone(place).utcoffset() != old_offset

    return before + bisect_left(range((after - before) // second), True, key=jumped) * second
