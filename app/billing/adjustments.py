"""A line's share of the discounts and the tax of its invoice: as it is stored, and in words."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from app.billing.decimals import parse_plain, plain
from app.billing.discounts import discount_from_json
from app.billing.errors import InvariantBroken
from app.billing.invoicing import Assessment, Correction, DiscountCorrected, DiscountSoFar
from app.billing.money import minor_to_decimal
from app.billing.steps import NotApplied, Step, StepOperation, spell, spell_money
from app.billing.tax import TaxBehavior, TaxTerms


def line_adjustments(assessment: Assessment, place: int) -> dict[str, Any]:
    """Return the stored form of the shares of the line at a place. One that corrects another has that one's terms."""
    corrected_tax = assessment.corrected_taxes.get(place)
    tax = assessment.tax if corrected_tax is None else corrected_tax
    if corrected_tax is None:
        discounts = [
            {
                **taken.terms.to_json(),
                "baseMinor": taken.base_minor,
                "takenMinor": taken.taken_minor,
                "shareMinor": taken.shares_minor[place],
            }
            for taken in assessment.discounts
        ]
    else:
        discounts = [_corrected(change) for change in assessment.corrected_discounts if change.place == place]
    return {
        "discounts": discounts,
        "tax": {
            **tax_terms_to_json(tax),
            "charged": [
                {"baseMinor": part.base_minor, "taxMinor": part.tax_minor, "shareMinor": part.shares_minor[place]}
                for part in assessment.taxes
                if part.rate == tax.charged_rate
            ],
        },
    }


def _corrected(change: DiscountCorrected) -> dict[str, Any]:
    return {
        **change.after.terms.to_json(),
        "baseMinor": change.after.base_minor,
        "takenMinor": change.after.taken_minor,
        "baseBeforeMinor": change.before.base_minor,
        "takenBeforeMinor": change.before.taken_minor,
        "shareMinor": change.share_minor,
    }


def correction_from_json(corrected: str, adjustments: Mapping[str, Any]) -> Correction:
    """Read what `line_adjustments` wrote of a line that corrects another. InvariantBroken when it is something else."""
    try:
        discounts = tuple(
            DiscountSoFar(discount_from_json(item), item["baseBeforeMinor"], item["takenBeforeMinor"])
            for item in adjustments["discounts"]
        )
        return Correction(corrected, discounts, tax_terms_from_json(adjustments["tax"]))
    except (KeyError, TypeError) as error:
        raise InvariantBroken("The stored shares of a correcting line can't be read.") from error


def invoice_summary(assessment: Assessment) -> dict[str, Any]:
    """Return the stored form of what an invoice's discounts and taxes were, and came to."""
    return {
        "discounts": [
            {**taken.terms.to_json(), "baseMinor": taken.base_minor, "takenMinor": taken.taken_minor}
            for taken in assessment.discounts
        ],
        **_corrections_of(assessment),
        "tax": tax_terms_to_json(assessment.tax),
        "taxes": [
            {"rate": plain(part.rate), "baseMinor": part.base_minor, "taxMinor": part.tax_minor}
            for part in assessment.taxes
        ],
    }


