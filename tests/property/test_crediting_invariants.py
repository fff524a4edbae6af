"""Credits of a line add up to it, however it is cut, and never to more."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from app.billing.adjustments import line_adjustments, line_shares
from app.billing.crediting import CreditableLine, Parts, credit_amount, credit_total, credit_whole
from app.billing.discounts import DiscountTerms
from app.billing.invoicing import AssessedLine, assess
from app.billing.tax import TaxBehavior, TaxTerms
from tests.support.priced import decimals

START = datetime(2026, 1, 1, tzinfo=UTC)
#: Amounts of a few units, at which every rounding shows, and long ones.
AMOUNTS = st.integers(1, 60) | st.integers(1, 10**12)
TAXES = st.builds(TaxTerms, st.sampled_from(TaxBehavior), st.none() | decimals(1, 4))


@st.composite
def invoices(draw: st.DrawFn) -> list[CreditableLine]:
    """The lines above zero of an invoice as the rules assess it, with lines below zero beside them."""
    amounts = draw(st.lists(AMOUNTS | st.integers(-60, -1), min_size=1, max_size=5))
    terms = [
        DiscountTerms(f"disc_{place}", "D", percentage, None if percentage is not None else amount, START, None)
        for place, (percentage, amount) in enumerate(
            draw(st.lists(st.tuples(st.none() | decimals(1, 4), st.integers(0, 100)), max_size=2))
        )
    ]
    tax = draw(TAXES)
    assessment = assess([AssessedLine(amount, START, draw(st.booleans())) for amount in amounts], terms, tax)
    shares = [line_shares(line_adjustments(assessment, place)) for place in range(len(amounts))]
    return [
        CreditableLine(f"li_{place}", Parts(amount, *shares[place]), tax.behavior)
        for place, amount in enumerate(amounts)
        if amount > 0
    ]


def credited(line: CreditableLine, piece: Parts) -> CreditableLine:
    return replace(line, credited=line.credited.plus(piece))


def check(line: CreditableLine, piece: Parts) -> None:
    """A piece takes nothing back, and with all before it no more than was charged."""
    assert min(piece.amount_minor, piece.discount_minor, piece.tax_minor, piece.total_minor(line.behavior)) >= 0
    left = line.charged.minus(line.credited).minus(piece)
    assert min(left.amount_minor, left.discount_minor, left.tax_minor, left.total_minor(line.behavior)) >= 0


@given(invoices(), st.data())
def test_a_line_credited_in_pieces_is_credited_whole(lines: list[CreditableLine], data: st.DataObject) -> None:
    """Pieces by amount and by total, in any order; the last one takes what is left."""
    for line in lines:
        for _ in range(data.draw(st.integers(0, 6))):
            if data.draw(st.booleans()):
                piece = credit_amount(line, data.draw(st.integers(0, line.left_minor)))
            else:
                total = data.draw(st.integers(0, line.total_left_minor))
                piece = credit_total(line, total)
                assert piece.total_minor(line.behavior) == total
            check(line, piece)
            line = credited(line, piece)  # noqa: PLW2901 - what is left of it
        last = credit_amount(line, line.left_minor)
        check(line, last)
        assert credited(line, last).credited == line.charged
        assert credit_total(line, line.total_left_minor) == last


@given(invoices(), st.data())
def test_totals_of_an_invoice_in_pieces_are_all_of_it(lines: list[CreditableLine], data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(0, 5))):
        left = sum(line.total_left_minor for line in lines)
        total = data.draw(st.integers(0, left))
        taken = credit_whole(lines, total)
        found = [taken.get(line.id, Parts()) for line in lines]
        assert sum(piece.total_minor(line.behavior) for line, piece in zip(lines, found, strict=True)) == total
        for line, piece in zip(lines, found, strict=True):
            check(line, piece)
        lines = [credited(line, piece) for line, piece in zip(lines, found, strict=True)]
    rest = credit_whole(lines, sum(line.total_left_minor for line in lines))
    assert all(credited(line, rest.get(line.id, Parts())).credited == line.charged for line in lines)
