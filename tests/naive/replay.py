"""Every invoice of a history, computed from nothing but its description. Slow and plain on purpose."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from tests.naive.arithmetic import half_up
from tests.naive.history import EXPIRY, GRACE, MINOR_DIGITS, Credit, History, Interval, Price, Subscription, Typed
from tests.naive.invoices import Invoice, Line
from tests.naive.prices import amount
from tests.naive.totals import Rounded, Taken, add_up, discounts_of
from tests.naive.usage import Counted, counted, quantity, used
from tests.naive.windows import Window, windows

PLACES = 10**18
BOUNDARY, CLOSE, EXPIRE = 0, 1, 2
TICK = timedelta(microseconds=1)
Charge = tuple[Price, Window]


class Due(NamedTuple):
    """What falls due, in the order of its fields: when, boundaries first, then what was noted first."""

    at: datetime
    kind: int
    noted: int
    place: int
    boundary: datetime


@dataclass
class Billed:
    """A window that a price was billed for, with which events; what was charged so far, and taken off that."""

    price: Price
    window: Window
    keys: frozenset[str]
    charged_minor: int
    taken: tuple[Taken, ...]


class Late(NamedTuple):
    """A window that more events are known of than it was billed for, and what it comes to with them."""

    billed: Billed
    exact: Fraction
    units: Fraction
    keys: frozenset[str]
    minor: int


@dataclass
class State:
    """What has happened so far. `credit` is a list of currencies and what is left, the oldest first."""

    history: History
    windows: list[dict[Interval, list[Window]]]
    due: list[Due] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    credit: list[tuple[str, int]] = field(default_factory=list)
    pending: set[int] = field(default_factory=set)
    expired: set[int] = field(default_factory=set)
    returned: list[Credit] = field(default_factory=list)
    billed: dict[int, list[Billed]] = field(default_factory=dict)
    typed: list[Typed] = field(default_factory=list)
    noted: int = 0

    def give_back(self, currency: str, minor: int) -> None:
        """Note credit that comes of an invoice which was not paid in time."""
        if minor:
            self.credit.append((currency, minor))
            self.returned.append(Credit(currency, minor))

    def note(self, at: datetime, kind: int, place: int, boundary: datetime) -> None:
        """Note that something falls due."""
        self.noted += 1
        self.due.append(Due(at, kind, self.noted, place, boundary))


def replay(history: History) -> list[Invoice]:
    """Every issued invoice, in the order of issue."""
    credit = [(one.currency, one.amount_minor) for one in history.credit]
    state = State(history, [all_windows(one, history.until) for one in history.subscriptions], credit=credit)
    for stop in history.stops():
        _run(state, stop)
        for subscription in history.subscriptions:
            if subscription.started_at == stop:
                _start(state, subscription)
        drafts = [(item.place, item.boundary) for item in state.due if item.kind == CLOSE]
        state.typed += [one for one in history.typed if one.at == stop and (one.subscription, one.boundary) in drafts]
        for subscription in history.subscriptions:
            if subscription.paid_at == stop and subscription.place in state.pending:
                state.pending.remove(subscription.place)
                _note_boundary(state, subscription.place, subscription.started_at)
            elif subscription.paid_at == stop and subscription.place in state.expired:
                first = _first_invoice(state, subscription.place)
                state.give_back(subscription.plan.currency, first.total_minor - first.credit_minor)
    return state.invoices


def all_windows(subscription: Subscription, until: datetime) -> dict[Interval, list[Window]]:
    """The windows of each cadence of a subscription that begin by an instant."""
    plan = subscription.plan
    intervals = {plan.interval, *(plan.interval_of(price) or plan.interval for price in plan.prices)}
    return {interval: windows(subscription, interval, until) for interval in intervals}


def _run(state: State, stop: datetime) -> None:
    """Do all that falls due until an instant, in order. What arrives at that instant has not come yet."""
    while state.due and min(state.due).at <= stop:
        item = min(state.due)
        state.due.remove(item)
        if item.kind == CLOSE:
            _issue(state, item.place, item.boundary, stop)
            continue
        if item.kind == EXPIRE:
            _expire(state, item.place)
            continue
        if _charges(state, item.place, item.boundary):
            state.note(item.boundary + GRACE, CLOSE, item.place, item.boundary)
        _note_boundary(state, item.place, item.boundary)


def _start(state: State, subscription: Subscription) -> None:
    if _charges(state, subscription.place, None):
        invoice = _issue(state, subscription.place, None, subscription.started_at)
        if invoice.total_minor > invoice.credit_minor:
            state.pending.add(subscription.place)
            state.note(subscription.started_at + EXPIRY, EXPIRE, subscription.place, subscription.started_at)
            return
    _note_boundary(state, subscription.place, subscription.started_at)


def _expire(state: State, place: int) -> None:
    """End a subscription that was never paid for; the credit that its first invoice took comes back."""
    if place in state.pending:
        state.pending.remove(place)
        state.expired.add(place)
        first = _first_invoice(state, place)
        state.give_back(state.history.subscriptions[place].plan.currency, first.credit_minor)


def _first_invoice(state: State, place: int) -> Invoice:
    [first] = [one for one in state.invoices if one.subscription == place and one.boundary is None]
    return first


def _note_boundary(state: State, place: int, after: datetime) -> None:
    """Note the first instant after another at which a window of any cadence ends."""
    ends = [window.end for listed in state.windows[place].values() for window in listed if window.end > after]
    state.note(min(ends), BOUNDARY, place, min(ends))


def _charges(state: State, place: int, boundary: datetime | None) -> list[Charge]:
    """What a boundary bills: the arrears of what ends there, then the advance of what begins. None is the start."""
    subscription = state.history.subscriptions[place]
    arrears, advance = [], []
    for price in subscription.plan.prices:
        interval = subscription.plan.interval_of(price)
        if interval is None:
            if boundary is None:
                first = state.windows[place][subscription.plan.interval][0]
                # What is charged once is for no period, so there is no part of one.
                advance.append((price, first._replace(whole_start=first.start)))
            continue
        for window in state.windows[place][interval]:
            if price.in_advance and window.start == (boundary or subscription.started_at):
                advance.append((price, window))
            elif not price.in_advance and window.end == boundary:
                arrears.append((price, window))
    return arrears + advance


def _issue(state: State, place: int, boundary: datetime | None, now: datetime) -> Invoice:
    history, subscription = state.history, state.history.subscriptions[place]
    currency, charges = subscription.plan.currency, _charges(state, place, boundary)
    rated = [_rate(state, subscription, price, window, now) for price, window in charges]
    amounts = [half_up(exact * 10 ** MINOR_DIGITS[currency]) for exact, _, _ in rated]
    rounded = [Rounded(minor, window.start, True) for minor, (_, window) in zip(amounts, charges, strict=True)]
    typed = [one for one in state.typed if (one.subscription, one.boundary) == (place, boundary)]
    rounded += [Rounded(one.amount_minor, None, one.taxable) for one in typed]
    late = _late(state, place, now) if boundary is not None else []
    rounded += [Rounded(one.minor - one.billed.charged_minor, None, True, one.billed.taken) for one in late]
    totals = add_up(history, subscription, discounts_of(history, subscription, boundary), rounded)
    shares = list(zip(totals.line_discounts, totals.line_taxes, strict=True))
    lines = []
    for at, ((price, window), (exact, units, events)) in enumerate(zip(charges, rated, strict=True)):
        shown = Fraction(half_up(exact * PLACES), PLACES)
        keys = frozenset(event.key for event in events)
        lines.append(Line(price.name, window.start, window.end, units, shown, amounts[at], *shares[at], keys))
    first, rest = lines[0], shares[len(lines) :]
    lines += [typed_line(one, currency, first, *share) for one, share in zip(typed, rest[: len(typed)], strict=True)]
    lines += [_late_line(one, currency, *share) for one, share in zip(late, rest[len(typed) :], strict=True)]
    for one in late:
        one.billed.keys, one.billed.charged_minor = one.keys, one.minor
    for at, ((price, window), (_, _, events)) in enumerate(zip(charges, rated, strict=True)):
        if price.metric is not None:
            taken = tuple(one for one in totals.taken if at in one.places)
            keys = frozenset(event.key for event in events)
            state.billed.setdefault(place, []).append(Billed(price, window, keys, amounts[at], taken))
    if totals.carried:
        state.credit.append((currency, totals.carried))
    credit = _take_credit(state, currency, totals.total)
    sums = totals.subtotal, totals.discount, totals.tax, totals.carried, totals.total
    invoice = Invoice(
        place, boundary, tuple(lines), *sums, credit, now, frozenset(state.expired), tuple(state.returned), tuple(typed)
    )
    state.returned.clear()
    state.invoices.append(invoice)
    return invoice


def _late(state: State, place: int, now: datetime) -> list[Late]:
    """The windows billed before of which other events are known now."""
    subscription, found = state.history.subscriptions[place], []
    digits = MINOR_DIGITS[subscription.plan.currency]
    for one in sorted(state.billed.get(place, ()), key=lambda one: (one.window.end, one.window.start)):
        exact, units, events = _rate(state, subscription, one.price, one.window, now)
        keys = frozenset(event.key for event in events)
        if keys != one.keys:
            found.append(Late(one, exact, units, keys, half_up(exact * 10**digits)))
    return found


def _late_line(late: Late, currency: str, discount: int, tax: int) -> Line:
    """A line for late usage is the window with all its events, less what was charged for it.

    Its own events are those that came, and those that were withdrawn.
    """
    billed, name = late.billed, f"{late.billed.price.name} (late usage)"
    before = Fraction(billed.charged_minor, 10 ** MINOR_DIGITS[currency])
    exact, minor = Fraction(half_up((late.exact - before) * PLACES), PLACES), late.minor - billed.charged_minor
    start, end = billed.window.start, billed.window.end
    return Line(name, start, end, late.units, exact, minor, discount, tax, late.keys ^ billed.keys)


def typed_line(typed: Typed, currency: str, first: Line, discount: int, tax: int) -> Line:
    """A line that was typed by hand is what it says, over the period of the invoice's first line."""
    exact = Fraction(typed.amount_minor, 10 ** MINOR_DIGITS[currency])
    minor = typed.amount_minor
    return Line(typed.description, first.start, first.end, Fraction(1), exact, minor, discount, tax, frozenset())


def _rate(
    state: State, subscription: Subscription, price: Price, window: Window, now: datetime
) -> tuple[Fraction, Fraction, list[Counted]]:
    """What a price comes to over a window, of how many units, and the events they were counted from."""
    share = Fraction((window.end - window.start) // TICK, (window.end - window.whole_start) // TICK)
    if price.metric is None:
        units = Fraction(price.quantity or 1)
        for name, chosen in subscription.quantities:
            if name == price.name:
                units = Fraction(chosen)
        return amount(price, units, [], share), units, []
    events = counted(state.history, state.expired, subscription, price, window, now)
    units = quantity(price.metric, events)
    return amount(price, units, used(price.metric, events), share), units, events


def _take_credit(state: State, currency: str, due: int) -> int:
    """Take credit of a currency, the oldest first; return what was taken."""
    taken = 0
    for at, (its_currency, left) in enumerate(state.credit):
        if its_currency == currency:
            part = min(left, due - taken)
            state.credit[at] = (currency, left - part)
            taken += part
    return taken
