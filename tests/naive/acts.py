"""What people do to subscriptions and their invoices: changes, ends, payments and corrections, some of them refused."""

from datetime import datetime
from fractions import Fraction

from tests.naive.agreed import Charge, Life, Phase, Span, arrears, next_boundary, once
from tests.naive.arithmetic import half_up
from tests.naive.crediting import annul, note, pay, write_note
from tests.naive.history import MINOR_DIGITS, Act, Annul, Change, End, Note, Pay, Price, Resume
from tests.naive.issuing import issue
from tests.naive.prices import amount
from tests.naive.running import catch_up, draft, end_of_period, pass_boundary
from tests.naive.state import BOUNDARY, State
from tests.naive.windows import Counting


def do(state: State, act: Act) -> None:
    """Do what somebody wants, if it makes sense. Only what is billed at present changes, ends or goes on."""
    place = act.subscription
    life = state.lives[place]
    if place in state.pending or life.is_expired:
        return
    if isinstance(act, Change | End | Resume):
        catch_up(state, place)
        if life.next_boundary is None:
            return
    match act:
        case Change():
            _change(state, act)
        case End():
            _end(state, act)
        case Resume():
            _resume(state, place)
        case Pay():
            pay(state, act)
        case Annul():
            annul(state, act)
        case Note():
            note(state, act)


def _change(state: State, act: Change) -> None:
    life, now = state.lives[act.subscription], state.lives[act.subscription].now
    named = {price.name: price for price in act.plan.prices}
    taken = {price: quantity for price, quantity in now.quantities if price in act.plan.prices}
    taken |= {named[name]: quantity for name, quantity in act.quantities}
    start = end_of_period(life) if act.at_period_end else state.now
    counting = now.counting
    if act.plan.interval != now.plan.interval:
        counting = Counting(life.subscription.zone, act.plan.anchor, start)
    phase = Phase(start, act.plan, tuple(taken.items()), counting)
    is_same = act.plan == now.plan and all(phase.quantity(one) == now.quantity(one) for one in now.plan.prices)
    if is_same or (act.at_period_end and life.ending_at == start):
        return
    if act.at_period_end:
        life.planned = phase
    else:
        life.planned = None
        _change_now(state, life, phase)


def _change_now(state: State, life: Life, phase: Phase) -> None:
    """Go over to a phase: give back what is not used, and charge what begins. Arrears wait, unless periods change."""
    place, now, former = life.subscription.place, state.now, life.now
    before = {(one.terms, one.counting) for one in life.spans() if one.covers(now)}
    if former.start == now:
        life.phases.pop()
    life.phases.append(phase)
    covering = [one for one in life.spans() if one.covers(now)]
    after = {(one.terms, one.counting) for one in covering}
    stopped = {terms.price for terms, _ in before - after if terms.interval is not None}
    _give_back(state, place, stopped)
    begun = [
        _rest(one, now)
        for one in covering
        if one.price.in_advance and one.terms.interval is not None and (one.terms, one.counting) not in before
    ]
    if phase.plan != former.plan:
        begun += once(life, now, {terms for terms, _ in before}, phase.plan.interval)
    if phase.plan.interval != former.plan.interval:
        cut = arrears(life, now)
        life.last_boundary = now
        draft(state, place, now, cut)
    if begun:
        issue(state, place, "CHANGE", now, begun)
    _move_boundary(state, life)


def _rest(span: Span, start: datetime) -> Charge:
    """The rest of the running window of a price."""
    assert span.terms.interval is not None
    window = span.window(span.terms.interval, start)
    return span, window._replace(start=start)


def _move_boundary(state: State, life: Life) -> None:
    """Let the next boundary be by what is agreed now; no later than before while arrears wait for that."""
    before, boundary = life.next_boundary, next_boundary(life, state.now)
    assert before is not None
    if state.now < before < boundary and arrears(life, before):
        boundary = before
    life.next_boundary = boundary
    state.note(boundary, BOUNDARY, life.subscription.place, boundary)


def _end(state: State, act: End) -> None:
    life = state.lives[act.subscription]
    if act.at_period_end:
        end = end_of_period(life)
        if life.ending_at is None or end < life.ending_at:
            life.ending_at = end
            _move_boundary(state, life)
        return
    if act.credit_unused:
        _give_back(state, act.subscription, {one.price for one in life.spans() if one.covers(state.now)})
    life.ending_at = life.next_boundary = state.now
    pass_boundary(state, act.subscription)


def _resume(state: State, place: int) -> None:
    """Go on: what was charged in advance until the end only is charged for the rest of its period."""
    life = state.lives[place]
    if life.ending_at is None:
        return
    rests = []
    for span in life.spans():
        if span.covers(state.now) and span.end is not None and span.price.in_advance and span.terms.interval:
            window = span.window(span.terms.interval, state.now)
            if window.end < window.whole_end:
                rests.append((span, window._replace(start=window.end, end=window.whole_end)))
    life.ending_at = None
    _move_boundary(state, life)
    if rests:
        issue(state, place, "CHANGE", state.now, rests)


def _give_back(state: State, place: int, prices: set[Price]) -> None:
    """Credit what is not used of what was charged in advance, invoice by invoice as they were made."""
    life, accounts = state.lives[place], state.accounts
    _cut_drafts(state, place, prices)
    mine = [number for number, one in enumerate(accounts) if one.place == place and not one.is_void]
    for number in sorted(mine, key=lambda number: accounts[number].made):
        pieces = {}
        for line, booked in enumerate(accounts[number].lines):
            if booked.charge is not None and not booked.is_given_back and _stops(booked.charge, prices, state.now):
                charged, credited = booked.charged.amount, booked.credited.amount
                minor = _unused(life, booked.charge, charged, state.now, credited)
                if minor > 0:
                    pieces[line], booked.is_given_back = booked.piece(minor), True
        if pieces:
            write_note(state, number, pieces)


def _cut_drafts(state: State, place: int, prices: set[Price]) -> None:
    """Let drafts charge what is used alone."""
    life, now = state.lives[place], state.now
    for (at, _), one in state.drafts.items():
        for line, charge in enumerate(one.charges):
            if at == place and _stops(charge, prices, now) and _unused(life, charge, _amount(life, charge), now, 0) > 0:
                span, window = charge
                one.charges[line] = span, window._replace(end=max(now, window.start))


def _stops(charge: Charge, prices: set[Price], now: datetime) -> bool:
    span, window = charge
    return span.price in prices and span.price.in_advance and span.terms.interval is not None and window.end > now


def _amount(life: Life, charge: Charge) -> int:
    span, window = charge
    digits = MINOR_DIGITS[life.subscription.plan.currency]
    return half_up(amount(span.price, Fraction(span.terms.quantity), [], window.share) * 10**digits)


def _unused(life: Life, charge: Charge, charged: int, now: datetime, credited: int) -> int:
    """What of a line is not used when its price stops. Obligations are owed whole."""
    span, window = charge
    if span.price.is_obligation:
        return 0
    used = _amount(life, (span, window._replace(end=max(now, window.start))))
    return max(charged - credited - used, 0)
