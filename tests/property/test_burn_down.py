"""The burn-down against a naive one that goes from instant to instant and from event to event."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from app.billing.burn_down import BurnDown, burn_down, change_points
from app.billing.entitlements import MeteredTerms
from app.billing.grants import GivenGrant, MeteredEntitlement
from app.billing.periods import BillingInterval, Period
from tests.naive.burn_down import Gift, Giver, World, live

START, WEEK, TICK = datetime(2026, 1, 5, tzinfo=UTC), timedelta(weeks=1), timedelta(microseconds=1)
UNTIL = 12
UNITS = st.sampled_from([Fraction(number, 2) for number in (0, 1, 2, 5, 10, 21)])
SOME = st.sampled_from([Fraction(number, 2) for number in (1, 2, 5, 10, 21)])
INSTANTS = st.integers(0, UNTIL)
GIVERS = st.builds(
    Giver,
    start=st.integers(0, 4),
    end=st.none() | st.integers(6, UNTIL),
    period=st.sampled_from([None, 1, 1]),
    issue=UNITS,
    soft=st.booleans(),
    preserve=st.booleans(),
    least=st.sampled_from([Fraction(0), Fraction(0), Fraction(1)]),
    most=st.sampled_from([None, Fraction(0), Fraction(3)]),
)


@st.composite
def gifts(draw: st.DrawFn, givers: int) -> Gift:
    start = draw(INSTANTS)
    end = draw(st.none() | st.integers(start + 1, UNTIL + 2))
    again = draw(st.sampled_from([None, None, 1]))
    return Gift(draw(st.integers(0, givers - 1)), draw(SOME), start, end, draw(st.integers(0, 2)), again)


@st.composite
def worlds(
    draw: st.DrawFn, units: st.SearchStrategy[Fraction] = SOME
) -> tuple[list[Giver], list[Gift], list[tuple[int, Fraction]], int]:
    givers = sorted(draw(st.lists(GIVERS, min_size=1, max_size=3)), key=lambda one: one.start)
    given = draw(st.lists(gifts(len(givers)), max_size=4))
    events = draw(st.lists(st.tuples(INSTANTS, units), max_size=12))
    return givers, given, events, draw(st.integers(1, UNTIL))


def at(week: int) -> datetime:
    return START + week * WEEK


def decimal(units: Fraction) -> Decimal:
    return Decimal(units.numerator) / Decimal(units.denominator)


def entitlements_of(givers: list[Giver]) -> list[MeteredEntitlement]:
    return [
        MeteredEntitlement(
            id=f"ent_{place}",
            terms=MeteredTerms(
                issue_after_reset=decimal(one.issue),
                usage_period=None if one.period is None else BillingInterval.WEEKLY,
                is_soft_limit=one.soft,
                preserve_overage_at_reset=one.preserve,
                reset_min_rollover=decimal(one.least),
                reset_max_rollover=None if one.most is None else decimal(one.most),
            ),
            started_at=at(one.start),
            ended_at=None if one.end is None else at(one.end),
            anchor_at=at(one.start),
            timezone="UTC",
        )
        for place, one in enumerate(givers)
    ]


def grants_of(given: list[Gift]) -> list[GivenGrant]:
    return [
        GivenGrant(
            id=f"grt_{place}",
            entitlement_id=f"ent_{one.giver}",
            amount=decimal(one.amount),
            effective_at=at(one.start),
            expires_at=None if one.end is None else at(one.end),
            priority=one.priority,
            recurrence=None if one.again is None else BillingInterval.WEEKLY,
        )
        for place, one in enumerate(given)
    ]


def burnt(
    givers: list[Giver], given: list[Gift], events: list[tuple[int, Fraction]], until: int, stops: list[datetime]
) -> BurnDown:
    """The product's burn-down, with usage added up between its change points and some other instants."""
    entitlements, grants, end = entitlements_of(givers), grants_of(given), at(until) + TICK
    points = sorted({*change_points(entitlements, grants, at(until)), *(stop for stop in stops if stop < end), at(0)})
    used: defaultdict[datetime, Decimal] = defaultdict(Decimal)
    for week, units in events:
        if week <= until:
            used[max(point for point in points if point <= at(week))] += decimal(units)
    pieces = [Period(one, two) for one, two in zip(points, [*points[1:], end], strict=True) if one < two]
    return burn_down(entitlements, grants, [(piece, used[piece.start]) for piece in pieces], at(until))


def same(found: BurnDown, world: World) -> None:
    for place in range(len(world.givers)):
        name = f"ent_{place}"
        assert Fraction(found.balances.get(name, 0)) == world.balance(place)
        assert Fraction(found.overages.get(name, 0)) == world.over.get(place, 0)


@given(worlds())
def test_it_is_the_naive_one(world: tuple[list[Giver], list[Gift], list[tuple[int, Fraction]], int]) -> None:
    givers, given_, events, until = world
    found = burnt(givers, given_, events, until, [])
    same(found, live(givers, given_, [event for event in events if event[0] <= until], until))


PLAIN = Giver(
    start=0, end=None, period=None, issue=Fraction(0), soft=False, preserve=False, least=Fraction(0), most=None
)
HALF = Fraction(1, 2)
GIFT = Gift(giver=0, amount=HALF, start=0, end=None, priority=0, again=None)


@given(worlds(SOME | SOME.map(lambda units: -units)))
@example(([PLAIN, PLAIN, replace(PLAIN, issue=HALF)], [GIFT] * 4, [(5, -HALF), (6, HALF)], 6))
def test_usage_below_zero_goes_back_to_where_it_was_taken_from(
    world: tuple[list[Giver], list[Gift], list[tuple[int, Fraction]], int],
) -> None:
    givers, given_, events, until = world
    # Each week is looked at by itself, the last one too: what is used in one is not there to go back to in another.
    found = burnt(givers, given_, events, until, [at(week) for week in range(until + 1)])
    weeks = {week: sum((units for when, units in events if when == week), Fraction(0)) for week, _ in events}
    same(found, live(givers, given_, [one for one in sorted(weeks.items()) if one[0] <= until], until))


@given(worlds(), st.lists(INSTANTS, max_size=5))
def test_looking_more_often_changes_nothing(
    world: tuple[list[Giver], list[Gift], list[tuple[int, Fraction]], int], stops: list[int]
) -> None:
    givers, given_, events, until = world
    once = burnt(givers, given_, events, until, [])
    often = burnt(givers, given_, events, until, [at(stop) for stop in stops])
    assert (once.balances, once.overages) == (often.balances, often.overages)


@given(worlds())
def test_entries_add_up_and_only_what_is_billed_stands_beside_a_balance(
    world: tuple[list[Giver], list[Gift], list[tuple[int, Fraction]], int],
) -> None:
    found = burnt(*world, [])
    balances: defaultdict[str, Decimal] = defaultdict(Decimal)
    overages: defaultdict[str, Decimal] = defaultdict(Decimal)
    for entry in found.entries:
        balances[entry.entitlement_id] += entry.balance_change
        overages[entry.entitlement_id] += entry.overage_change
        assert (entry.balance, entry.overage) == (balances[entry.entitlement_id], overages[entry.entitlement_id])
        assert entry.balance >= 0 <= entry.overage
    assert [entry.at for entry in found.entries] == sorted(entry.at for entry in found.entries)
    owed = [found.overages.get(one.id, Decimal(0)) for one in found.entitlements if not one.bills_overage]
    assert not (any(found.balances.values()) and any(owed))
