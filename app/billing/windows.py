"""Windows of time in which usage is shown: minutes, hours, days and months of a place's own clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from app.billing.errors import ErrorCode, Refused, UserError
from app.billing.periods import Period, instant_of

MAX_WINDOWS = 1000


class Window(StrEnum):
    """How long a window of usage is."""

    MINUTE = "MINUTE"
    HOUR = "HOUR"
    DAY = "DAY"
    MONTH = "MONTH"


_STEPS: dict[Window, relativedelta] = {
    Window.MINUTE: relativedelta(minutes=1),
    Window.HOUR: relativedelta(hours=1),
    Window.DAY: relativedelta(days=1),
    Window.MONTH: relativedelta(months=1),
}
_LONGEST: dict[Window, timedelta] = {
    Window.MINUTE: timedelta(minutes=1),
    Window.HOUR: timedelta(hours=1),
    Window.DAY: timedelta(days=1),
    Window.MONTH: timedelta(days=31),
}
_SUB_DAY = (Window.MINUTE, Window.HOUR)
# No zone has set its clocks back by more since 1970, so no local time on the way lies further before the start's.
_FURTHEST_BACK = timedelta(hours=3)


def windows(window: Window, start: datetime, end: datetime, zone: str) -> tuple[Period, ...]:
    """Cut [start, end) at the local minutes, hours, midnights or firsts of months; together they are the whole range.

    The first and last are clipped to the range. A local day of 23 or 25 hours is one window, an hour that the clocks
    run through twice is two. Refused with OUT_OF_RANGE on "window" where there would be more than 1,000.
    """
    # Looked at before any window is made, with room for windows that a change of offset makes longer.
    if end - start > _LONGEST[window] * (MAX_WINDOWS + MAX_WINDOWS // 10):
        raise _too_many()
    cuts = sorted({cut for cut in _cuts(window, start, end, ZoneInfo(zone)) if start < cut < end})
    if len(cuts) >= MAX_WINDOWS:
        raise _too_many()
    edges = [start.astimezone(UTC), *cuts, end.astimezone(UTC)]
    return tuple(Period(one, other) for one, other in pairwise(edges))


def _cuts(window: Window, start: datetime, end: datetime, place: ZoneInfo) -> Iterator[datetime]:
    """Yield the instants of the local times at which windows begin, some outside the range, some twice."""
    first = _floor(window, start.astimezone(place).replace(tzinfo=None) - _FURTHEST_BACK)
    last = end.astimezone(place).replace(tzinfo=None) + _FURTHEST_BACK
    step, wall, k = _STEPS[window], first, 0
    while wall <= last:
        yield instant_of(wall, place)
        again = wall.replace(tzinfo=place, fold=1).astimezone(UTC)
        if window in _SUB_DAY and again.astimezone(place).replace(tzinfo=None) == wall:
            yield again
        k += 1
        wall = first + step * k


def _floor(window: Window, wall: datetime) -> datetime:
    match window:
        case Window.MINUTE:
            return wall.replace(second=0, microsecond=0)
        case Window.HOUR:
            return wall.replace(minute=0, second=0, microsecond=0)
        case Window.DAY:
            return wall.replace(hour=0, minute=0, second=0, microsecond=0)
        case Window.MONTH:
            return wall.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _too_many() -> Refused:
    message = f"The range has more than {MAX_WINDOWS} windows of this size."
    return Refused((UserError(ErrorCode.OUT_OF_RANGE, "window", message),))
