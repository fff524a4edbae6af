"""What credit notes take of lines, by hand: shares are rounded cumulatively, so that pieces add up."""

import pytest

from app.billing.crediting import (
    NOTHING,
    CreditableLine,
    Parts,
    credit_amount,
    credit_total,
    credit_whole,
    predict_credit_note,
)
from app.billing.errors import InvariantBroken
from app.billing.tax import TaxBehavior

ON_TOP, HELD = TaxBehavior.EXCLUSIVE, TaxBehavior.INCLUSIVE
# 100.00 less 10 % is 90.00; 19 % on top are 17.10, or hold 14.37.
TAXED = CreditableLine("li_1", Parts(10000, 1000, 1710), ON_TOP)
HOLDING = CreditableLine("li_1", Parts(10000, 1000, 1437), HELD)
# 0.10 at 19 %: 1.9 cents of tax are 2.
SMALL = CreditableLine("li_2", Parts(10, 0, 2), ON_TOP)


def credited(line: CreditableLine, *pieces: Parts) -> CreditableLine:
    for piece in pieces:
        line = CreditableLine(line.id, line.charged, line.behavior, line.credited.plus(piece))
    return line


@pytest.mark.parametrize(
    ("line", "pieces", "taken"),
    [
        (TAXED, [10000], [Parts(10000, 1000, 1710)]),
        (TAXED, [5000, 5000], [Parts(5000, 500, 855), Parts(5000, 500, 855)]),
        # 33.33 of 100.00: 3.333 and 5.69943; 66.66: 6.666 and 11.39886.
        (TAXED, [3333, 3333, 3334], [Parts(3333, 333, 570), Parts(3333, 334, 570), Parts(3334, 333, 570)]),
        # 0.01: 0.001 and 0.00171; 0.06: 0.006 and 0.01026.
        (TAXED, [1, 5, 9994], [Parts(1, 0, 0), Parts(5, 1, 1), Parts(9994, 999, 1709)]),
        (HOLDING, [2500, 7500], [Parts(2500, 250, 359), Parts(7500, 750, 1078)]),
        # A fifth of a cent each: half a cent is reached at 0.03 (0.6), one and a half at 0.08 (1.6).
        (SMALL, [2, 1, 4, 1, 2], [Parts(2, 0, 0), Parts(1, 0, 1), Parts(4, 0, 0), Parts(1, 0, 1), Parts(2, 0, 0)]),
    ],
)
def test_pieces_of_an_amount_take_their_shares(line: CreditableLine, pieces: list[int], taken: list[Parts]) -> None:
    found = []
    for piece in pieces:
        found.append(credit_amount(line, piece))
        line = credited(line, found[-1])
    assert found == taken
    assert line.credited == line.charged
    assert (line.left_minor, line.total_left_minor) == (0, 0)


@pytest.mark.parametrize(
    ("line", "totals", "taken"),
    [
        # 107.10 in all. 53.55 is a half; 1.00 is 0.93 less 0.09 and 0.16 of tax.
        (TAXED, [5355, 5355], [Parts(5000, 500, 855), Parts(5000, 500, 855)]),
        (TAXED, [100], [Parts(93, 9, 16)]),
        # 0.02 is credited by 0.02, as its tax of 0.004 is nothing. With 0.03 the tax comes to 0.006, so no amount
        # comes to a total of 0.03: the tax waits, and the next credit has it.
        (SMALL, [2, 1, 1, 8], [Parts(2, 0, 0), Parts(1, 0, 0), Parts(0, 0, 1), Parts(7, 0, 1)]),
        (HOLDING, [9000], [Parts(10000, 1000, 1437)]),
        # 1.00 of 90.00 is 1.11 less 0.11, and holds 0.1595 of tax.
        (HOLDING, [100], [Parts(111, 11, 16)]),
    ],
)
def test_pieces_of_a_total_come_to_exactly_that(line: CreditableLine, totals: list[int], taken: list[Parts]) -> None:
    found = []
    for total in totals:
        found.append(credit_total(line, total))
        assert found[-1].total_minor(line.behavior) == total
        line = credited(line, found[-1])
    assert found == taken


def test_no_more_than_is_left_is_credited() -> None:
    line = credited(TAXED, credit_amount(TAXED, 6000))
    for refused in (-1, 4001):
        with pytest.raises(InvariantBroken):
            credit_amount(line, refused)
    assert line.total_left_minor == 4284  # 40.00 less 4.00, and 6.84
    for refused in (-1, 4285):
        with pytest.raises(InvariantBroken):
            credit_total(line, refused)


def test_a_total_is_spread_over_what_is_left_of_lines() -> None:
    """107.10 and 0.12: of 53.61, 53.55 and 0.06 are taken; 0.01 goes to the greater rest, which is the first's."""
    assert credit_whole([TAXED, SMALL], 5361) == {"li_1": Parts(5000, 500, 855), "li_2": Parts(5, 0, 1)}
    assert credit_whole([TAXED, SMALL], 1) == {"li_1": Parts(1, 0, 0)}
    assert credit_whole([TAXED, SMALL], 10722) == {"li_1": TAXED.charged, "li_2": SMALL.charged}
    # A line that discounts took whole is credited with the others, though it comes to nothing.
    free = CreditableLine("li_3", Parts(500, 500, 0), ON_TOP)
    assert credit_whole([SMALL, free], 12) == {"li_2": SMALL.charged, "li_3": free.charged}
    assert credit_whole([SMALL, free], 1) == {"li_2": Parts(1, 0, 0)}


@pytest.mark.parametrize(
    ("due", "reduces", "beyond"), [(0, 0, 5355), (5354, 5354, 1), (5355, 5355, 0), (10710, 5355, 0), (-1, 0, 5355)]
)
def test_what_is_due_is_reduced_first(due: int, reduces: int, beyond: int) -> None:
    predicted = predict_credit_note({"li_1": TAXED}, {"li_1": 5000}, due)
    assert (predicted.sum, predicted.total_minor) == (Parts(5000, 500, 855), 5355)
    assert (predicted.reduces_due_minor, predicted.beyond_due_minor) == (reduces, beyond)


def test_lines_that_can_not_be_credited_are_named() -> None:
    with pytest.raises(InvariantBroken, match="li_9"):
        predict_credit_note({"li_1": TAXED}, {"li_9": 1}, 0)
    assert predict_credit_note({}, {}, 5).sum == NOTHING
