"""The windows of a subscription: counted from an anchor in its own zone, the first and the last clipped to its span."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.billing.cadences import shortest
from app.billing.periods import BillingInterval, Period, number_containing, period_number
from app.billing.proration import PartOfPeriod

# No event and no boundary lies between two instants that are this far apart.
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """What decides the windows of a subscription, at any cadence, while [started_at, ended_at) lasts; None is open.

    `place` counts the calendars that the subscription had before: two may have the same anchor, and are two.
    """

    anchor_at: datetime
    started_at: datetime
    zone: str
    ended_at: datetime | None = None
    place: int = 0

    def covers(self, instant: datetime) -> bool:
        """Tell whether an instant lies in the span."""
        return self.started_at <= instant and not self.is_over(instant)

    def is_over(self, instant: datetime) -> bool:
        """Tell whether the span has ended at an instant."""
        return self.ended_at is not None and self.ended_at <= instant

    def runs_before(self, instant: datetime) -> bool:
        """Tell whether the span goes on until an instant, or beyond it."""
        return self.started_at < instant and (self.ended_at is None or instant <= self.ended_at)

    def number(self, interval: BillingInterval, instant: datetime) -> int:
        """Return the number of the window that an instant falls into; that of the anchor is 0."""
        return number_containing(self.anchor_at, interval, instant, self.zone)

    def window(self, interval: BillingInterval, instant: datetime) -> PartOfPeriod:
        """Return the window that an instant of the span falls into, and the whole period that contains it."""
        whole = period_number(self.anchor_at, interval, self.number(interval, instant), self.zone)
        part = whole.since(self.started_at)
        if self.ended_at is not None and self.ended_at < part.end:
            part = Period(part.start, self.ended_at)
        return PartOfPeriod(part, whole)

    def window_ending(self, interval: BillingInterval, instant: datetime) -> PartOfPeriod | None:
        """Return the window that ends at an instant after the start, if one does."""
        window = self.window_before(interval, instant)
        return window if window.part.end == instant else None

    def window_before(self, interval: BillingInterval, boundary: datetime) -> PartOfPeriod:
        """Return the window that runs until a boundary at which it, or a shorter one in it, ends."""
        return self.window(interval, boundary - _TICK)

    def windows_within(self, interval: BillingInterval, span: Period) -> Iterator[PartOfPeriod]:
        """Yield, in order, what of the windows lies in a span; there is none before the start nor from the end on."""
        begin = max(span.start, self.started_at)
        while begin < span.end and not self.is_over(begin):
            window = self.window(interval, begin)
            yield PartOfPeriod(Period(begin, min(window.part.end, span.end)), window.whole)
            begin = window.part.end

    def next_boundary(self, intervals: Collection[BillingInterval], instant: datetime) -> datetime:
        """Return the first instant after another at which a window of any of the intervals ends."""
        return self.window(shortest(set(intervals)), instant).part.end
