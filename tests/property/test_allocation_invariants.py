"""What is split adds up again: parts of periods, shares of discounts and of tax, the totals of invoices, credit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from app.billing.allocation import spread
from app.billing.credit import Balance, apply_credit
from app.billing.discounts import DiscountTerms
from app.billing.invoicing import AssessedLine, Assessment, assess
from app.billing.periods import Period
from app.billing.price_models import PriceModel, StandardPrice
from app.billing.proration import PartOfPeriod
from app.billing.tax import TaxBehavior, TaxTerms
from tests.support.priced import AMOUNTS, CURRENCIES, FEE_MODELS, QUANTITIES, decimals, priced

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
TICK = timedelta(microseconds=1)
MINOR = st.integers(-(10**12), 10**12)
WHOLE = Period(START, START + timedelta(days=28))
CUTS = st.integers(0, (WHOLE.end - WHOLE.start) // TICK).map(lambda ticks: WHOLE.start + ticks * TICK)
DAYS = st.integers(0, 3).map(lambda days: START + timedelta(days=days))
LINES = st.lists(st.builds(AssessedLine, MINOR, st.none() | DAYS, st.booleans()), max_size=12)
DISCOUNTS = st.lists(
    st.builds(
        lambda percentage, amount, start, length: DiscountTerms(
            "dis_1",
            "Discount",
            percentage,
            amount if percentage is None else None,
            start,
            None if length is None else start + timedelta(days=length),
        ),
        st.none() | decimals(1, 18),
        st.integers(0, 10**12),
        DAYS,
        st.none() | st.integers(1, 3),
    ),
    max_size=4,
)
TAXES = st.builds(
    TaxTerms, st.sampled_from(TaxBehavior), st.none() | decimals(1, 6), st.sampled_from([None, None, "Reverse charge"])
)


def part(start: datetime, end: datetime) -> PartOfPeriod:
    return PartOfPeriod(Period(start, end), WHOLE)


def parts_of(assessment: Assessment, place: int) -> tuple[int, int]:
    """A line's share of the discounts and of the tax."""
    discounts = sum(taken.shares_minor[place] or 0 for taken in assessment.discounts)
    return discounts, sum(charged.shares_minor[place] or 0 for charged in assessment.taxes)


@given(LINES, DISCOUNTS, TAXES)
def test_1_the_totals_of_an_invoice_add_up(
    lines: list[AssessedLine], discounts: list[DiscountTerms], tax: TaxTerms
) -> None:
    found = assess(lines, discounts, tax)
    assert found.subtotal_minor == sum(line.amount_minor for line in lines)
    added = found.tax_minor if tax.behavior is TaxBehavior.EXCLUSIVE else 0
    assert found.total_minor == found.subtotal_minor - found.discount_minor + added + found.carried_to_credit_minor
    assert min(found.total_minor, found.carried_to_credit_minor) == 0
    assert found.discount_minor >= 0


@given(st.integers(0, 10**12), st.lists(st.integers(1, 10**12), max_size=8))
def test_1_credit_pays_no_more_than_is_due_and_the_oldest_first(due: int, lefts: list[int]) -> None:
    balances = [Balance(f"cre_{place}", left) for place, left in enumerate(lefts)]
    taken = apply_credit(due, balances)
    assert sum(one.left_minor for one in taken) == min(due, sum(lefts))
    assert [one.entry_id for one in taken] == [balance.entry_id for balance in balances[: len(taken)]]
    assert all(one.left_minor == balance.left_minor for one, balance in zip(taken[:-1], balances, strict=False))
    assert all(0 < one.left_minor <= balance.left_minor for one, balance in zip(taken, balances, strict=False))


@given(MINOR, st.lists(MINOR, min_size=1, max_size=12))
def test_2_parts_of_an_amount_add_up_to_it_and_are_within_one_unit_of_their_exact_share(
    total: int, weights: list[int]
) -> None:
    assume(sum(weights) != 0)
    parts = spread(total, weights)
    assert sum(parts) == total
    exact = [Fraction(total) * weight / sum(weights) for weight in weights]
    assert all(abs(share - whole) < 1 for share, whole in zip(parts, exact, strict=True))


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 12))
def test_2_equal_parts_differ_by_one_unit_at_most_and_the_earlier_are_the_greater(
    total: int, weight: int, count: int
) -> None:
    parts = spread(total, [weight] * count)
    assert parts == sorted(parts, reverse=True)
    assert parts[0] - parts[-1] <= 1


@given(LINES, DISCOUNTS, TAXES)
def test_2_the_lines_shares_of_discounts_and_tax_add_up_to_them(
    lines: list[AssessedLine], discounts: list[DiscountTerms], tax: TaxTerms
) -> None:
    found = assess(lines, discounts, tax)
    shares = [parts_of(found, place) for place in range(len(lines))]
    assert (sum(one for one, _ in shares), sum(other for _, other in shares)) == (found.discount_minor, found.tax_minor)
    for taken in found.discounts:
        untouched = [
            taken.shares_minor[place]
            for place, line in enumerate(lines)
            if line.period_start is None or not taken.terms.takes_from(line.period_start)
        ]
        assert set(untouched) <= {None}


@given(FEE_MODELS, QUANTITIES, CUTS, st.none() | AMOUNTS, st.none() | AMOUNTS)
def test_3_the_used_and_the_unused_part_of_a_fee_are_the_whole(
    model: PriceModel, quantity: Decimal, cut: datetime, least: Decimal | None, most: Decimal | None
) -> None:
    assume(least is None or most is None or least <= most)
    used, unused = (
        priced(model, quantity, share=piece.share, bounds=(least, most)).exact
        for piece in (part(WHOLE.start, cut), part(cut, WHOLE.end))
    )
    assert used + unused == priced(model, quantity, bounds=(least, most)).exact


@given(FEE_MODELS, QUANTITIES, st.lists(CUTS, max_size=8))
def test_3_a_fee_cut_at_any_number_of_instants_is_the_whole(
    model: PriceModel, quantity: Decimal, cuts: list[datetime]
) -> None:
    edges = [WHOLE.start, *sorted(cuts), WHOLE.end]
    pieces = [part(one, other) for one, other in pairwise(edges)]
    assert sum(priced(model, quantity, share=piece.share).exact for piece in pieces) == priced(model, quantity).exact


@given(FEE_MODELS, QUANTITIES)
def test_3_a_cut_at_an_end_gives_nothing_or_all(model: PriceModel, quantity: Decimal) -> None:
    for edge in (WHOLE.start, WHOLE.end):
        assert priced(model, quantity, share=part(edge, edge).share).amount_minor == 0
    assert part(WHOLE.start, WHOLE.end).share is None


@given(st.lists(st.tuples(AMOUNTS, QUANTITIES), max_size=12), CURRENCIES)
def test_8_lines_are_the_truth_of_the_subtotal(prices: list[tuple[Decimal, Decimal]], currency: str) -> None:
    lines = [priced(StandardPrice(unit_price), quantity, currency) for unit_price, quantity in prices]
    found = assess([AssessedLine(line.amount_minor, None) for line in lines], (), TaxTerms())
    assert found.subtotal_minor == found.total_minor == sum(line.amount_minor for line in lines)
