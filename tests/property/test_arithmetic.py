"""Decimals, rounding, aggregation and pricing, against plain rational arithmetic."""

import json
from decimal import Decimal, localcontext
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.billing.aggregation import Aggregation, MeteredValue, aggregate
from app.billing.decimals import exact_sum, parse_decimal, parse_plain, plain, to_places, within_bounds
from app.billing.extraction import metered_value
from app.billing.invoicing import AssessedLine, assess
from app.billing.money import Money, decimal_to_minor, minor_digits, minor_to_decimal, round_to_minor
from app.billing.price_models import StandardPrice
from app.billing.pricing import LineInputs, line_inputs_from_json, price_line
from app.billing.tax import TaxTerms

CURRENCIES = st.sampled_from(["JPY", "USD", "KWD", "CLF"])
FRACTIONS = st.fractions() | st.builds(Fraction, st.integers(-(10**120), 10**120), st.integers(1, 10**40))


def written(digits: st.SearchStrategy[int], places: int) -> st.SearchStrategy[Decimal]:
    return st.builds(lambda units, scale: Decimal(f"{units}E-{scale}"), digits, st.integers(0, places))


BOUNDED = written(st.integers(-(10**20) + 1, 10**20 - 1), 18)
PRICES = written(st.integers(0, 10**20 - 1), 18)
COUNTERS = written(st.integers(-(10**130), 10**130), 18)
EVENTS = st.dictionaries(st.text("0123456789abcdef", min_size=1, max_size=4), BOUNDED, max_size=30).map(
    lambda by_id: [MeteredValue(event_id, value) for event_id, value in by_id.items()]
)


@given(COUNTERS)
def test_decimals_survive_being_written_and_read(value: Decimal) -> None:
    text = plain(value)
    assert parse_plain(text) == value
    assert plain(parse_plain(text)) == text
    assert "E" not in text
    assert "." not in text or not text.endswith("0")


@given(BOUNDED)
def test_bounded_decimals_survive_the_strict_reader(value: Decimal) -> None:
    assert within_bounds(value)
    assert parse_decimal(plain(value)) == value


@given(st.text(max_size=40) | st.text("0123456789.-", max_size=45))
def test_the_strict_reader_reads_exactly_or_raises_value_error(text: str) -> None:
    try:
        value = parse_decimal(text)
    except ValueError:
        return
    assert within_bounds(value)
    assert Fraction(value) == Fraction(text)


@given(st.lists(COUNTERS, max_size=20), st.integers(1, 30))
def test_sums_equal_rational_sums_whatever_the_context(values: list[Decimal], precision: int) -> None:
    with localcontext() as context:
        context.prec = precision
        assert Fraction(exact_sum(values)) == sum(map(Fraction, values), Fraction(0))


@given(FRACTIONS, CURRENCIES)
def test_rounding_is_off_by_at_most_half_a_minor_unit(exact: Fraction, currency: str) -> None:
    rounded = Fraction(round_to_minor(exact, currency), 10 ** minor_digits(currency))
    assert abs(rounded - exact) <= Fraction(1, 2 * 10 ** minor_digits(currency))


@given(st.integers(-(10**40), 10**40), CURRENCIES)
def test_ties_go_away_from_zero(minor: int, currency: str) -> None:
    half = Fraction(2 * minor + 1, 2)
    away = minor + 1 if minor >= 0 else minor
    assert round_to_minor(half / 10 ** minor_digits(currency), currency) == away


@given(FRACTIONS, CURRENCIES)
def test_rounding_knows_no_sign(exact: Fraction, currency: str) -> None:
    assert round_to_minor(-exact, currency) == -round_to_minor(exact, currency)


@given(FRACTIONS, st.integers(0, 18))
def test_rounding_twice_to_the_same_places_changes_nothing(exact: Fraction, places: int) -> None:
    once = to_places(exact, places)
    assert to_places(Fraction(once), places) == once
    assert once.as_tuple().exponent == -places


@given(st.integers(), st.integers(), CURRENCIES)
def test_money_survives_its_decimal_and_what_is_added_can_be_taken_away(one: int, two: int, currency: str) -> None:
    assert decimal_to_minor(minor_to_decimal(one, currency), currency) == one
    assert Money(one, currency) + Money(two, currency) - Money(two, currency) == Money(one, currency)


