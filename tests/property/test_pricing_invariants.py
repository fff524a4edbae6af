"""What is true of every price, whatever its figures: monotone, continuous, additive, conserved, rounded once.

What is split or added up again is in test_allocation_invariants, what concerns time in test_calendar_invariants.
"""

import json
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.billing.aggregation import Aggregation, MeteredValue, aggregate
from app.billing.decimals import exact_sum, half_up
from app.billing.money import Money, minor_digits
from app.billing.price_models import GraduatedPrice, PackagePrice, PriceModel, StandardPrice, Tier, VolumePrice
from app.billing.pricing import LineInputs, StepOperation, line_inputs_from_json, price_line
from app.billing.proration import Share
from tests.support.priced import (
    AMOUNTS,
    CURRENCIES,
    EDGES,
    FEE_MODELS,
    QUANTITIES,
    USAGE_MODELS,
    decimals,
    exact,
    priced,
    tiers,
)

TINY = Decimal("1E-18")
SHARES = st.none() | st.builds(lambda part, rest: Share(part, exact_sum([part, rest])), EDGES, QUANTITIES)


def edges_of(listed: tuple[Tier, ...]) -> list[Decimal]:
    return [tier.up_to for tier in listed if tier.up_to is not None]


def jump(model: PriceModel, edge: Decimal) -> Fraction:
    """By how much a price changes in the least step beyond a quantity."""
    return exact(model, exact_sum([edge, TINY])) - exact(model, edge)


@given(tiers(), QUANTITIES, QUANTITIES)
def test_5_a_graduated_price_never_falls(listed: tuple[Tier, ...], one: Decimal, more: Decimal) -> None:
    assert exact(GraduatedPrice(listed), one) <= exact(GraduatedPrice(listed), exact_sum([one, more]))


@given(tiers())
def test_5_a_graduated_price_jumps_at_edges_only_and_only_by_the_flat_price(listed: tuple[Tier, ...]) -> None:
    for tier, entered in pairwise(listed):
        assert tier.up_to is not None
        expected = Fraction(TINY) * Fraction(entered.unit_price) + Fraction(entered.flat_price or 0)
        assert jump(GraduatedPrice(listed), tier.up_to) == expected


@given(tiers(), QUANTITIES, decimals(2000, 6).filter(bool))
def test_5_between_edges_a_graduated_and_a_volume_price_rise_by_the_rate_of_the_tier(
    listed: tuple[Tier, ...], one: Decimal, more: Decimal
) -> None:
    other = exact_sum([one, more])
    assume(not any(one <= edge < other for edge in edges_of(listed)))
    tier = next(tier for tier in listed if tier.up_to is None or other <= tier.up_to)
    for model in (GraduatedPrice(listed), VolumePrice(listed)):
        assert exact(model, other) - exact(model, one) == Fraction(more) * Fraction(tier.unit_price)


@given(tiers(), QUANTITIES, QUANTITIES)
def test_5_a_volume_price_falls_only_where_a_tier_edge_is_passed(
    listed: tuple[Tier, ...], one: Decimal, more: Decimal
) -> None:
    other = exact_sum([one, more])
    if exact(VolumePrice(listed), other) < exact(VolumePrice(listed), one):
        assert any(one <= edge < other for edge in edges_of(listed))


@given(EDGES, AMOUNTS, st.none() | QUANTITIES, QUANTITIES)
def test_5_a_package_price_steps_only_at_multiples_after_the_free_units(
    size: Decimal, package_price: Decimal, free: Decimal | None, quantity: Decimal
) -> None:
    model, beyond = PackagePrice(size, package_price, free), exact_sum([quantity, TINY])
    packages = (Fraction(quantity) - Fraction(free or 0)) / Fraction(size)
    steps = packages >= 0 and packages.denominator == 1
    assert exact(model, beyond) - exact(model, quantity) == (Fraction(package_price) if steps else 0)


@given(tiers(), QUANTITIES, SHARES)
def test_5_tiers_tile_all_quantities_without_gap_or_overlap(
    listed: tuple[Tier, ...], quantity: Decimal, share: Share | None
) -> None:
    """Each unit costs 1 in every tier, and a tier of the first unit alone would show."""
    flat = tuple(Tier(tier.up_to, Decimal(1)) for tier in listed)
    for model in (GraduatedPrice(flat), VolumePrice(flat)):
        assert exact(model, quantity, share) == Fraction(quantity)


