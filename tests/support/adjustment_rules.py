"""What invoices say of their discounts and taxes, word for word, as each version of the rules said it.

`tests/unit/rules/adjustments_N.json` holds what is stored of some invoices and all that is told of it. To add invoices,
put them into `INVOICES` and run `python -m tests.support.adjustment_rules`: what is not in the file yet is appended,
and what is stays as it was.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from app.billing.adjustments import (
    correction_from_json,
    explain_adjustments,
    invoice_summary,
    line_adjustments,
    tax_terms_from_json,
)
from app.billing.decimals import plain
from app.billing.discounts import DiscountTerms, discount_from_json
from app.billing.invoicing import AssessedLine, Assessment, Correction, DiscountSoFar, assess
from app.billing.pricing import RULES_VERSION
from app.billing.tax import TaxBehavior, TaxTerms

FOLDER = Path(__file__).parent.parent / "unit" / "rules"
JANUARY, FEBRUARY = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
NOON = datetime(2026, 1, 1, 12, 0, 0, 250000, tzinfo=UTC)
TENTH = DiscountTerms("disc_1", "Launch", Decimal("0.1"), None, JANUARY, FEBRUARY)
LATER = DiscountTerms("disc_2", "Loyalty", Decimal("0.125"), None, NOON, None)
AMOUNT = DiscountTerms("disc_3", "Thanks", None, 3500, JANUARY, None)
NINETEEN, NONE = TaxTerms(TaxBehavior.EXCLUSIVE, Decimal("0.19")), TaxTerms()
HELD = TaxTerms(TaxBehavior.INCLUSIVE, Decimal("0.0825"))
EXEMPT = TaxTerms(TaxBehavior.EXCLUSIVE, Decimal("0.19"), "Reverse charge")
SO_FAR = (DiscountSoFar(TENTH, 3000, 300), DiscountSoFar(AMOUNT, 2700, 2700))
LATE = AssessedLine(1000, None, correction=Correction("inv_1", SO_FAR, NINETEEN))
TAKEN_BACK = AssessedLine(-3000, None, correction=Correction("inv_1", SO_FAR, NINETEEN))
UNTAXED = Correction("inv_1", (), EXEMPT)


class Invoice(NamedTuple):
    """The rounded lines of an invoice, and what is taken off and charged on top of them."""

    lines: tuple[AssessedLine, ...]
    discounts: tuple[DiscountTerms, ...]
    tax: TaxTerms
    currency: str = "USD"


def of(*amounts: int, start: datetime | None = JANUARY) -> tuple[AssessedLine, ...]:
    """Lines of a period that begins at an instant."""
    return tuple(AssessedLine(amount, start) for amount in amounts)


INVOICES: dict[str, Invoice] = {
    "nothing but lines": Invoice(of(10000, 5000), (), NONE),
    "two discounts and a tax": Invoice(of(10000, 5000), (TENTH, AMOUNT), NINETEEN),
    "thirds of a cent": Invoice(of(333, 333, 334), (TENTH,), NINETEEN),
    "prices that hold the tax": Invoice(of(10000, 1), (TENTH,), HELD),
    "an exempt customer": Invoice(of(10000), (), EXEMPT),
    "a discount that begins later on the day": Invoice((*of(1000), *of(2000, start=FEBRUARY)), (LATER,), NONE),
    "a discount that has ended": Invoice((*of(1000), *of(2000, start=FEBRUARY)), (TENTH,), NINETEEN),
    "a rebate among the lines": Invoice(of(10000, -2000), (TENTH,), NINETEEN),
    "less than nothing": Invoice(of(1000, -6000), (TENTH, AMOUNT), NINETEEN),
    "an amount that is more than the lines": Invoice(of(1000, 1), (AMOUNT,), NINETEEN),
    "a line typed by hand": Invoice((*of(1000), *of(-250, start=None)), (TENTH,), NINETEEN),
    "a line that is not taxed": Invoice((*of(1000), AssessedLine(500, None, taxable=False)), (), NINETEEN),
    "late usage": Invoice((*of(1000), LATE), (AMOUNT,), HELD),
    "usage that was taken back": Invoice((*of(1000), TAKEN_BACK), (TENTH,), NINETEEN),
    "late usage of an exempt customer": Invoice((*of(1000), replace(LATE, correction=UNTAXED)), (), NINETEEN),
    "yen": Invoice(of(101, 100), (TENTH,), HELD, "JPY"),
    "dinars": Invoice(of(1005, 5), (AMOUNT,), NINETEEN, "KWD"),
    "unidades de fomento": Invoice(of(10005, 5), (TENTH,), NINETEEN, "CLF"),
}


def file_of(version: int) -> Path:
    """The file with what was told of adjustments by the rules of a version."""
    return FOLDER / f"adjustments_{version}.json"


def recorded(version: int) -> list[dict[str, Any]]:
    """What is written in the file of a version."""
    invoices: list[dict[str, Any]] = json.loads(file_of(version).read_text())
    return invoices


def stored(invoice: Invoice) -> dict[str, Any]:
    """What is stored of an invoice and of its lines."""
    assessment = assess(invoice.lines, invoice.discounts, invoice.tax)
    return {
        "currency": invoice.currency,
        "lines": [
            {
                "amountMinor": line.amount_minor,
                "periodStart": line.period_start and line.period_start.isoformat(),
                "taxable": line.taxable,
                **({} if line.correction is None else {"corrects": line.correction.corrected}),
                "adjustments": line_adjustments(assessment, place),
            }
            for place, line in enumerate(invoice.lines)
        ],
        "summary": invoice_summary(assessment),
        "sums": _sums(assessment),
    }


def assessed_again(kept: dict[str, Any]) -> dict[str, Any]:
    """What a stored invoice would store if it were assessed again from what was copied onto it."""
    starts = [line["periodStart"] and datetime.fromisoformat(line["periodStart"]) for line in kept["lines"]]
    lines = [
        AssessedLine(line["amountMinor"], start, line["taxable"], _correction(line))
        for line, start in zip(kept["lines"], starts, strict=True)
    ]
    discounts = [discount_from_json(item) for item in kept["summary"]["discounts"]]
    tax = tax_terms_from_json(kept["summary"]["tax"])
    return stored(Invoice(tuple(lines), tuple(discounts), tax, kept["currency"]))


def _correction(line: dict[str, Any]) -> Correction | None:
    return correction_from_json(line["corrects"], line["adjustments"]) if "corrects" in line else None


def told(kept: dict[str, Any]) -> list[dict[str, Any]]:
    """All that is told of the lines of a stored invoice."""
    answers = []
    for line in kept["lines"]:
        steps, missed = explain_adjustments(line["amountMinor"], kept["currency"], line["adjustments"])
        said = [[step.operation.value, step.description, plain(step.input or 0), plain(step.output)] for step in steps]
        answers.append({"steps": said, "notApplied": [[each.operation.value, each.reason] for each in missed]})
    return answers


def record(version: int) -> int:
    """Append the invoices that are not in a version's file yet; return how many that were."""
    kept = recorded(version) if file_of(version).exists() else []
    known = {invoice["name"] for invoice in kept}
    new = [
        {"name": name, "stored": stored(invoice), "told": told(stored(invoice))}
        for name, invoice in INVOICES.items()
        if name not in known
    ]
    file_of(version).write_text(json.dumps([*kept, *new], indent=1, ensure_ascii=False) + "\n")
    return len(new)


def _sums(assessment: Assessment) -> dict[str, int]:
    return {
        "subtotalMinor": assessment.subtotal_minor,
        "discountMinor": assessment.discount_minor,
        "taxMinor": assessment.tax_minor,
        "carriedToCreditMinor": assessment.carried_to_credit_minor,
        "totalMinor": assessment.total_minor,
    }


if __name__ == "__main__":
    record(RULES_VERSION)
