"""What a subscription agrees to when, and what it is charged for that: domain.md section 5."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from tests.naive.history import Condition, Interval, Plan, Price, Subscription
from tests.naive.windows import Counting, Window, billed_from, clipped, counting_of

Charge = tuple["Span", Window]


class Phase(NamedTuple):
    """What is agreed from an instant on, until the next phase begins."""

    start: datetime
    plan: Plan
    quantities: tuple[tuple[Price, Decimal], ...]
    counting: Counting

    def quantity(self, price: Price) -> Decimal:
        """How much of a fee is taken."""
        return dict(self.quantities).get(price, price.quantity or Decimal(1))


class Same(NamedTuple):
    """What makes a price the same on both sides of a change: with other filters beside it, it takes other events."""

    price: Price
    quantity: Decimal
    interval: Interval | None
    beside: frozenset[tuple[Condition, ...]]


class Span(NamedTuple):
    """A price that holds over some time, however many changes leave it as it is. `plan` is the last that holds it."""

    terms: Same
    plan: Plan
    counting: Counting
    start: datetime
    end: datetime | None

    @property
    def price(self) -> Price:
        return self.terms.price

    def covers(self, instant: datetime) -> bool:
        return self.start <= instant and (self.end is None or instant < self.end)

    def windows(self, interval: Interval, until: datetime) -> list[Window]:
        """Its windows that begin by an instant."""
        return clipped(self.counting, interval, self.start, self.end, until)

    def window(self, interval: Interval, instant: datetime) -> Window:
        """The one that an instant falls into."""
        [found] = [one for one in self.windows(interval, instant) if one.start <= instant < one.end]
        return found


@dataclass
class Life:
    """A subscription as it goes on. Without `next_boundary` it is not billed: not yet, or no longer."""

    subscription: Subscription
    phases: list[Phase]
    ending_at: datetime | None
    planned: Phase | None = None
    is_expired: bool = False
    has_ended: bool = False
    last_boundary: datetime | None = None
    next_boundary: datetime | None = None

    @property
    def now(self) -> Phase:
        """What it agrees to at present."""
        return self.phases[-1]

    def plan_at(self, instant: datetime) -> Plan | None:
        """The plan by which what is used at an instant is charged."""
        if self.is_expired or (self.ending_at is not None and self.ending_at <= instant):
            return None
        return next((phase.plan for phase in reversed(self.phases) if phase.start <= instant), None)

    def spans(self) -> list[Span]:
        """Which price holds when: those together that hold over the same time, the first to begin before the others."""
        phases = [*self.phases, *([] if self.planned is None else [self.planned])]
        if self.planned is not None and self.ending_at is not None and self.ending_at <= self.planned.start:
            phases = self.phases
        listed: list[Span] = []
        for place, phase in enumerate(phases):
            end = phases[place + 1].start if place + 1 < len(phases) else self.ending_at
            if end == phase.start:
                continue
            for terms in _terms(phase):
                span = Span(terms, phase.plan, phase.counting, phase.start, end)
                going_on = [at for at, one in enumerate(listed) if _goes_on(one, span)]
                if going_on:
                    listed[going_on[0]] = span._replace(start=listed[going_on[0]].start)
                else:
                    listed.append(span)
        times = list(dict.fromkeys((one.start, one.end, one.counting) for one in listed))
        times.sort(key=lambda time: time[0])
        return [one for time in times for one in listed if (one.start, one.end, one.counting) == time]


def born(subscription: Subscription) -> Life:
    """A subscription before anything happened to it."""
    named = {price.name: price for price in subscription.plan.prices}
    quantities = tuple((named[name], quantity) for name, quantity in subscription.quantities)
    start, counting = billed_from(subscription), counting_of(subscription)
    return Life(subscription, [Phase(start, subscription.plan, quantities, counting)], subscription.ending_at)


def _terms(phase: Phase) -> list[Same]:
    found = []
    for price in phase.plan.prices:
        rivals = [one.conditions for one in phase.plan.prices if one.metric == price.metric and one.conditions]
        beside = frozenset(rivals) if price.metric is not None and not price.conditions else frozenset()
        found.append(Same(price, phase.quantity(price), phase.plan.interval_of(price), beside))
    return found


def _goes_on(earlier: Span, later: Span) -> bool:
    return (earlier.terms, earlier.counting, earlier.end) == (later.terms, later.counting, later.start)


def next_boundary(life: Life, after: datetime) -> datetime:
    """The first instant after another at which a window of any cadence ends: a price's, or that of the plan."""
    return min(
        span.window(interval, after).end
        for span in life.spans()
        if span.covers(after)
        for interval in {span.terms.interval or life.now.plan.interval, life.now.plan.interval}
    )


def at_start(life: Life) -> list[Charge]:
    """What is due when billing begins: what is charged once, whole, and the first windows in advance."""
    start, charges = life.now.start, []
    for span in life.spans():
        if span.price.in_advance:
            window = span.window(span.terms.interval or life.now.plan.interval, start)
            charges.append((span, window if span.terms.interval else _whole(window.start, window.end)))
    return charges


def arrears(life: Life, boundary: datetime) -> list[Charge]:
    """The windows in arrears that have ended since the last boundary."""
    since = life.last_boundary or life.phases[0].start
    return [
        (span, window)
        for span in life.spans()
        if not span.price.in_advance and span.terms.interval is not None
        for window in span.windows(span.terms.interval, boundary)
        if since < window.end <= boundary
    ]


def advance(life: Life, boundary: datetime) -> list[Charge]:
    """The windows in advance that begin at a boundary."""
    return [
        (span, span.window(span.terms.interval, boundary))
        for span in life.spans()
        if span.price.in_advance and span.terms.interval is not None and span.covers(boundary)
        if span.window(span.terms.interval, boundary).start == boundary
    ]


def once(life: Life, start: datetime, held: set[Same], interval: Interval) -> list[Charge]:
    """What is charged once and begins at an instant."""
    new = [one for one in life.spans() if one.covers(start) and one.terms.interval is None and one.terms not in held]
    return [(one, _whole(start, one.window(interval, start).end)) for one in new]


def _whole(start: datetime, end: datetime) -> Window:
    return Window(start, end, start, end)
