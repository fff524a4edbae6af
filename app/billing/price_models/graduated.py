"""GRADUATED: each part of the quantity costs what its own tier says."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from app.billing.decimals import canonical
from app.billing.errors import Problems
from app.billing.price_models.charged import Charged, written
from app.billing.price_models.tiers import Tier, check_tiers, scaled, tiers_from_json, tiers_to_json
from app.billing.steps import Step, StepOperation, as_decimal, spell_money


@dataclass(frozen=True, slots=True)
class GraduatedPrice:
    """Tiers in ascending order; the last has no end."""

    tiers: tuple[Tier, ...]

    def to_json(self) -> dict[str, object]:
        """Return the stored form."""
        return written(type="GRADUATED", tiers=tiers_to_json(self.tiers))


def from_json(data: Mapping[str, object]) -> GraduatedPrice:
    """Read the stored form. InvariantBroken when it is not one."""
    return GraduatedPrice(tiers_from_json(data.get("tiers")))


def check(model: GraduatedPrice, problems: Problems, field: str) -> None:
    """Note what is wrong with the tiers."""
    check_tiers(model.tiers, problems, f"{field}.tiers")


def price(model: GraduatedPrice, charged: Charged) -> tuple[Fraction, tuple[Step, ...]]:
    """Return the sum over the tiers entered, each with its flat price, and a step for each of them.

    The first tier is entered at a quantity of 0, too.
    """
    quantity, total, steps = Fraction(charged.quantity), Fraction(0), []
    for tier in scaled(model.tiers, charged.scale):
        units = (quantity if tier.high is None else min(quantity, tier.high)) - tier.low
        amount = tier.amount(units)
        steps.append(Step(StepOperation.PRICE, tier.sentence(units, charged), as_decimal(units), as_decimal(amount)))
        total += amount
        if tier.holds(quantity):
            break
    if len(steps) > 1:
        description = f"Charge of all tiers entered: {spell_money(total, charged.currency)}"
        steps.append(Step(StepOperation.PRICE, description, canonical(charged.quantity), as_decimal(total)))
    return total, tuple(steps)
