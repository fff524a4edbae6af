"""Where billing windows begin and end, found by walking through the calendar day by day."""

from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.naive.history import Anchor, Interval, Subscription

DAY, MINUTE, TICK = timedelta(days=1), timedelta(minutes=1), timedelta(microseconds=1)
MONTHS = {"MONTHLY": 1, "QUARTERLY": 3, "YEARLY": 12}


class Window(NamedTuple):
    """From `start` to `end`, of a whole period which may begin earlier and end later."""

    start: datetime
    end: datetime
    whole_start: datetime
    whole_end: datetime

    @property
    def share(self) -> Fraction:
        """Which part it is of the whole period."""
        return Fraction((self.end - self.start) // TICK, (self.whole_end - self.whole_start) // TICK)


class Counting(NamedTuple):
    """From where the periods of a subscription are counted: an instant, or the last anchor at or before it."""

    zone: str
    anchor: Anchor | None
    since: datetime


def billed_from(subscription: Subscription) -> datetime:
    """When billing begins: at the start, or when it is the same time of day there after the days of a trial."""
    if subscription.trial_days is None:
        return subscription.started_at
    place = ZoneInfo(subscription.zone)
    local = subscription.started_at.astimezone(place).replace(tzinfo=None)
    return instant_of(local + timedelta(days=subscription.trial_days), place)


def counting_of(subscription: Subscription) -> Counting:
    """From where the periods of a subscription are counted at first."""
    return Counting(subscription.zone, subscription.plan.anchor, billed_from(subscription))


def windows(subscription: Subscription, interval: Interval, until: datetime) -> list[Window]:
    """All windows of a new subscription at a cadence that begin by an instant, the first clipped to its start."""
    return clipped(counting_of(subscription), interval, billed_from(subscription), None, until)


def clipped(
    counting: Counting, interval: Interval, start: datetime, end: datetime | None, until: datetime
) -> list[Window]:
    """The windows of a span of time that begin by an instant, the first and the last clipped to the span."""
    listed = []
    for begins, ends in pairwise(_edges(counting, interval, until)):
        if ends > start and (end is None or begins < end):
            listed.append(Window(max(begins, start), ends if end is None else min(ends, end), begins, ends))
    return listed


@lru_cache(maxsize=1000)
def _edges(counting: Counting, interval: Interval, until: datetime) -> list[datetime]:
    """The instants at which periods begin, from the last one at or before the start to the first one after `until`."""
    zone, anchor, start = counting
    place, clock = ZoneInfo(zone), time()
    local = start.astimezone(place).replace(tzinfo=None)
    if anchor is None:
        # The start itself is the first edge, and its day and its time of day come again.
        anchor, clock = Anchor(local.weekday(), local.day, local.month), local.time()
        edges, day = [start], local.date() + DAY
    else:
        day = local.date()
        while not _begins(day, interval, anchor):
            day -= DAY
        edges, day = [instant_of(datetime.combine(day, clock), place)], day + DAY
    while edges[-1] <= until:
        if _begins(day, interval, anchor):
            edges.append(instant_of(datetime.combine(day, clock), place))
        day += DAY
    return edges


def end_of_day(instant: datetime, zone: str) -> datetime:
    """When the day of an instant is over somewhere."""
    place = ZoneInfo(zone)
    return instant_of(datetime.combine(instant.astimezone(place).date() + DAY, time()), place)


def _begins(day: date, interval: Interval, anchor: Anchor) -> bool:
    """Tell whether a period begins on a day. The anchor's day is the last of a month that is too short for it."""
    if interval == "WEEKLY":
        return day.weekday() == anchor.weekday
    assert anchor.day is not None
    if day.day != anchor.day and (day.day > anchor.day or (day + DAY).day != 1):
        return False
    return anchor.month is None or (day.month - anchor.month) % MONTHS[interval] == 0


def instant_of(wall: datetime, place: ZoneInfo) -> datetime:
    """The first instant at which the clocks of a place show a time; the end of the gap if they never do."""
    read = [wall.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1)]
    shown = [instant for instant in read if instant.astimezone(place).replace(tzinfo=None) == wall]
    if shown:
        return min(shown)
    instant = min(read).replace(second=0, microsecond=0)
    while instant.astimezone(place).replace(tzinfo=None) < wall:
        instant += MINUTE
    return instant
