"""STANDARD: every unit costs the same."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from app.billing.decimals import canonical, plain, within_bounds
from app.billing.errors import ErrorCode, Problems
from app.billing.money import minor_digits
from app.billing.steps import Step, StepOperation, spell


@dataclass(frozen=True, slots=True)
class StandardPrice:
    """The price of one unit, in major units of the price's currency, as fine as 18 decimals."""

    unit_price: Decimal


def check(model: StandardPrice, problems: Problems, field: str) -> None:
    """Note what is wrong with the parameters; `field` is the path of the model, like `model.standard`."""
    if not within_bounds(model.unit_price):
        message = "A unit price has at most 20 digits before and 18 after the point."
        problems.add(ErrorCode.OUT_OF_RANGE, f"{field}.unitPrice", message)
    elif model.unit_price < 0:
        problems.add(ErrorCode.OUT_OF_RANGE, f"{field}.unitPrice", "A unit price must not be negative.")


def amount(model: StandardPrice, quantity: Decimal, currency: str, unit: str | None) -> tuple[Fraction, Step]:
    """Return quantity times unit price, exactly and in major units, with the step that says so."""
    exact = Fraction(quantity) * Fraction(model.unit_price)
    digits = minor_digits(currency)
    units = f"{spell(quantity)} {unit}" if unit else spell(quantity)
    description = (
        f"{units} \N{MULTIPLICATION SIGN} {spell(model.unit_price, digits)} {currency}"
        f" = {spell(exact, digits)} {currency}"
    )
    return exact, Step(StepOperation.PRICE, description, canonical(quantity), Decimal(plain(exact)))
