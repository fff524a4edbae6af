"""Every invoice of a history, computed from nothing but its description. Slow and plain on purpose."""

from datetime import datetime

from tests.naive.acts import do
from tests.naive.agreed import at_start
from tests.naive.history import EXPIRY, History, Interval, Subscription
from tests.naive.invoices import Invoice
from tests.naive.issuing import find_late, issue
from tests.naive.running import note_boundary, pass_boundary
from tests.naive.state import BOUNDARY, CLOSE, EXPIRE, START, Due, State, begin
from tests.naive.windows import Window, billed_from, windows


def replay(history: History) -> list[Invoice]:
    """Every issued invoice, in the order of issue."""
    return relive(history).invoices


def relive(history: History) -> State:
    """All that happens in a history."""
    state = begin(history)
    for stop in history.stops():
        _run(state, stop)
        for subscription in history.subscriptions:
            if subscription.started_at == stop:
                _begin(state, subscription)
        state.typed += [
            one for one in history.typed if one.at == stop and (one.subscription, one.boundary) in state.drafts
        ]
        for subscription in history.subscriptions:
            if subscription.paid_at == stop:
                _pay_first(state, subscription)
        for act in history.acts:
            if act.at == stop:
                do(state, act)
        for place, life in enumerate(state.lives):
            if life.has_ended:
                state.note_supplement(place)
    return state


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
        state.now = max(state.now, item.at)
        _do(state, item)
    state.now = stop


def _do(state: State, item: Due) -> None:
    life = state.lives[item.place]
    match item.kind:
        case _ if item.kind == BOUNDARY:
            if life.next_boundary == item.boundary:
                pass_boundary(state, item.place)
        case _ if item.kind == CLOSE:
            draft = state.drafts[item.place, item.boundary]
            late = find_late(state, item.place)
            issue(state, item.place, draft.reason, item.boundary, draft.charges, late, draft.made)
            del state.drafts[item.place, item.boundary]
            if life.has_ended:
                state.note_supplement(item.place)
        case _ if item.kind == EXPIRE:
            _expire(state, item.place)
        case _ if item.kind == START:
            _start(state, item.place)
        case _:
            _supplement(state, item.place)


def _begin(state: State, subscription: Subscription) -> None:
    start = billed_from(subscription)
    if start > subscription.started_at:
        state.note(start, START, subscription.place, start)
    else:
        _start(state, subscription.place)


def _start(state: State, place: int) -> None:
    life, start = state.lives[place], state.lives[place].now.start
    charges = at_start(life)
    if charges:
        issue(state, place, "START", None, charges)
        if state.first_account(place).due:
            state.pending.add(place)
            state.note(start + EXPIRY, EXPIRE, place, start)
            return
    note_boundary(state, place, start)


def _pay_first(state: State, subscription: Subscription) -> None:
    """Pay the first invoice: what comes too late for that becomes credit."""
    place = subscription.place
    if place in state.pending:
        state.pending.remove(place)
        account = state.first_account(place)
        account.paid += account.due
        note_boundary(state, place, state.lives[place].now.start)
    elif state.lives[place].is_expired:
        account = state.first_account(place)
        state.give_back(subscription.plan.currency, account.total - account.applied)


def _expire(state: State, place: int) -> None:
    """End a subscription that was never paid for; the credit that its first invoice took comes back."""
    if place in state.pending:
        state.pending.remove(place)
        life, account = state.lives[place], state.first_account(place)
        life.is_expired = account.is_void = True
        state.give_back(life.subscription.plan.currency, account.applied)


def _supplement(state: State, place: int) -> None:
    """Bill what came late for a subscription that has ended, unless an invoice is still to come, which has it."""
    if any(at == place for at, _ in state.drafts):
        return
    late = find_late(state, place)
    if late:
        issue(state, place, "SUPPLEMENT", state.now, [], late)
