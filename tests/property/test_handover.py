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
#: Days from one change to the next, units used after it, maybe beyond what is left, and whether usage periods are
#: counted from there. All is over before the first reset.
STEPS = st.lists(st.tuples(st.integers(1, 3), GIVEN, st.integers(-5, 60), st.booleans()), min_size=1, max_size=8)


def provisioned(
    entitlements: list[MeteredEntitlement],
    at: datetime,
    given_: tuple[int, BillingInterval | None] | None,
    anchor: datetime,
) -> list[MeteredEntitlement]:
    """The entitlements after a change at an instant."""
    if given_ is None:
        return [replace(one, ended_at=min(one.ended_at or at, at)) for one in entitlements]
    terms = MeteredTerms(issue_after_reset=Decimal(given_[0]), usage_period=given_[1])
    if entitlements and entitlements[-1].terms == terms and (entitlements[-1].ended_at or at) >= at:
        return [*entitlements[:-1], replace(entitlements[-1], ended_at=None)]
    new = MeteredEntitlement(f"ent_{len(entitlements)}", terms, at, None, anchor, "UTC", None, "sub")
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
    steps: list[tuple[int, tuple[int, BillingInterval | None] | None, int, bool]],
) -> None:
    at, anchor, most, used = START, START, Decimal(0), Decimal(0)
    entitlements: list[MeteredEntitlement] = []
    uses: list[tuple[datetime, int]] = []
    for days, given_, units, begins_anew in steps:
        at += days * DAY
        anchor = at if begins_anew else anchor
        entitlements = provisioned(entitlements, at, given_, anchor)
        if given_ is None:
            assert standing(entitlements, uses, at) == 0
            continue
        most = max(most, Decimal(given_[0]))
        assert standing(entitlements, uses, at) == max(most - used, 0)
        uses.append((at + DAY / 2, units))
        used += units
        assert standing(entitlements, uses, at + DAY / 2) == max(most - used, 0)