def discounts_taken(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what discounts took off an invoice, as `invoice_summary` wrote it: its own, then those of earlier ones."""
    return [*summary.get("discounts", ()), *summary.get("correctedDiscounts", ())]


def _corrections_of(assessment: Assessment) -> dict[str, Any]:
    """Return the stored form of what the discounts of earlier invoices took of the lines that correct theirs."""
    if not assessment.corrected_discounts:
        return {}
    return {
        "correctedDiscounts": [
            {
                **change.after.terms.to_json(),
                "baseMinor": change.after.base_minor - change.before.base_minor,
                "takenMinor": change.share_minor,
            }
            for change in assessment.corrected_discounts
        ]
    }


def line_shares(adjustments: Mapping[str, Any]) -> tuple[int, int]:
    """Return what discounts took off a line, and its tax, in minor units, of what `line_adjustments` wrote of it."""
    discounts = sum(item["shareMinor"] or 0 for item in adjustments.get("discounts", ()))
    charged = adjustments["tax"]["charged"] if "tax" in adjustments else ()
    return discounts, sum(part["shareMinor"] or 0 for part in charged)


def tax_terms_to_json(tax: TaxTerms) -> dict[str, Any]:
    """Return the stored form of how an invoice is taxed."""
    rate = None if tax.rate is None else plain(tax.rate)
    return {"behavior": tax.behavior.value, "rate": rate, "exemption": tax.exemption}


def tax_terms_from_json(data: Mapping[str, Any]) -> TaxTerms:
    """Read what `tax_terms_to_json` wrote. InvariantBroken when it is something else."""
    try:
        rate = None if data["rate"] is None else parse_plain(data["rate"])
        return TaxTerms(TaxBehavior(data["behavior"]), rate, data["exemption"])
    except (KeyError, TypeError, ValueError) as error:
        raise InvariantBroken("The stored tax of an invoice can't be read.") from error


def stored_tax(data: Mapping[str, Any], behavior: TaxBehavior) -> TaxTerms:
    """Return how a line or an invoice was taxed, of what is stored of it; not at all, where it is older than taxes."""
    return tax_terms_from_json(data["tax"]) if "tax" in data else TaxTerms(behavior)


def explain_adjustments(
    amount_minor: int, currency: str, adjustments: Mapping[str, Any]
) -> tuple[tuple[Step, ...], tuple[NotApplied, ...]]:
    """Return the steps from a line's rounded amount to its shares of discounts and tax, and why others made none.

    Lines that were made before there were discounts and taxes have none stored, and nothing to explain.
    """
    steps: list[Step] = []
    missed: list[NotApplied] = []
    left = amount_minor
    for item in adjustments.get("discounts", ()):
        share = item["shareMinor"]
        if share is None:
            missed.append(NotApplied(StepOperation.DISCOUNT, _missed(item)))
            continue
        if "takenBeforeMinor" in item:
            steps.append(_corrected_step(item, left, currency))
            left -= share
            continue
        if item["baseMinor"] <= 0:
            missed.append(NotApplied(StepOperation.DISCOUNT, _nothing_left(item, currency)))
            continue
        steps.append(_discount_step(item, left, share, currency))
        left -= share
    if "tax" in adjustments:
        _explain_tax(adjustments["tax"], left, currency, steps, missed)
    return tuple(steps), tuple(missed)


def _discount_step(item: Mapping[str, Any], left: int, share: int, currency: str) -> Step:
    terms = discount_from_json(item)
    base, taken = _money(item["baseMinor"], currency), _money(item["takenMinor"], currency)
    whole = f"{taken} off {base}"
    if terms.percentage is not None:
        whole = f"{spell(Fraction(terms.percentage) * 100)} % off {base} is {taken}"
    description = (
        f"{_quoted(terms.name)}: {whole};"
        f" this line's share is {_money(share, currency)}, which leaves {_money(left - share, currency)}"
    )
    before, after = (minor_to_decimal(minor, currency) for minor in (left, left - share))
    return Step(StepOperation.DISCOUNT, description, before, after)


def _corrected_step(item: Mapping[str, Any], left: int, currency: str) -> Step:
    terms, share = discount_from_json(item), item["shareMinor"]
    base, taken = _money(item["baseMinor"], currency), _money(item["takenMinor"], currency)
    rate = "" if terms.percentage is None else f"{spell(Fraction(terms.percentage) * 100)} % "
    description = (
        f"{_quoted(terms.name)} of the corrected invoice: with this line {rate}off {base} is {taken},"
        f" before it was {_money(item['takenBeforeMinor'], currency)};"
        f" this line's share is {_money(share, currency)}, which leaves {_money(left - share, currency)}"
    )
    before, after = (minor_to_decimal(minor, currency) for minor in (left, left - share))
    return Step(StepOperation.DISCOUNT, description, before, after)


def _explain_tax(
    data: Mapping[str, Any], left: int, currency: str, steps: list[Step], missed: list[NotApplied]
) -> None:
    terms = tax_terms_from_json(data)
    charged: Sequence[Mapping[str, Any]] = [part for part in data["charged"] if part["shareMinor"] is not None]
    for part in charged:
        percent = f"{spell(Fraction(terms.rate or 0) * 100)} %"
        held = "is part of" if terms.behavior is TaxBehavior.INCLUSIVE else "comes on top of"
        description = (
            f"Tax of {percent} {held} the price: {_money(part['taxMinor'], currency)} on"
            f" {_money(part['baseMinor'], currency)}; this line's share is {_money(part['shareMinor'], currency)}"
        )
        before, share = (minor_to_decimal(minor, currency) for minor in (left, part["shareMinor"]))
        steps.append(Step(StepOperation.TAX, description, before, share))
    if not charged:
        missed.append(NotApplied(StepOperation.TAX, _untaxed(terms)))


def _untaxed(terms: TaxTerms) -> str:
    if terms.exemption is not None:
        return f"The customer is exempt from tax: {terms.exemption}"
    return "No tax rate is set for the customer." if terms.rate is None else "This line is not taxed."


def _missed(item: Mapping[str, Any]) -> str:
    terms = discount_from_json(item)
    span = f"from {_instant(terms.starts_at)} on"
    if terms.ends_at is not None:
        span += f" and before {_instant(terms.ends_at)}"
    return f"{_quoted(terms.name)} is for periods that begin {span}: this one does not, or the line was typed by hand."


def _nothing_left(item: Mapping[str, Any], currency: str) -> str:
    name, base = _quoted(discount_from_json(item).name), _money(item["baseMinor"], currency)
    return f"{name} takes nothing: the lines it takes from come to {base} together."


def _instant(instant: datetime) -> str:
    """Write an instant in full: a discount often begins on the day of a period, and later than that."""
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat(' ')} UTC"


def _quoted(name: str) -> str:
    return f"\N{LEFT DOUBLE QUOTATION MARK}{name}\N{RIGHT DOUBLE QUOTATION MARK}"


def _money(minor: int, currency: str) -> str:
    amount: Decimal = minor_to_decimal(minor, currency)
    return spell_money(amount, currency)
