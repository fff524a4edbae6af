"""A subscription as it goes over its boundaries."""

from datetime import datetime

from tests.naive.agreed import Charge, Life, advance, arrears, next_boundary, once
from tests.naive.history import GRACE
from tests.naive.invoices import Reason
from tests.naive.state import BOUNDARY, CLOSE, Draft, State
from tests.naive.windows import clipped


def note_boundary(state: State, place: int, after: datetime) -> None:
    """Note the first instant after another at which a window of any cadence ends."""
    boundary = state.lives[place].next_boundary = next_boundary(state.lives[place], after)
    state.note(boundary, BOUNDARY, place, boundary)


def pass_boundary(state: State, place: int) -> None:
    """Draft what the next boundary bills: the arrears of what ends there, then the advance of what begins.

    Then the subscription goes on, or goes over to what was planned, or ends.
    """
    life = state.lives[place]
    boundary, phase = life.next_boundary, life.planned
    assert boundary is not None
    charges = arrears(life, boundary) + advance(life, boundary)
    if phase is not None and phase.start == boundary:
        if phase.plan != life.now.plan:
            held = {
                one.terms for one in life.spans() if one.start < boundary and (one.end is None or boundary <= one.end)
            }
            charges += once(life, boundary, held, phase.plan.interval)
        if life.ending_at != boundary:
            life.phases.append(phase)
            life.planned = None
    life.last_boundary = boundary
    if life.ending_at is not None and life.ending_at <= boundary:
        life.has_ended, life.next_boundary, life.planned = True, None, None
    else:
        note_boundary(state, place, boundary)
    draft(state, place, boundary, charges)


def draft(state: State, place: int, boundary: datetime, charges: list[Charge]) -> None:
    """Draft what a boundary bills, if anything; the grace time ends so long after it."""
    life = state.lives[place]
    if charges:
        reason: Reason = "END" if life.has_ended else "CYCLE"
        state.drafts[place, boundary] = Draft(state.make(), reason, charges)
        state.note(boundary + GRACE, CLOSE, place, boundary)
    elif life.has_ended:
        state.note_supplement(place)


def catch_up(state: State, place: int) -> None:
    """Pass the boundaries that lie behind a subscription, as after a late first payment."""
    life = state.lives[place]
    while life.next_boundary is not None and life.next_boundary <= state.now:
        pass_boundary(state, place)


def end_of_period(life: Life) -> datetime:
    """When the running period of the plan ends."""
    now, boundary = life.now, life.next_boundary
    assert boundary is not None
    listed = clipped(now.counting, now.plan.interval, now.start, life.ending_at, boundary)
    [end] = [window.end for window in listed if window.start < boundary <= window.end]
    return end
