"""Invoices as they are issued: what is charged is rated with all that is known by then, and added up."""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from tests.naive.agreed import Charge
from tests.naive.arithmetic import half_up
from tests.naive.history import MINOR_DIGITS, Typed
from tests.naive.invoices import Invoice, Line, Reason
from tests.naive.prices import amount
from tests.naive.state import Account, Billed, Booked, Parts, State
from tests.naive.totals import Rounded, add_up, discounts_of
from tests.naive.usage import Counted, counted, quantity, used

PLACES = 10**18


class Late(NamedTuple):
    """A window that other events are known of than it was billed for, and what it comes to with them."""

    billed: Billed
    exact: Fraction
    units: Fraction
    keys: frozenset[str]
    minor: int


def issue(
    state: State,
    place: int,
    reason: Reason,
    boundary: datetime | None,
    charges: Sequence[Charge],
    late: Sequence[Late] = (),
    made: int | None = None,
) -> Invoice:
    """Issue an invoice of charges and of what came late, with what was typed onto the draft of a boundary.

    `made` is the number that it had as a draft.
    """
    history, life = state.history, state.lives[place]
    subscription, currency = life.subscription, life.subscription.plan.currency
    rated = [rate(state, place, charge, state.now) for charge in charges]
    amounts = [half_up(exact * 10 ** MINOR_DIGITS[currency]) for exact, _, _ in rated]
    rounded = [Rounded(minor, window.start, True) for minor, (_, window) in zip(amounts, charges, strict=True)]
    drafted = reason in ("CYCLE", "END")
    typed = [one for one in state.typed if drafted and (one.subscription, one.boundary) == (place, boundary)]
    rounded += [Rounded(one.amount_minor, None, one.taxable) for one in typed]
    rounded += [Rounded(one.minor - one.billed.charged_minor, None, True, one.billed.taken) for one in late]
    is_first = reason == "START" and subscription.trial_days is None
    totals = add_up(history, subscription, discounts_of(history, subscription, is_first=is_first), rounded)
    shares = list(zip(totals.line_discounts, totals.line_taxes, strict=True))
    lines = []
    for at, ((span, window), (exact, units, events)) in enumerate(zip(charges, rated, strict=True)):
        shown = Fraction(half_up(exact * PLACES), PLACES)
        keys = frozenset(event.key for event in events)
        lines.append(Line(span.price.name, window.start, window.end, units, shown, amounts[at], *shares[at], keys))
    rest = shares[len(lines) :]
    lines += [typed_line(one, currency, lines[0], *share) for one, share in zip(typed, rest[: len(typed)], strict=True)]
    lines += [_late_line(one, currency, *share) for one, share in zip(late, rest[len(typed) :], strict=True)]
    for one in late:
        one.billed.keys, one.billed.charged_minor = one.keys, one.minor
    for at, (charge, (_, _, events)) in enumerate(zip(charges, rated, strict=True)):
        if charge[0].price.metric is not None:
            taken = tuple(one for one in totals.taken if at in one.places)
            keys = frozenset(event.key for event in events)
            state.billed.setdefault(place, []).append(Billed(charge, keys, amounts[at], taken))
    if totals.carried:
        state.credit.append((currency, totals.carried))
    credit = _take_credit(state, currency, totals.total)
    sums = totals.subtotal, totals.discount, totals.tax, totals.carried, totals.total
    expired = frozenset(at for at, one in enumerate(state.lives) if one.is_expired)
    known = state.now, expired, tuple(state.returned), tuple(typed)
    invoice = Invoice(place, reason, boundary, tuple(lines), *sums, credit, *known)
    state.returned.clear()
    state.invoices.append(invoice)
    booked = [
        Booked(
            charges[at] if at < len(charges) else None, Parts(line.amount_minor, line.discount_minor, line.tax_minor)
        )
        for at, line in enumerate(lines)
    ]
    inclusive = subscription.plan.tax_inclusive
    account = Account(made or state.make(), place, booked, totals.total, totals.carried, credit, inclusive)
    state.accounts.append(account)
    return invoice


def find_late(state: State, place: int) -> list[Late]:
    """The windows billed before of which other events are known now."""
    found = []
    digits = MINOR_DIGITS[state.lives[place].subscription.plan.currency]
    billed = state.billed.get(place, ())
    for one in sorted(billed, key=lambda one: (one.charge[1].end, one.charge[1].start)):
        exact, units, events = rate(state, place, one.charge, state.now)
        keys = frozenset(event.key for event in events)
        if keys != one.keys:
            found.append(Late(one, exact, units, keys, half_up(exact * 10**digits)))
    return found


def _late_line(late: Late, currency: str, discount: int, tax: int) -> Line:
    """A line for late usage is the window with all its events, less what was charged for it.

    Its own events are those that came, and those that were withdrawn.
    """
    billed, (span, window) = late.billed, late.billed.charge
    before = Fraction(billed.charged_minor, 10 ** MINOR_DIGITS[currency])
    exact, minor = Fraction(half_up((late.exact - before) * PLACES), PLACES), late.minor - billed.charged_minor
    name, keys = f"{span.price.name} (late usage)", late.keys ^ billed.keys
    return Line(name, window.start, window.end, late.units, exact, minor, discount, tax, keys)


def typed_line(typed: Typed, currency: str, first: Line, discount: int, tax: int) -> Line:
    """A line that was typed by hand is what it says, over the period of the invoice's first line."""
    exact = Fraction(typed.amount_minor, 10 ** MINOR_DIGITS[currency])
    minor = typed.amount_minor
    return Line(typed.description, first.start, first.end, Fraction(1), exact, minor, discount, tax, frozenset())


def rate(state: State, place: int, charge: Charge, now: datetime) -> tuple[Fraction, Fraction, list[Counted]]:
    """What a price comes to over a window, of how many units, and the events they were counted from."""
    span, window = charge
    price = span.price
    if price.metric is None:
        units = Fraction(span.terms.quantity)
        return amount(price, units, [], window.share), units, []
    events = counted(state.history, state.lives, place, span, window, now)
    units = quantity(price.metric, events)
    return amount(price, units, used(price.metric, events), window.share), units, events


def _take_credit(state: State, currency: str, due: int) -> int:
    """Take credit of a currency, the oldest first; return what was taken."""
    taken = 0
    for at, (its_currency, left) in enumerate(state.credit):
        if its_currency == currency:
            part = min(left, due - taken)
            state.credit[at] = (currency, left - part)
            taken += part
    return taken
