"""What usage of the past costs under the prices of its subscriptions, and under a draft in their place."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.billing.calendars import Calendar
from app.billing.errors import ErrorCode, Refused, UserError
from app.billing.filters import covers
from app.billing.measuring import Metering, ReadEvent, measure
from app.billing.periods import BillingInterval, Period
from app.billing.price_models import unit_price_path
from app.billing.pricing import price_line
from app.billing.proration import PartOfPeriod
from app.metering.coverage import Covering
from app.metering.past_usage import PastEvent
from app.services.rating import inputs_of
from app.services.terms import Term


@dataclass(frozen=True, slots=True)
class Metered:
    """A term that is metered, as those on a metric are."""

    term: Term
    metering: Metering
    interval: BillingInterval


@dataclass(frozen=True, slots=True)
class Priced:
    """A subscription with those of its terms on the metric that hold over one span."""

    covering: Covering
    terms: Sequence[Metered]

    def within(self, span: Period) -> Period | None:
        """Return what of a span falls into that of the subscription's terms, if any does."""
        started_at, ended_at = self.covering.calendar.started_at, self.covering.calendar.ended_at
        start, end = max(span.start, started_at), span.end if ended_at is None else min(span.end, ended_at)
        return Period(start, end) if start < end else None

    def has(self, event: PastEvent) -> bool:
        """Tell whether one of the terms bills an event, or the draft could in their place."""
        mine = event.covered_by == self.covering.subscription_id and self.covering.covers(event.timestamp)
        return mine and (event.billed_by is None or any(term.metering.takes(event.dimensions) for term in self.terms))


@dataclass(frozen=True, slots=True)
class Compared:
    """What a customer's usage costs under its own prices, and with the draft in their place, in minor units."""

    customer_id: str
    is_priced: bool
    old_minor: int
    new_minor: int

    @property
    def difference_minor(self) -> int:
        """What the draft adds; below zero for a customer who would pay less."""
        return self.new_minor - self.old_minor


class Comparison:
    """Rates usage both ways, customer by customer, and refuses to go on beyond a number of lines."""

    def __init__(self, draft: Metered, span: Period, most: int) -> None:
        """Compare with a draft over a span, in which at most so many lines are rated."""
        self._draft, self._span = draft, span
        self._left = most

    def of_priced(self, customer_id: str, priced: Iterable[Priced], events: Sequence[PastEvent]) -> Compared:
        """Compare what the subscriptions of a customer charge for the events that they bill.

        The draft is rated over the windows of the price whose place it takes. It takes that of each price whose every
        event it would charge; others go on with what it leaves them. Events that no price took it may charge, too.
        """
        old = new = 0
        seen: set[str] = set()
        for subscription in priced:
            mine = [event for event in events if event.event_id not in seen and subscription.has(event)]
            seen.update(event.event_id for event in mine)
            charged, drafted = self._of_subscription(subscription, mine)
            old, new = old + charged, new + drafted
        return Compared(customer_id, is_priced=True, old_minor=old, new_minor=new)

    def of_unpriced(self, customer_id: str, zone: str, events: Sequence[PastEvent]) -> Compared:
        """Rate the usage of a customer that nothing prices, over months that are counted from the start of the span."""
        calendar = Calendar(self._span.start, self._span.start, zone)
        new = self._drafted(calendar, BillingInterval.MONTHLY, self._span, events)
        return Compared(customer_id, is_priced=False, old_minor=0, new_minor=new)

    def _of_subscription(self, subscription: Priced, mine: Sequence[PastEvent]) -> tuple[int, int]:
        covering, within = subscription.covering, subscription.within(self._span)
        if within is None:
            return 0, 0
        billed = [event for event in mine if event.billed_by is not None]
        replaced = [term for term in subscription.terms if covers(self._draft.metering.filter, term.metering.filter)]
        interval = (replaced or subscription.terms)[0].interval
        old, new = 0, self._drafted(covering.calendar, interval, within, mine)
        for term in subscription.terms:
            own = [event for event in billed if term.metering.takes(event.dimensions)]
            charged = self._charged(term, covering.calendar, within, own)
            old += charged
            if term in replaced:
                continue
            left = [event for event in own if not self._draft.metering.takes(event.dimensions)]
            new += charged if len(left) == len(own) else self._charged(term, covering.calendar, within, left)
        return old, new

    def _drafted(self, calendar: Calendar, interval: BillingInterval, span: Period, events: Iterable[PastEvent]) -> int:
        draft = Metered(self._draft.term, self._draft.metering, interval)
        return self._charged(draft, calendar, span, [e for e in events if draft.metering.takes(e.dimensions)])

    def _charged(self, term: Metered, calendar: Calendar, span: Period, events: Sequence[PastEvent]) -> int:
        """Return what a term charges for events, in order of time, over its windows in a span."""
        total, times = 0, [event.timestamp for event in events]
        for window in _windows(calendar, term.interval, span):
            first, end = (bisect_left(times, instant) for instant in (window.part.start, window.part.end))
            total += self._line(term, window, events[first:end])
        return total

    def _line(self, term: Metered, window: PartOfPeriod, events: Sequence[PastEvent]) -> int:
        self._left -= 1
        if self._left < 0:
            message = (
                "So many windows of so many customers are too much at once: ask for less time, or fewer customers."
            )
            raise Refused((UserError(ErrorCode.OUT_OF_RANGE, "to", message),))
        path = unit_price_path(term.term.model)
        read = [ReadEvent(event.value, None if path is None else event.unit_prices[path]) for event in events]
        measured = measure(term.metering.metric.aggregation, term.term.model, read)
        return price_line(inputs_of(term.term, window, measured)).amount_minor


@lru_cache(maxsize=16)
def _windows(calendar: Calendar, interval: BillingInterval, span: Period) -> tuple[PartOfPeriod, ...]:
    """Return the windows once for all terms of a subscription, which come one after the other."""
    return tuple(calendar.windows_within(interval, span))
