"""What a subscription is charged for when: the windows of its terms that begin, end or run at an instant."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app import models
from app.billing.calendars import Calendar
from app.billing.errors import InvariantBroken
from app.billing.lifecycle import PaymentTerm
from app.billing.periods import BillingInterval, Period
from app.billing.proration import PartOfPeriod
from app.services.agreements import Agreement, Kept, kept
from app.services.terms import Term


class Subscribed(Protocol):
    """What rating needs to know of a subscription, be it a model or a light row."""

    id: str
    customer_id: str
    billing_interval: BillingInterval


@dataclass(frozen=True)
class Charge:
    """A term to be rated over a window of a subscription, which may be a part of a whole period."""

    subscription_id: str
    customer_id: str
    term: Term
    window: PartOfPeriod


def next_boundary(subscription: Subscribed, agreements: Iterable[Agreement], instant: datetime) -> datetime:
    """Return the first instant after another at which a window of any cadence ends: the plan's, or that of a price."""
    ends = []
    for agreement in agreements:
        if agreement.calendar.covers(instant):
            intervals = intervals_of(agreement.terms) | {subscription.billing_interval}
            ends.append(agreement.calendar.next_boundary(intervals, instant))
    assert ends, "what has ended has no boundary to come"
    return min(ends)


def intervals_of(terms: Iterable[Term]) -> set[BillingInterval]:
    """Return how long the windows of some prices are."""
    return {term.interval for term in terms if term.interval is not None}


def charges_at_start(subscription: Subscribed, agreements: Iterable[Agreement], start: datetime) -> list[Charge]:
    """Return what is due at the start: the in-advance prices of the first windows, and what is charged once."""
    charges = []
    for agreement in agreements:
        for term in agreement.terms:
            if term.payment_term is PaymentTerm.IN_ADVANCE:
                window = agreement.calendar.window(term.interval or subscription.billing_interval, start)
                # What is charged once is charged whole, however short the first period is.
                whole = PartOfPeriod(window.part, window.part) if term.interval is None else window
                charges.append(charge_of(subscription, term, whole))
    return charges


def charges_at_boundary(
    subscription: Subscribed, agreements: Sequence[Agreement], boundary: datetime, since: datetime | None = None
) -> list[Charge]:
    """Return what a boundary bills: the arrears of the windows that end there, then the advance of those that begin.

    Windows that a change has cut short end between two boundaries: those that end after `since` are billed, too. None
    is before the first one.
    """
    charges = arrears_at(subscription, agreements, boundary, since)
    for agreement in agreements:
        if agreement.calendar.covers(boundary):
            charges += _charges_beginning(subscription, agreement, boundary)
    return charges


def arrears_at(
    subscription: Subscribed, agreements: Iterable[Agreement], boundary: datetime, since: datetime | None
) -> list[Charge]:
    """Return the arrears of the windows that end at a boundary, or before it and after `since`."""
    charges = []
    for agreement in agreements:
        calendar, ended_at = agreement.calendar, agreement.calendar.ended_at
        end = boundary if ended_at is None or boundary <= ended_at else ended_at
        if calendar.started_at < end and (since is None or since < end):
            charges += _charges_ending(subscription, agreement, end)
    return charges


def charges_once(
    subscription: Subscribed,
    held: Collection[Kept],
    agreements: Iterable[Agreement],
    start: datetime,
    interval: BillingInterval,
) -> list[Charge]:
    """Return what is charged once and begins at an instant, as it was not held before: whole, however short that is.

    It is shown for the period, at the interval of the plan that holds it, which contains the instant.
    """
    charges = []
    for agreement in agreements:
        for term in agreement.terms if agreement.calendar.covers(start) else ():
            if term.interval is None and kept(term) not in held:
                window = agreement.calendar.window(interval, start).part
                rest = Period(start, window.end)
                charges.append(charge_of(subscription, term, PartOfPeriod(rest, rest)))
    return charges


def _charges_ending(subscription: Subscribed, agreement: Agreement, end: datetime) -> list[Charge]:
    """Return the arrears of the windows of an agreement that end at an instant."""
    calendar, charged = agreement.calendar, []
    # Most terms have windows of the same length.
    windows = {interval: calendar.window_ending(interval, end) for interval in intervals_of(agreement.terms)}
    for term in agreement.terms:
        if term.payment_term is PaymentTerm.IN_ARREARS and term.interval is not None:
            window = windows[term.interval]
            if window is not None:
                charged.append(charge_of(subscription, term, window))
    return charged


def _charges_beginning(subscription: Subscribed, agreement: Agreement, begin: datetime) -> list[Charge]:
    """Return the advance of the windows of an agreement that begin at an instant; nothing that is charged once."""
    calendar, charged = agreement.calendar, []
    windows = {interval: calendar.window(interval, begin) for interval in intervals_of(agreement.terms)}
    for term in agreement.terms:
        if term.payment_term is PaymentTerm.IN_ADVANCE and term.interval is not None:
            window = windows[term.interval]
            if window.part.start == begin:
                charged.append(charge_of(subscription, term, window))
    return charged


def charges_running(subscription: Subscribed, agreements: Iterable[Agreement], boundary: datetime) -> list[Charge]:
    """Return the metered prices over the windows that run until the next boundary."""
    return [
        charge_of(subscription, term, agreement.calendar.window_before(term.interval, boundary))
        for agreement in agreements
        if agreement.calendar.runs_before(boundary)
        for term in agreement.terms
        if term.metering is not None and term.interval is not None
    ]


def charges_of_lines(
    subscription: Subscribed, agreements: Iterable[Agreement], lines: Iterable[models.InvoiceLine]
) -> list[Charge]:
    """Return what arrears lines of a draft charge, in their order, so that they can be rated again."""
    held: defaultdict[str, list[tuple[Calendar, Term]]] = defaultdict(list)
    for agreement in agreements:
        for term in agreement.terms:
            held[term.price_id].append((agreement.calendar, term))
    windows: dict[tuple[Calendar, BillingInterval, datetime], PartOfPeriod] = {}
    charges = []
    for line in lines:
        calendar, term = next(one for one in held[str(line.price_id)] if one[0].covers(line.period_start))
        assert term.interval is not None, "what is charged once is not in arrears"
        key = (calendar, term.interval, line.period_start)
        if key not in windows:
            windows[key] = calendar.window(term.interval, line.period_start)
        if windows[key].part != Period(line.period_start, line.period_end):
            raise InvariantBroken(f"The window of the line {line.id} is another one now.")
        charges.append(charge_of(subscription, term, windows[key]))
    return charges


def charge_of(subscription: Subscribed, term: Term, window: PartOfPeriod) -> Charge:
    """Return that a subscription is charged a term over a window."""
    return Charge(subscription.id, subscription.customer_id, term, window)
