"""Changes of what a plan gives, one after the other: never more is there than the largest gave, less what was used."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.billing.burn_down import burn_down, change_points
from app.billing.entitlements import MeteredTerms
from app.billing.grants import TICK, MeteredEntitlement
from app.billing.handover import hand_over
from app.billing.periods import BillingInterval, Period

START, DAY = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=1)
PERIODS = st.sampled_from([None, BillingInterval.MONTHLY, BillingInterval.YEARLY])
#: What a version gives, if anything: how many units for which usage periods.
GIVEN = st.none() | st.tuples(st.sampled_from([10, 100, 250]), PERIODS)
#: Days from one change to the next, and units used after it. All is over before the first reset.
STEPS = st.lists(st.tuples(st.integers(1, 3), GIVEN, st.integers(0, 40)), min_size=1, max_size=8)


def provisioned(
    entitlements: list[MeteredEntitlement], at: datetime, given_: tuple[int, BillingInterval | None] | None
) -> list[MeteredEntitlement]:
    """The entitlements after a change at an instant; the anchor stays."""
    if given_ is None:
        return [replace(one, ended_at=min(one.ended_at or at, at)) for one in entitlements]
    terms = MeteredTerms(issue_after_reset=Decimal(given_[0]), usage_period=given_[1])
    if entitlements and entitlements[-1].terms == terms and (entitlements[-1].ended_at or at) >= at:
        return [*entitlements[:-1], replace(entitlements[-1], ended_at=None)]
    new = MeteredEntitlement(f"ent_{len(entitlements)}", terms, at, None, START, "UTC", None, "sub")
    handover = hand_over(entitlements, new, at)
    before = [replace(one, ended_at=handover.ends.get(one.id, one.ended_at)) for one in entitlements]
    return [*before, replace(new, first_issue=handover.first_issue)]


def standing(entitlements: Sequence[MeteredEntitlement], uses: Sequence[tuple[datetime, int]], at: datetime) -> Decimal:
    """What is left of all together."""
    points = [*change_points(entitlements, [], at), at + TICK]
    pieces = [Period(one, two) for one, two in pairwise(points)]
    used = [(piece, sum((Decimal(n) for when, n in uses if piece.contains(when)), Decimal(0))) for piece in pieces]
    return sum(burn_down(entitlements, [], used, at).balances.values(), Decimal(0))


@given(STEPS)
def test_what_is_left_is_the_most_that_was_given_less_what_was_used(
    steps: list[tuple[int, tuple[int, BillingInterval | None] | None, int]],
) -> None:
    at, most, used = START, Decimal(0), Decimal(0)
    entitlements: list[MeteredEntitlement] = []
    uses: list[tuple[datetime, int]] = []
    before_gap: list[BillingInterval | None] = []
    for days, given_, units in steps:
        at += days * DAY
        entitlements = provisioned(entitlements, at, given_)
        if given_ is None:
            before_gap = [one.terms.usage_period for one in entitlements[-1:]]
            assert standing(entitlements, uses, at) == 0
            continue
        if before_gap not in ([], [given_[1]]):
            return  # other usage periods after a time without any begin anew
        most = max(most, Decimal(given_[0]))
        assert standing(entitlements, uses, at) == most - used
        before_gap, more = [], min(units, int(most - used))
        uses.append((at + DAY / 2, more))
        used += more
        assert standing(entitlements, uses, at + DAY / 2) == most - used
