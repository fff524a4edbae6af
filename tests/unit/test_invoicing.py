from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.billing.discounts import DiscountTerms
from app.billing.errors import InvariantBroken
from app.billing.invoicing import (
    AssessedLine,
    Assessment,
    Correction,
    DiscountSoFar,
    Series,
    assess,
    invoice_number,
)
from app.billing.tax import TaxBehavior, TaxTerms


@pytest.mark.parametrize(
    ("amounts", "total"), [([], 0), ([3000, 4900], 7900), ([5000, -1200], 3800), ([10**40, 1], 10**40 + 1)]
)
def test_the_total_is_the_sum_of_the_rounded_lines(amounts: list[int], total: int) -> None:
    assessment = assess([AssessedLine(amount, None) for amount in amounts], (), TaxTerms())
    assert (assessment.subtotal_minor, assessment.tax_minor, assessment.total_minor) == (total, 0, total)


@pytest.mark.parametrize(
    ("prefix", "series", "number", "text"),
    [
        ("INV", Series.LIVE, 1, "INV-000001"),
        ("INV", Series.SANDBOX, 1, "SANDBOX-INV-000001"),
        ("INV", Series.TEST, 12, "TEST-INV-000012"),
        ("ACME-EU", Series.LIVE, 1_000_000, "ACME-EU-1000000"),
    ],
)
def test_numbers_tell_their_series(prefix: str, series: Series, number: int, text: str) -> None:
    assert invoice_number(prefix, series, number) == text


@pytest.mark.parametrize("number", [0, -1])
def test_a_series_starts_at_one(number: int) -> None:
    with pytest.raises(InvariantBroken):
        invoice_number("INV", Series.LIVE, number)


JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
TENTH = DiscountTerms("disc_1", "Launch", Decimal("0.1"), None, JANUARY, None)
NINETEEN = TaxTerms(TaxBehavior.EXCLUSIVE, Decimal("0.19"))
HELD = TaxTerms(TaxBehavior.INCLUSIVE, Decimal("0.19"))


def lines(*amounts: int) -> list[AssessedLine]:
    return [AssessedLine(amount, JANUARY) for amount in amounts]


def sums(assessment: Assessment) -> tuple[int, int, int, int, int]:
    """Subtotal, discount, tax, what is carried to credit, total."""
    return (
        assessment.subtotal_minor,
        assessment.discount_minor,
        assessment.tax_minor,
        assessment.carried_to_credit_minor,
        assessment.total_minor,
    )


def amount_off(minor: int) -> DiscountTerms:
    return replace(TENTH, id="disc_2", name="Loyalty", percentage=None, amount_minor=minor)


@pytest.mark.parametrize(
    ("amounts", "discounts", "tax", "expected"),
    [
        ([], [TENTH], NINETEEN, (0, 0, 0, 0, 0)),
        ([10000], [], NINETEEN, (10000, 0, 1900, 0, 11900)),
        ([10000], [], HELD, (10000, 0, 1597, 0, 10000)),
        ([10000], [TENTH], NINETEEN, (10000, 1000, 1710, 0, 10710)),
        ([10000], [TENTH], HELD, (10000, 1000, 1437, 0, 9000)),
        ([10000], [], TaxTerms(rate=Decimal(0)), (10000, 0, 0, 0, 10000)),
        ([10000], [], TaxTerms(rate=Decimal("0.19"), exemption="Charity"), (10000, 0, 0, 0, 10000)),
        # An amount takes no more than there is.
        ([10000, 5000], [amount_off(20000)], NINETEEN, (15000, 15000, 0, 0, 0)),
        # 10 % of 100, then 10 % of 90.
        ([10000], [TENTH, TENTH], TaxTerms(), (10000, 1900, 0, 0, 8100)),
        ([10000], [replace(TENTH, percentage=Decimal(1)), TENTH], NINETEEN, (10000, 10000, 0, 0, 0)),
        # A line below zero lowers what discounts and tax are taken of.
        ([5000, -1200], [TENTH], TaxTerms(), (3800, 380, 0, 0, 3420)),
        ([5000, -1200], [], NINETEEN, (3800, 0, 722, 0, 4522)),
        # Below zero nothing is discounted, tax is given back, and the rest becomes credit.
        ([1000, -3000], [TENTH], NINETEEN, (-2000, 0, -380, 2380, 0)),
        ([-10000], [], HELD, (-10000, 0, -1597, 10000, 0)),
        ([1000, -1000], [TENTH], NINETEEN, (0, 0, 0, 0, 0)),
        # 24.975 and 0.5, away from zero.
        ([333], [], TaxTerms(rate=Decimal("0.075")), (333, 0, 25, 0, 358)),
        ([-1], [], TaxTerms(rate=Decimal("0.5")), (-1, 0, -1, 2, 0)),
    ],
)
def test_discounts_then_tax_then_credit(
    amounts: list[int], discounts: list[DiscountTerms], tax: TaxTerms, expected: tuple[int, int, int, int, int]
) -> None:
    assessment = assess(lines(*amounts), discounts, tax)
    assert sums(assessment) == expected
    subtotal, discount, charged, carried, total = expected
    assert total == subtotal - discount + carried + (charged if tax.behavior is TaxBehavior.EXCLUSIVE else 0)


def test_stacked_discounts_are_each_taken_of_what_is_left_and_spread_over_its_lines() -> None:
    assessment = assess(lines(10000, 5000), [TENTH, amount_off(3500)], NINETEEN)
    first, second = assessment.discounts
    assert (first.base_minor, first.taken_minor, first.shares_minor) == (15000, 1500, (1000, 500))
    # Of 90.00 and 45.00 are left: 23.33 and 11.67.
    assert (second.base_minor, second.taken_minor, second.shares_minor) == (13500, 3500, (2333, 1167))
    [tax] = assessment.taxes
    assert (tax.base_minor, tax.tax_minor, tax.shares_minor) == (10000, 1900, (1267, 633))


