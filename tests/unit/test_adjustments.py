"""What a line says of the discounts and the tax of its invoice."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.billing.adjustments import (
    explain_adjustments,
    invoice_summary,
    line_adjustments,
    tax_terms_from_json,
    tax_terms_to_json,
)
from app.billing.discounts import DiscountTerms
from app.billing.errors import InvariantBroken
from app.billing.invoicing import AssessedLine, assess
from app.billing.steps import NotApplied, Step, StepOperation
from app.billing.tax import TaxBehavior, TaxTerms

JANUARY, FEBRUARY = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
TENTH = DiscountTerms("disc_1", "Launch", Decimal("0.1"), None, JANUARY, FEBRUARY)
AMOUNT = DiscountTerms("disc_2", "Loyalty", None, 3500, JANUARY, None)
NINETEEN = TaxTerms(TaxBehavior.EXCLUSIVE, Decimal("0.19"))
STORED_TENTH = {
    "id": "disc_1",
    "name": "Launch",
    "percentage": "0.1",
    "amountMinor": None,
    "startsAt": "2026-01-01T00:00:00+00:00",
    "endsAt": "2026-02-01T00:00:00+00:00",
}


def explained(
    amounts: list[int], discounts: list[DiscountTerms], tax: TaxTerms, currency: str = "USD", place: int = 0
) -> tuple[list[Step], list[NotApplied]]:
    """What a line of an invoice says, read from what is stored of it."""
    assessment = assess([AssessedLine(amount, JANUARY) for amount in amounts], discounts, tax)
    stored = json.loads(json.dumps(line_adjustments(assessment, place)))
    steps, missed = explain_adjustments(amounts[place], currency, stored)
    return list(steps), list(missed)


def test_stacked_discounts_and_tax_lead_from_the_amount_to_its_shares() -> None:
    steps, missed = explained([10000, 5000], [TENTH, AMOUNT], NINETEEN)
    assert steps == [
        Step(
            StepOperation.DISCOUNT,
            "“Launch”: 10 % off 150.00 USD is 15.00 USD; this line's share is 10.00 USD, which leaves 90.00 USD",
            Decimal(100),
            Decimal(90),
        ),
        Step(
            StepOperation.DISCOUNT,
            "“Loyalty”: 35.00 USD off 135.00 USD; this line's share is 23.33 USD, which leaves 66.67 USD",
            Decimal(90),
            Decimal("66.67"),
        ),
        Step(
            StepOperation.TAX,
            "Tax of 19 % comes on top of the price: 19.00 USD on 100.00 USD; this line's share is 12.67 USD",
            Decimal("66.67"),
            Decimal("12.67"),
        ),
    ]
    assert missed == []
    others, _ = explained([10000, 5000], [TENTH, AMOUNT], NINETEEN, place=1)
    assert [str(step.output) for step in others] == ["45.00", "33.33", "6.33"]


def test_tax_that_a_price_holds() -> None:
    [step], _ = explained([10000], [], TaxTerms(TaxBehavior.INCLUSIVE, Decimal("0.19")))
    assert step.description == (
        "Tax of 19 % is part of the price: 15.97 USD on 100.00 USD; this line's share is 15.97 USD"
    )


@pytest.mark.parametrize(
    ("currency", "sentence"),
    [
        ("JPY", "Tax of 7.25 % comes on top of the price: 725 JPY on 10,000 JPY; this line's share is 725 JPY"),
        ("KWD", "Tax of 7.25 % comes on top of the price: 0.725 KWD on 10.000 KWD; this line's share is 0.725 KWD"),
        ("CLF", "Tax of 7.25 % comes on top of the price: 0.0725 CLF on 1.0000 CLF; this line's share is 0.0725 CLF"),
    ],
)
def test_amounts_have_the_places_of_their_currency(currency: str, sentence: str) -> None:
    [step], _ = explained([10000], [], TaxTerms(rate=Decimal("0.0725")), currency)
    assert step.description == sentence


@pytest.mark.parametrize(
    ("tax", "reason"),
    [
        (TaxTerms(), "No tax rate is set for the customer."),
        (TaxTerms(exemption="Reverse charge"), "The customer is exempt from tax: Reverse charge"),
        (replace(NINETEEN, exemption="Charity"), "The customer is exempt from tax: Charity"),
    ],
)
def test_why_there_is_no_tax(tax: TaxTerms, reason: str) -> None:
    assert explained([10000], [], tax) == ([], [NotApplied(StepOperation.TAX, reason)])


def test_what_does_not_concern_a_line_says_why() -> None:
    lines = [AssessedLine(1000, FEBRUARY), AssessedLine(1000, JANUARY, taxable=False), AssessedLine(1000, None)]
    assessment = assess(lines, [TENTH, replace(AMOUNT, starts_at=FEBRUARY)], NINETEEN)
    told = [explain_adjustments(1000, "USD", line_adjustments(assessment, place))[1] for place in range(3)]
    ended = (
        "“Launch” is for periods that begin from 2026-01-01 00:00:00 UTC on and before 2026-02-01 00:00:00 UTC:"
        " this one does not, or the line was typed by hand."
    )
    later = (
        "“Loyalty” is for periods that begin from 2026-02-01 00:00:00 UTC on:"
        " this one does not, or the line was typed by hand."
    )
    assert [[missed.reason for missed in reasons] for reasons in told] == [
        [ended],
        [later, "This line is not taxed."],
        [ended, later],
    ]


def test_a_discount_that_was_made_later_on_the_day_on_which_a_line_begins_is_told_from_it() -> None:
    """To the day both begin at once: the sentence would deny what the line's period says."""
    noon = replace(TENTH, starts_at=datetime(2026, 1, 1, 12, 30, 5, 250000, tzinfo=UTC), ends_at=None)
    assessment = assess([AssessedLine(1000, JANUARY), AssessedLine(1000, FEBRUARY)], [noon], TaxTerms())
    _, (missed, _) = explain_adjustments(1000, "USD", line_adjustments(assessment, 0))
    assert missed.reason == (
        "“Launch” is for periods that begin from 2026-01-01 12:30:05.250000 UTC on:"
        " this one does not, or the line was typed by hand."
    )


