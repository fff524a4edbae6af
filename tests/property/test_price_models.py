"""What holds for the models whatever their parameters, against plain rational arithmetic."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.billing.aggregation import Aggregation
from app.billing.price_models import (
    ChargeScope,
    DynamicPrice,
    GraduatedPrice,
    PackagePrice,
    PercentagePrice,
    PriceModel,
    StandardPrice,
    Tier,
    VolumePrice,
)
from app.billing.pricing import price_line
from app.billing.proration import Share
from tests.support.price_lines import fee, metered, of_events


def decimals(least: int, greatest: int, places: int = 6) -> st.SearchStrategy[Decimal]:
    return st.builds(
        lambda units, scale: Decimal(units).scaleb(-scale), st.integers(least, greatest), st.integers(0, places)
    )


AMOUNTS, QUANTITIES = decimals(0, 10**6), decimals(0, 10**9)
OPTIONAL = st.none() | AMOUNTS
TIERS = st.builds(
    lambda bounds, rates: tuple(
        Tier(bound, *rate) for bound, rate in zip([*sorted(bounds), None], rates, strict=False)
    ),
    st.sets(decimals(1, 10**6), max_size=4),
    st.lists(st.tuples(AMOUNTS, OPTIONAL), min_size=5, max_size=5),
)
#: Shares by which a decimal can be multiplied and stays one.
SHARES = st.sampled_from([Share(Decimal(part), Decimal(whole)) for part, whole in ((1, 2), (1, 4), (3, 4), (1, 5))])


def exact(model: PriceModel, quantity: Decimal, share: Share | None = None) -> Fraction:
    return price_line(metered(model, str(quantity), share=share)).exact


def by_unit(tiers: tuple[Tier, ...], quantity: Fraction) -> Fraction:
    """What a quantity costs by tiers, from the top down."""
    total = Fraction(0)
    bounds = [Fraction(0), *(Fraction(tier.up_to) for tier in tiers if tier.up_to is not None)]
    for low, tier in reversed(list(zip(bounds, tiers, strict=True))):
        if quantity > low or low == 0:
            total += (quantity - low) * Fraction(tier.unit_price) + Fraction(tier.flat_price or 0)
            quantity = low
    return total


@given(TIERS, QUANTITIES)
def test_graduated_is_what_its_tiers_cost_from_the_top_down(tiers: tuple[Tier, ...], quantity: Decimal) -> None:
    assert exact(GraduatedPrice(tiers), quantity) == by_unit(tiers, Fraction(quantity))


@given(TIERS, QUANTITIES, QUANTITIES)
def test_graduated_never_falls(tiers: tuple[Tier, ...], one: Decimal, other: Decimal) -> None:
    less, more = sorted((one, other))
    assert exact(GraduatedPrice(tiers), less) <= exact(GraduatedPrice(tiers), more)


@given(TIERS)
def test_graduated_leaps_at_a_bound_by_the_next_flat_price_only(tiers: tuple[Tier, ...]) -> None:
    step = Decimal("0.000000000000000001")
    for tier, following in pairwise(tiers):
        assert tier.up_to is not None
        above = exact(GraduatedPrice(tiers), Decimal(f"{tier.up_to + step:f}"))
        leap = above - exact(GraduatedPrice(tiers), tier.up_to)
        assert leap == Fraction(step) * Fraction(following.unit_price) + Fraction(following.flat_price or 0)


@given(TIERS, QUANTITIES)
def test_volume_is_the_whole_at_one_rate(tiers: tuple[Tier, ...], quantity: Decimal) -> None:
    tier = next(tier for tier in tiers if tier.up_to is None or quantity <= tier.up_to)
    expected = Fraction(quantity) * Fraction(tier.unit_price) + Fraction(tier.flat_price or 0)
    assert exact(VolumePrice(tiers), quantity) == expected


@given(AMOUNTS, OPTIONAL, QUANTITIES)
def test_with_one_tier_there_is_no_difference(unit_price: Decimal, flat: Decimal | None, quantity: Decimal) -> None:
    tiers = (Tier(None, unit_price, flat),)
    expected = exact(StandardPrice(unit_price), quantity) + Fraction(flat or 0)
    assert exact(VolumePrice(tiers), quantity) == exact(GraduatedPrice(tiers), quantity) == expected


@given(decimals(1, 10**6), AMOUNTS, OPTIONAL, QUANTITIES)
def test_packages_hold_what_is_not_free_and_one_less_would_not(
    size: Decimal, price: Decimal, free: Decimal | None, quantity: Decimal
) -> None:
    count = exact(PackagePrice(size, Decimal(1), free), quantity)
    rest = max(Fraction(quantity) - Fraction(free or 0), Fraction(0))
    assert count.denominator == 1
    assert (count - 1) * Fraction(size) < rest <= count * Fraction(size) or count == rest == 0
    assert exact(PackagePrice(size, price, free), quantity) == count * Fraction(price)


PERCENTAGES = st.builds(
    lambda part, fixed, bounds: PercentagePrice(Decimal(part).scaleb(-6), fixed, *bounds),
    st.integers(0, 10**6),
    OPTIONAL,
    st.tuples(OPTIONAL, OPTIONAL).map(
        lambda pair: pair if pair[0] is None or pair[1] is None or pair[0] <= pair[1] else (pair[1], pair[0])
    ),
)
VALUES = st.lists(decimals(-(10**3), 10**9), max_size=8)


@given(PERCENTAGES, VALUES, st.randoms())
def test_a_percentage_is_the_sum_of_what_each_event_is_charged(
    model: PercentagePrice, values: list[Decimal], random: Random
) -> None:
    each = [price_line(of_events(model, [str(value)])).exact for value in values]
    shuffled = list(map(str, values))
    random.shuffle(shuffled)
    total = price_line(of_events(model, shuffled)).exact
    assert total == sum(each, Fraction(0))
    assert total >= len(values) * Fraction(model.min_charge or 0)
    assert model.max_charge is None or total <= len(values) * Fraction(model.max_charge)


@given(st.tuples(AMOUNTS, AMOUNTS).map(sorted), st.lists(st.tuples(decimals(-(10**3), 10**6), OPTIONAL), max_size=8))
def test_a_dynamic_price_is_the_sum_of_values_times_prices_within_bounds(
    bounds: list[Decimal], events: list[tuple[Decimal, Decimal | None]]
) -> None:
    low, high = bounds
    told = [(str(value), None if carried is None else str(carried)) for value, carried in events]
    total = price_line(of_events(DynamicPrice(low, high, "$.p"), told)).exact
    prices = [min(max(low if carried is None else carried, low), high) for _, carried in events]
    counted = [max(value, Decimal(0)) for value, _ in events]
    products = (Fraction(value) * Fraction(price) for value, price in zip(counted, prices, strict=True))
    assert total == sum(products, Fraction(0))
    assert sum(map(Fraction, counted)) * Fraction(low) <= total <= sum(map(Fraction, counted)) * Fraction(high)


@given(
    st.one_of(
        st.builds(VolumePrice, TIERS),
        st.builds(GraduatedPrice, TIERS),
        PERCENTAGES.map(lambda model: replace(model, charge_scope=ChargeScope.PER_PERIOD)),
    ),
    QUANTITIES,
    SHARES,
)
def test_a_share_of_the_usage_in_that_share_of_a_period_costs_that_share(
    model: PriceModel, quantity: Decimal, share: Share
) -> None:
    part = quantity * share.part / share.whole
    assert Fraction(part) == Fraction(quantity) * share.exact
    assert exact(model, part, share) == exact(model, quantity) * share.exact


@pytest.mark.parametrize("aggregation", [None, Aggregation.MAX, Aggregation.UNIQUE_COUNT])
@given(tiers=TIERS, quantity=QUANTITIES, cuts=st.sets(st.integers(1, 999), max_size=4))
def test_parts_that_tile_a_period_cost_what_the_whole_does(
    aggregation: Aggregation | None, tiers: tuple[Tier, ...], quantity: Decimal, cuts: set[int]
) -> None:
    whole = fee(GraduatedPrice(tiers), str(quantity), aggregation=aggregation)
    edges = [0, *sorted(cuts), 1000]
    parts = [
        price_line(replace(whole, share=Share(Decimal(end - start), Decimal(1000)))).exact
        for start, end in pairwise(edges)
    ]
    assert sum(parts, Fraction(0)) == price_line(whole).exact