@given(tiers(), AMOUNTS, EDGES, AMOUNTS)
def test_5_the_price_of_nothing_is_its_fixed_part(
    listed: tuple[Tier, ...], unit_price: Decimal, size: Decimal, package_price: Decimal
) -> None:
    nothing, first = Decimal(0), Fraction(listed[0].flat_price or 0)
    assert exact(GraduatedPrice(listed), nothing) == exact(VolumePrice(listed), nothing) == first
    assert exact(StandardPrice(unit_price), nothing) == exact(PackagePrice(size, package_price), nothing) == 0


@given(tiers(), QUANTITIES, SHARES)
def test_6_a_graduated_charge_is_the_sum_of_its_tiers(
    listed: tuple[Tier, ...], quantity: Decimal, share: Share | None
) -> None:
    line = priced(GraduatedPrice(listed), quantity, aggregation=Aggregation.SUM, share=share)
    by_tier = [step for step in line.steps if step.operation is StepOperation.PRICE and step.description[:5] == "Tier "]
    scale = Fraction(1) if share is None else share.exact
    edges, total = [Fraction(edge) * scale for edge in edges_of(listed)], Fraction(0)
    for low, high, tier in zip([Fraction(0), *edges], [*edges, Fraction(quantity)], listed, strict=True):
        if low == 0 or Fraction(quantity) > low:
            units = min(Fraction(quantity), high) - low
            total += units * Fraction(tier.unit_price) + Fraction(tier.flat_price or 0) * scale
    assert line.exact == total
    assert len(by_tier) == 1 + sum(1 for edge in edges if quantity > edge)


@given(tiers(), st.lists(QUANTITIES, max_size=20), st.randoms())
def test_6_the_order_of_events_changes_no_graduated_charge(
    listed: tuple[Tier, ...], values: list[Decimal], random: Random
) -> None:
    events = [MeteredValue(f"evt_{place}", value) for place, value in enumerate(values)]
    shuffled = random.sample(events, len(events))
    one, other = (aggregate(Aggregation.SUM, order) for order in (events, shuffled))
    assert exact(GraduatedPrice(listed), one) == exact(GraduatedPrice(listed), other)


@pytest.mark.parametrize(("currency", "digits"), [("JPY", 0), ("USD", 2), ("KWD", 3), ("CLF", 4)])
@given(model=USAGE_MODELS, quantity=QUANTITIES, amount=st.integers())
def test_7_each_currency_keeps_its_minor_unit_and_never_meets_another(
    currency: str, digits: int, model: PriceModel, quantity: Decimal, amount: int
) -> None:
    line = priced(model, quantity, currency, aggregation=Aggregation.SUM)
    assert abs(line.exact - Fraction(line.amount_minor, 10**digits)) <= Fraction(1, 2 * 10**digits)
    with pytest.raises(ValueError, match="can't be added"):
        Money(amount, currency) + Money(amount, "EUR")


@given(USAGE_MODELS, QUANTITIES, CURRENCIES, SHARES, st.none() | AMOUNTS)
def test_8_a_line_is_rounded_once_and_as_its_last_step(
    model: PriceModel, quantity: Decimal, currency: str, share: Share | None, least: Decimal | None
) -> None:
    line = priced(model, quantity, currency, aggregation=Aggregation.SUM, share=share, bounds=(least, None))
    assert [step.operation for step in line.steps].count(StepOperation.ROUND) == 1
    assert line.steps[-1].operation is StepOperation.ROUND
    assert line.amount_minor == half_up(line.exact * 10 ** minor_digits(currency))


@given(FEE_MODELS, QUANTITIES, CURRENCIES, SHARES, st.none() | AMOUNTS, st.none() | AMOUNTS)
def test_19_and_28_a_line_depends_on_nothing_but_what_is_stored_with_it(
    model: PriceModel,
    quantity: Decimal,
    currency: str,
    share: Share | None,
    least: Decimal | None,
    most: Decimal | None,
) -> None:
    """Neither a new version of the zone database nor a change of the catalog reaches what was copied."""
    inputs = LineInputs(
        model, currency, quantity, None, None, 0, share=share, period_minimum=least, period_maximum=most
    )
    read = line_inputs_from_json(json.loads(json.dumps(inputs.to_json())))
    assert read == inputs
    assert price_line(read) == price_line(inputs)