@pytest.mark.parametrize("discount", [TENTH, AMOUNT])
def test_a_discount_that_finds_less_than_nothing_takes_nothing(discount: DiscountTerms) -> None:
    """10 % off -50.00 is not 0.00: that nothing is taken has another reason."""
    steps, missed = explained([1000, -6000], [discount], TaxTerms())
    name = f"“{discount.name}”"
    assert steps == []
    assert missed[0] == NotApplied(
        StepOperation.DISCOUNT, f"{name} takes nothing: the lines it takes from come to -50.00 USD together."
    )
    steps, missed = explained([1000, -1000], [discount], TaxTerms())
    assert missed[0].reason == f"{name} takes nothing: the lines it takes from come to 0.00 USD together."


def test_a_rate_of_nothing_is_charged() -> None:
    [step], missed = explained([10000], [], TaxTerms(rate=Decimal(0)))
    assert step.description == (
        "Tax of 0 % comes on top of the price: 0.00 USD on 100.00 USD; this line's share is 0.00 USD"
    )
    assert missed == []


def test_lines_from_before_discounts_and_taxes_have_nothing_to_explain() -> None:
    assert explain_adjustments(10000, "USD", {}) == ((), ())


def test_what_is_stored_of_a_line_and_of_its_invoice() -> None:
    assessment = assess([AssessedLine(10000, JANUARY), AssessedLine(5000, None)], [TENTH], NINETEEN)
    taxed = {"behavior": "EXCLUSIVE", "rate": "0.19", "exemption": None}
    assert line_adjustments(assessment, 0) == {
        "discounts": [{**STORED_TENTH, "baseMinor": 10000, "takenMinor": 1000, "shareMinor": 1000}],
        "tax": {**taxed, "charged": [{"baseMinor": 14000, "taxMinor": 2660, "shareMinor": 1710}]},
    }
    assert line_adjustments(assessment, 1)["discounts"][0]["shareMinor"] is None
    assert invoice_summary(assessment) == {
        "discounts": [{**STORED_TENTH, "baseMinor": 10000, "takenMinor": 1000}],
        "tax": taxed,
        "taxes": [{"rate": "0.19", "baseMinor": 14000, "taxMinor": 2660}],
    }


@pytest.mark.parametrize("tax", [TaxTerms(), NINETEEN, TaxTerms(TaxBehavior.INCLUSIVE, Decimal(1), "Charity")])
def test_how_an_invoice_is_taxed_reads_back(tax: TaxTerms) -> None:
    assert tax_terms_from_json(json.loads(json.dumps(tax_terms_to_json(tax)))) == tax


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"behavior": "EXCLUSIVE", "rate": None},
        {"behavior": "NONE", "rate": None, "exemption": None},
        {"behavior": "EXCLUSIVE", "rate": "a fifth", "exemption": None},
        {"behavior": "EXCLUSIVE", "rate": 5, "exemption": None},
    ],
)
def test_another_stored_form_is_corrupted_data(data: dict[str, Any]) -> None:
    with pytest.raises(InvariantBroken):
        tax_terms_from_json(data)
