"""Where billing windows begin and end, found by walking through the calendar day by day."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.naive.history import Anchor, Interval, Subscription

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
MONTHS = {"MONTHLY": 1, "QUARTERLY": 3, "YEARLY": 12}


class Window(NamedTuple):
    """From `start` to `end`, of a whole period that begins at `whole_start`, before a stub does."""

    start: datetime
    end: datetime
    whole_start: datetime


def windows(subscription: Subscription, interval: Interval, until: datetime) -> list[Window]:
    """All windows of a subscription at a cadence that begin by an instant, the first clipped to its start."""
    edges = _edges(subscription, interval, until)
    listed = []
    for start, end in pairwise(edges):
        if end > subscription.started_at:
            listed.append(Window(max(start, subscription.started_at), end, start))
    return listed


def _edges(subscription: Subscription, interval: Interval, until: datetime) -> list[datetime]:
    """The instants at which periods begin, from the last one at or before the start to the first one after `until`."""
    place, start = ZoneInfo(subscription.zone), subscription.started_at
    local = start.astimezone(place).replace(tzinfo=None)
    anchor, clock = subscription.plan.anchor, time()
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