@pytest.mark.parametrize("aggregation", Aggregation)
@given(events=EVENTS, repeated=st.lists(st.integers(0, 29), max_size=20), random=st.randoms())
def test_neither_order_nor_repetition_changes_a_quantity(
    aggregation: Aggregation, events: list[MeteredValue], repeated: list[int], random: Random
) -> None:
    shuffled = events + [events[index % len(events)] for index in repeated if events]
    random.shuffle(shuffled)
    # Not only equal but the same form, as quantities are stored and compared as text.
    assert str(aggregate(aggregation, shuffled)) == str(aggregate(aggregation, events))


@given(EVENTS, st.integers(0, 30))
def test_a_quantity_is_that_of_its_parts(events: list[MeteredValue], cut: int) -> None:
    for aggregation in (Aggregation.COUNT, Aggregation.SUM):
        parts = [aggregate(aggregation, events[:cut]), aggregate(aggregation, events[cut:])]
        assert exact_sum(parts) == aggregate(aggregation, events)
    maxima = [aggregate(Aggregation.MAX, part) for part in (events[:cut], events[cut:]) if part]
    assert max(maxima, default=Decimal(0)) == aggregate(Aggregation.MAX, events)


@given(EVENTS)
def test_quantities_agree_with_a_naive_count(events: list[MeteredValue]) -> None:
    values = [Fraction(event.value) for event in events if isinstance(event.value, Decimal)]
    assert aggregate(Aggregation.COUNT, events) == len(values)
    assert Fraction(aggregate(Aggregation.SUM, events)) == sum(values, Fraction(0))
    assert Fraction(aggregate(Aggregation.MAX, events)) == max(values, default=Fraction(0))
    assert aggregate(Aggregation.UNIQUE_COUNT, events) == len(set(values))


@given(BOUNDED, st.booleans())
def test_a_number_counts_the_same_as_a_number_and_as_a_string(value: Decimal, as_text: bool) -> None:
    sent = plain(value) if as_text else value
    assert metered_value(Aggregation.SUM, "$.a.b", "evt_1", {"a": {"b": sent}}) == MeteredValue("evt_1", value)


@given(PRICES, st.lists(PRICES, min_size=1, max_size=10), CURRENCIES)
def test_a_standard_price_of_a_whole_is_that_of_its_parts(
    unit_price: Decimal, quantities: list[Decimal], currency: str
) -> None:
    def exact(quantity: Decimal) -> Fraction:
        return price_line(LineInputs(StandardPrice(unit_price), currency, quantity, None, None, 0)).exact

    assert exact(exact_sum(quantities)) == sum(map(exact, quantities), Fraction(0))


LINES = st.builds(
    LineInputs,
    st.builds(StandardPrice, PRICES),
    CURRENCIES,
    COUNTERS,
    st.none() | st.sampled_from(Aggregation),
    st.none() | st.text(max_size=10),
    st.integers(0, 10**9),
)


@given(LINES)
def test_stored_inputs_price_to_the_same_line(inputs: LineInputs) -> None:
    read = line_inputs_from_json(json.loads(json.dumps(inputs.to_json())))
    assert read == inputs
    assert price_line(read) == price_line(inputs)


@given(LINES)
def test_the_steps_of_a_line_lead_from_its_quantity_to_its_amount(inputs: LineInputs) -> None:
    line = price_line(inputs)
    assert isinstance(inputs.model, StandardPrice)
    unit_price = inputs.model.unit_price
    assert line.steps[0].output == inputs.quantity
    assert all(after.input == before.output for before, after in zip(line.steps, line.steps[1:], strict=False))
    assert (
        Fraction(line.steps[-2].output)
        == line.exact
        == max(Fraction(inputs.quantity), Fraction(0)) * Fraction(unit_price)
    )
    assert line.steps[-1].output == minor_to_decimal(line.amount_minor, inputs.currency)
    assert line.amount_minor >= 0


@given(st.lists(st.integers()))
def test_lines_are_the_truth_of_totals(amounts: list[int]) -> None:
    totals = assess([AssessedLine(amount, None) for amount in amounts], (), TaxTerms())
    assert totals.subtotal_minor == sum(amounts)
    assert totals.total_minor == totals.subtotal_minor + totals.carried_to_credit_minor >= 0