def test_ties_go_to_the_earlier_line() -> None:
    assessment = assess(lines(1, 1, 1), [], TaxTerms(rate=Decimal("0.5")))
    assert assessment.taxes[0].shares_minor == (1, 1, 0)
    discounted = assess(lines(5, 5), [TENTH], TaxTerms())
    assert discounted.discounts[0].shares_minor == (1, 0)


def test_a_discount_takes_from_lines_that_begin_in_its_span_only() -> None:
    earlier, by_hand = AssessedLine(4000, datetime(2025, 12, 31, tzinfo=UTC)), AssessedLine(6000, None)
    assessment = assess([earlier, *lines(1000), by_hand], [TENTH], NINETEEN)
    [taken] = assessment.discounts
    assert (taken.base_minor, taken.taken_minor, taken.shares_minor) == (1000, 100, (None, 100, None))
    assert sums(assessment) == (11000, 100, 2071, 0, 12971)


def test_a_line_that_is_not_taxed_has_no_share_of_the_tax() -> None:
    assessment = assess([*lines(1000), AssessedLine(500, JANUARY, taxable=False)], [], NINETEEN)
    assert (assessment.taxes[0].base_minor, assessment.taxes[0].shares_minor) == (1000, (190, None))
    assert assess([AssessedLine(500, JANUARY, taxable=False)], [], NINETEEN).taxes == ()


def test_a_line_of_nothing_takes_no_share() -> None:
    assessment = assess(lines(0, 100, 0), [TENTH], NINETEEN)
    assert assessment.discounts[0].shares_minor == (0, 10, 0)
    assert assessment.taxes[0].shares_minor == (0, 17, 0)


def test_a_line_below_zero_takes_shares_of_the_other_sign() -> None:
    assessment = assess(lines(5000, -1200), [TENTH], NINETEEN)
    assert assessment.discounts[0].shares_minor == (500, -120)
    # 19 % of 45.00 and of -10.80: 8.55 and -2.052, of 6.498 in all.
    assert (assessment.taxes[0].tax_minor, assessment.taxes[0].shares_minor) == (650, (855, -205))


def correcting(amount: int, *discounts: DiscountSoFar, tax: TaxTerms = NINETEEN, of: str = "inv_1") -> AssessedLine:
    return AssessedLine(amount, None, correction=Correction(of, discounts, tax))


def amount_so_far(base: int, taken: int) -> DiscountSoFar:
    """25.00 off."""
    return DiscountSoFar(replace(TENTH, id="disc_2", percentage=None, amount_minor=2500), base, taken)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # 10 % of 30.00 was taken; of 40.00 it is 4.00, so 1.00 more.
        (correcting(1000, DiscountSoFar(TENTH, 3000, 300)), (1000, 100, 171, 0, 1071)),
        # Taken back whole, the 3.00 come off what is given back.
        (correcting(-3000, DiscountSoFar(TENTH, 3000, 300)), (-3000, -300, -513, 3213, 0)),
        # Of 0.05 a tenth is 0.01; of 0.04 it is nothing.
        (correcting(-1, DiscountSoFar(TENTH, 5, 1)), (-1, -1, 0, 0, 0)),
        # 25.00 off 30.00, then off 60.00: nothing more is taken. Off nothing: all of it is given back.
        (correcting(3000, amount_so_far(3000, 2500)), (3000, 0, 570, 0, 3570)),
        (correcting(-3000, amount_so_far(3000, 2500)), (-3000, -2500, -95, 595, 0)),
        # 25.00 off 10.00 took 10.00; with 20.00 more it takes 15.00 more.
        (correcting(2000, amount_so_far(1000, 1000)), (2000, 1500, 95, 0, 595)),
        # One discount after the other, as on the corrected invoice: 10 % of 100.00, then 25.00.
        (
            correcting(-9000, DiscountSoFar(TENTH, 10000, 1000), amount_so_far(9000, 2500)),
            (-9000, -2500, -1235, 7735, 0),
        ),
        (correcting(1000, tax=TaxTerms(exemption="Reverse charge")), (1000, 0, 0, 0, 1000)),
    ],
)
def test_a_line_that_corrects_another_is_reduced_and_taxed_as_that_was(
    line: AssessedLine, expected: tuple[int, ...]
) -> None:
    # Neither the discounts nor the rate of the invoice it is on matter to it.
    assert sums(assess([line], [replace(TENTH, id="disc_9")], TaxTerms(rate=Decimal("0.07")))) == expected


def test_lines_of_one_invoice_continue_each_others_discounts() -> None:
    """25.00 off 10.00 took 10.00: 10.00 more take 10.00, then the last 5.00. Of another invoice it is anew."""
    given = amount_so_far(1000, 1000)
    found = assess(
        [correcting(1000, given), correcting(1000, given), correcting(1000, given, of="inv_2")], [], TaxTerms()
    )
    assert [change.share_minor for change in found.corrected_discounts] == [1000, 500, 1000]


def test_each_rate_is_taxed_once_on_all_its_lines() -> None:
    """0.03 at 19 % are 0.0057, which is 0.01 once, and would be nothing for each of three; 1.00 at 7 % are 0.07."""
    others = [correcting(1), correcting(1), correcting(1)]
    found = assess([*lines(100), *others], [], TaxTerms(rate=Decimal("0.07")))
    assert [(part.rate, part.base_minor, part.tax_minor) for part in found.taxes] == [
        (Decimal("0.07"), 100, 7), (Decimal("0.19"), 3, 1),
    ]  # fmt: skip
