"""The day on which a plan's billing periods begin, for plans that bill all subscribers on the same day."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from app.billing.errors import ErrorCode, InvariantBroken, Problems
from app.billing.periods import BillingInterval, instant_of


class Weekday(StrEnum):
    """A day of the week."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


@dataclass(frozen=True, slots=True)
class BillingAnchor:
    """A weekday for weekly plans, a day for monthly ones, a day and a month for quarterly and yearly ones."""

    weekday: Weekday | None = None
    day: int | None = None
    month: int | None = None


_NEEDED: Mapping[BillingInterval, tuple[str, ...]] = {
    BillingInterval.WEEKLY: ("weekday",),
    BillingInterval.MONTHLY: ("day",),
    BillingInterval.QUARTERLY: ("day", "month"),
    BillingInterval.YEARLY: ("day", "month"),
}
_MONTHS: Mapping[BillingInterval, int] = {
    BillingInterval.MONTHLY: 1,
    BillingInterval.QUARTERLY: 3,
    BillingInterval.YEARLY: 12,
}
_LONGEST_MONTH = 31
_LAST_MONTH = 12
# A leap year, so that February 29 is a day of the year.
_ANY_LEAP_YEAR = 2024


def check_anchor(anchor: BillingAnchor | None, interval: BillingInterval, problems: Problems, field: str) -> None:
    """Note what of an anchor does not go with the interval or is no day of the calendar; None is fine."""
    if anchor is None:
        return
    needed = _NEEDED[interval]
    found = len(problems.errors)
    for name in ("weekday", "day", "month"):
        given = getattr(anchor, name) is not None
        if given and name not in needed:
            problems.add(ErrorCode.INVALID, f"{field}.{name}", f"A {interval} plan is anchored by {_spoken(needed)}.")
        elif name in needed and not given:
            problems.add(ErrorCode.BLANK, f"{field}.{name}", f"A {interval} plan is anchored by {_spoken(needed)}.")
    if anchor.day is not None and not 1 <= anchor.day <= _LONGEST_MONTH:
        problems.add(ErrorCode.OUT_OF_RANGE, f"{field}.day", "Must be 1 to 31.")
    if anchor.month is not None and not 1 <= anchor.month <= _LAST_MONTH:
        problems.add(ErrorCode.OUT_OF_RANGE, f"{field}.month", "Must be 1 to 12.")
    if len(problems.errors) == found and anchor.month is not None and anchor.day is not None:
        days = (date(_ANY_LEAP_YEAR, anchor.month, 1) + relativedelta(day=_LONGEST_MONTH)).day
        if anchor.day > days:
            problems.add(ErrorCode.OUT_OF_RANGE, f"{field}.day", f"The month has at most {days} days.")


def anchor_instant(
    anchor: BillingAnchor | None, interval: BillingInterval, started_at: datetime, zone: str
) -> datetime:
    """Return the instant, in UTC, from which the periods of a subscription are counted.

    Without an anchor it is the start itself. Else it is the latest local midnight at or before the start on exactly the
    anchor's day, so that day 31 is counted from a month that has it and comes back after shorter ones. A midnight that
    the clocks jumped over is passed by too, or all later periods would begin at the hour where that one did.
    """
    if anchor is None:
        return started_at.astimezone(UTC)
    place = ZoneInfo(zone)
    today = started_at.astimezone(place).date()
    midnights = (datetime.combine(day, time()) for day in _days(anchor, interval, today) if day <= today)
    instants = ((midnight, instant_of(midnight, place)) for midnight in midnights)
    return next(instant for midnight, instant in instants if _reads(instant, place) == midnight)


def anchor_to_json(anchor: BillingAnchor | None) -> dict[str, Any] | None:
    """Return the stored form: the parts that are given, by their names."""
    if anchor is None:
        return None
    parts = {"weekday": anchor.weekday and anchor.weekday.value, "day": anchor.day, "month": anchor.month}
    return {name: part for name, part in parts.items() if part is not None}


def anchor_from_json(data: Mapping[str, Any] | None) -> BillingAnchor | None:
    """Read what `anchor_to_json` wrote. InvariantBroken when it is something else."""
    match data:
        case None:
            return None
        case {"weekday": str(weekday)} if weekday in Weekday.__members__:
            return BillingAnchor(weekday=Weekday(weekday))
        case {"day": int(day), "month": int(month)}:
            return BillingAnchor(day=day, month=month)
        case {"day": int(day)}:
            return BillingAnchor(day=day)
        case _:
            raise InvariantBroken("The stored billing anchor is none.")


def _days(anchor: BillingAnchor, interval: BillingInterval, today: date) -> Iterator[date]:
    """Yield the anchor's days from about today on backwards."""
    if anchor.weekday is not None:
        weekday = today - timedelta(days=(today.weekday() - list(Weekday).index(anchor.weekday)) % 7)
        while True:
            yield weekday
            weekday -= timedelta(weeks=1)
    assert anchor.day is not None
    step = _MONTHS[interval]
    month = today.replace(day=1)
    if anchor.month is not None:
        month -= relativedelta(months=(month.month - anchor.month) % step)
    while True:
        day = month + relativedelta(day=anchor.day)
        if day.day == anchor.day:
            yield day
        month -= relativedelta(months=step)


def _reads(instant: datetime, place: ZoneInfo) -> datetime:
    """Return what the clocks of a place show."""
    return instant.astimezone(place).replace(tzinfo=None)


def _spoken(names: tuple[str, ...]) -> str:
    return " and ".join(names)
