"""STANDARD: every unit costs the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from app.billing.decimals import canonical, within_bounds
from app.billing.errors import ErrorCode, Problems
from app.billing.price_models.charged import Charged, number_of, written
from app.billing.steps import Step, StepOperation, as_decimal, spell_money, spell_result, spell_units


@dataclass(frozen=True, slots=True)
class StandardPrice:
    """The price of one unit, in major units of the price's currency, as fine as 18 decimals. Below zero: a rebate."""

    unit_price: Decimal

    def to_json(self) -> dict[str, object]:
        """Return the stored form."""
        return written(type="STANDARD", unitPrice=self.unit_price)


def from_json(data: Mapping[str, object]) -> StandardPrice:
    """Read the stored form. InvariantBroken when it is not one."""
    return StandardPrice(number_of(data, "unitPrice"))


def check(model: StandardPrice, problems: Problems, field: str) -> None:
    """Note what is wrong with the parameters; `field` is the path of the model, like `model.standard`."""
    if not within_bounds(model.unit_price):
        message = "A unit price has at most 20 digits before and 18 after the point."
        problems.add(ErrorCode.OUT_OF_RANGE, f"{field}.unitPrice", message)


def price(model: StandardPrice, charged: Charged) -> tuple[Fraction, tuple[Step, ...]]:
    """Return quantity times unit price, exactly and in major units, with the step that says so."""
    exact = Fraction(charged.quantity) * Fraction(model.unit_price)
    description = (
        f"{spell_units(charged.quantity, charged.unit)}"
        f" \N{MULTIPLICATION SIGN} {spell_money(model.unit_price, charged.currency)}"
        f" {spell_result(exact, charged.currency)}"
    )
    return exact, (Step(StepOperation.PRICE, description, canonical(charged.quantity), as_decimal(exact)),)
