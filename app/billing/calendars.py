"""The windows of a subscription: counted from its anchor in its own zone, the first clipped to its start."""

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
    """What decides the windows of a subscription, at any cadence."""

    anchor_at: datetime
    started_at: datetime
    zone: str

    def number(self, interval: BillingInterval, instant: datetime) -> int:
        """Return the number of the window that an instant falls into; that of the anchor is 0."""
        return number_containing(self.anchor_at, interval, instant, self.zone)

    def window(self, interval: BillingInterval, instant: datetime) -> PartOfPeriod:
        """Return the window that an instant not before the start falls into, and the whole period that contains it."""
        whole = period_number(self.anchor_at, interval, self.number(interval, instant), self.zone)
        return PartOfPeriod(whole.since(self.started_at), whole)

    def window_ending(self, interval: BillingInterval, instant: datetime) -> PartOfPeriod | None:
        """Return the window that ends at an instant after the start, if one does."""
        window = self.window_before(interval, instant)
        return window if window.part.end == instant else None

    def window_before(self, interval: BillingInterval, boundary: datetime) -> PartOfPeriod:
        """Return the window that runs until a boundary at which it, or a shorter one in it, ends."""
        return self.window(interval, boundary - _TICK)

    def windows_within(self, interval: BillingInterval, span: Period) -> Iterator[PartOfPeriod]:
        """Yield, in order, what of the windows lies in a span; there is none before the start."""
        begin = max(span.start, self.started_at)
        while begin < span.end:
            window = self.window(interval, begin)
            yield PartOfPeriod(Period(begin, min(window.part.end, span.end)), window.whole)
            begin = window.part.end

    def next_boundary(self, intervals: Collection[BillingInterval], instant: datetime) -> datetime:
        """Return the first instant after another at which a window of any of the intervals ends."""
        return self.window(shortest(set(intervals)), instant).part.end
