"""PACKAGE: units are sold by whole packages, after those that are free."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil

from app.billing.decimals import canonical
from app.billing.errors import InvariantBroken, Problems
from app.billing.price_models.charged import Charged, check_amount, number_of, optional_number_of, written
from app.billing.steps import Step, StepOperation, as_decimal, spell, spell_money, spell_result, spell_units


@dataclass(frozen=True, slots=True)
class PackagePrice:
    """How many units a package has, what it costs in major units, and how many units are free in a period."""

    package_size: Decimal
    package_price: Decimal
    free_units: Decimal | None = None

    def to_json(self) -> dict[str, object]:
        """Return the stored form."""
        return written(
            type="PACKAGE",
            packageSize=self.package_size,
            packagePrice=self.package_price,
            freeUnits=self.free_units,
        )


def from_json(data: Mapping[str, object]) -> PackagePrice:
    """Read the stored form. InvariantBroken when it is not one."""
    size = number_of(data, "packageSize")
    if size <= 0:
        raise InvariantBroken("The stored packages hold nothing.")
    return PackagePrice(size, number_of(data, "packagePrice"), optional_number_of(data, "freeUnits"))


def check(model: PackagePrice, problems: Problems, field: str) -> None:
    """Note what is wrong with the parameters, in their order."""
    check_amount(problems, f"{field}.packageSize", model.package_size, above_zero=True)
    check_amount(problems, f"{field}.packagePrice", model.package_price)
    check_amount(problems, f"{field}.freeUnits", model.free_units)


def price(model: PackagePrice, charged: Charged) -> tuple[Fraction, tuple[Step, ...]]:
    """Return what the packages that hold the quantity cost, with the steps that count them.

    A package that is begun is charged whole.
    """
    steps, rest = [], Fraction(charged.quantity)
    if model.free_units:
        free = Fraction(model.free_units) * charged.scale
        rest = max(rest - free, Fraction(0))
        description = f"{spell_units(free, charged.unit)} free of charge, {spell_units(rest, charged.unit)} left"
        steps.append(Step(StepOperation.PRICE, description, canonical(charged.quantity), as_decimal(rest)))
    packages = ceil(rest / Fraction(model.package_size))
    exact = packages * Fraction(model.package_price)
    size = spell_units(model.package_size, charged.unit)
    noun = "package" if packages == 1 else "packages"
    description = (
        f"{spell(packages)} {noun} of {size}"
        f" \N{MULTIPLICATION SIGN} {spell_money(model.package_price, charged.currency)}"
        f" {spell_result(exact, charged.currency)}"
    )
    steps.append(Step(StepOperation.PRICE, description, as_decimal(rest), as_decimal(exact)))
    return exact, tuple(steps)
