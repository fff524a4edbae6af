"""VOLUME: the whole quantity costs what the tier that it falls in says."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from app.billing.decimals import canonical
from app.billing.errors import Problems
from app.billing.price_models.charged import Charged, written
from app.billing.price_models.tiers import Tier, check_tiers, scaled, tiers_from_json, tiers_to_json
from app.billing.steps import Step, StepOperation, as_decimal


@dataclass(frozen=True, slots=True)
class VolumePrice:
    """Tiers in ascending order; the last has no end."""

    tiers: tuple[Tier, ...]

    def to_json(self) -> dict[str, object]:
        """Return the stored form."""
        return written(type="VOLUME", tiers=tiers_to_json(self.tiers))


def from_json(data: Mapping[str, object]) -> VolumePrice:
    """Read the stored form. InvariantBroken when it is not one."""
    return VolumePrice(tiers_from_json(data.get("tiers")))


def check(model: VolumePrice, problems: Problems, field: str) -> None:
    """Note what is wrong with the tiers."""
    check_tiers(model.tiers, problems, f"{field}.tiers")


def price(model: VolumePrice, charged: Charged) -> tuple[Fraction, tuple[Step, ...]]:
    """Return the quantity at the rate of its tier with that tier's flat price, and the step that says so.

    The first tier's flat price is charged at a quantity of 0, too.
    """
    quantity = Fraction(charged.quantity)
    tier = next(tier for tier in scaled(model.tiers, charged.scale) if tier.holds(quantity))
    exact = tier.amount(quantity)
    description = tier.sentence(quantity, charged)
    return exact, (Step(StepOperation.PRICE, description, canonical(charged.quantity), as_decimal(exact)),)
