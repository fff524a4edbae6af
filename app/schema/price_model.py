"""Pricing models: a union out, a one-of input in."""

from decimal import Decimal
from typing import Annotated, Any, Union

import strawberry
from strawberry import Maybe

from app.billing import price_models as billing
from app.billing.price_models import ChargeScope
from app.schema.declarations import field, value
from app.schema.enums import describe

describe(
    ChargeScope,
    "What a percentage is taken of.",
    {
        ChargeScope.PER_EVENT: "Of each event, with its charge and bounds.",
        ChargeScope.PER_PERIOD: "Once of the period's sum, with its charge and bounds.",
    },
)

UNIT_PRICE = 'What one unit costs, in major units of the price\'s currency. Example: `"0.00002"`.'
MIN_PRICE = 'The least that a unit costs, and what it costs where an event carries no price. Example: `"0.01"`.'
MAX_PRICE = 'The most that a unit costs. Example: `"5"`.'
PRICE_PROPERTY = "Where the price of its units stands in an event's data, as `$.a.b`. Example: `$.price`."
PERCENTAGE = 'The share of 1 that is charged: 0.029 is 2.9 %. Example: `"0.029"`.'
FIXED = 'What is added to the percentage; null for nothing. Example: `"0.30"`.'
LEAST = 'The least charge; null for none. Example: `"0.30"`.'
MOST = 'The greatest charge; null for none. Example: `"100"`.'
TIERS = "In ascending order, at most 100; the last has no end."
UP_TO = 'The last unit of the tier; null for the last tier, which has no end. Example: `"1000"`.'
FLAT = 'What the tier costs once, however many units; null for nothing. Example: `"2"`.'
PACKAGE_SIZE = 'How many units a package holds, above zero. Example: `"100"`.'
PACKAGE_PRICE = 'What a package costs; one that is begun is charged whole. Example: `"5"`.'
FREE = 'How many units of a period cost nothing; null for none. Example: `"100"`.'


class _Kind:
    """How a model is told from the others: by the class of `billing.price_models` it stands for."""

    model: type

    @classmethod
    def is_type_of(cls, obj: Any, _info: Any) -> bool:
        """Tell whether a model is of this kind."""
        return isinstance(obj, cls.model)


@value("Every unit costs the same.")
class StandardPrice(_Kind):
    """Resolvers return `billing.price_models.StandardPrice`."""

    model = billing.StandardPrice

    unit_price: Decimal = field(f"{UNIT_PRICE} Below zero it is a rebate.")


@value("Each event carries the price of its units, within bounds.")
class DynamicPrice(_Kind):
    """Resolvers return `billing.price_models.DynamicPrice`."""

    model = billing.DynamicPrice

    min_price: Decimal = field(MIN_PRICE)
    max_price: Decimal = field(MAX_PRICE)
    unit_price_property: str = field(PRICE_PROPERTY)


@value("A part of the value that events report, and a fixed charge, within bounds.")
class PercentagePrice(_Kind):
    """Resolvers return `billing.price_models.PercentagePrice`."""

    model = billing.PercentagePrice

    percentage: Decimal = field(PERCENTAGE)
    fixed_charge: Decimal | None = field(FIXED)
    min_charge: Decimal | None = field(LEAST)
    max_charge: Decimal | None = field(MOST)
    charge_scope: ChargeScope = field("What the percentage, the charge and the bounds are taken of.")


@value("A span of quantities with a price of its own.")
class PriceTier:
    """Resolvers return `billing.price_models.Tier`."""

    up_to: Decimal | None = field(UP_TO)
    unit_price: Decimal = field(UNIT_PRICE)
    flat_price: Decimal | None = field(FLAT)


@value("The whole quantity costs what the tier that it falls in says.")
class VolumePrice(_Kind):
    """Resolvers return `billing.price_models.VolumePrice`."""

    model = billing.VolumePrice

    tiers: list[PriceTier] = field(TIERS)


@value("Each part of the quantity costs what its own tier says.")
class GraduatedPrice(_Kind):
    """Resolvers return `billing.price_models.GraduatedPrice`."""

    model = billing.GraduatedPrice

    tiers: list[PriceTier] = field(TIERS)


@value("Units are sold by whole packages, after those that are free.")
class PackagePrice(_Kind):
    """Resolvers return `billing.price_models.PackagePrice`."""

    model = billing.PackagePrice

    package_size: Decimal = field(PACKAGE_SIZE)
    package_price: Decimal = field(PACKAGE_PRICE)
    free_units: Decimal | None = field(FREE)


PriceModel = Annotated[
    Union[StandardPrice, DynamicPrice, PercentagePrice, VolumePrice, GraduatedPrice, PackagePrice],  # noqa: UP007  # strawberry names unions that are annotated so
    strawberry.union("PriceModel", description="How a quantity becomes an amount."),
]


@strawberry.input(description="The parameters of STANDARD: quantity times unit price.")
class StandardPriceInput:
    """See `billing.price_models.StandardPrice`."""

    unit_price: Decimal = field(f"{UNIT_PRICE} Below zero it is a rebate, which metered prices may be.")

    def to_model(self) -> billing.StandardPrice:
        """Return the model that was given."""
        return billing.StandardPrice(self.unit_price)


@strawberry.input(description="The parameters of DYNAMIC: the sum over the events of value times price, within bounds.")
class DynamicPriceInput:
    """See `billing.price_models.DynamicPrice`."""

    min_price: Decimal = field(MIN_PRICE)
    max_price: Decimal = field(MAX_PRICE)
    unit_price_property: str = field(PRICE_PROPERTY)

    def to_model(self) -> billing.DynamicPrice:
        """Return the model that was given."""
        return billing.DynamicPrice(self.min_price, self.max_price, self.unit_price_property)


@strawberry.input(description="The parameters of PERCENTAGE: percentage times value, plus a charge, within bounds.")
class PercentagePriceInput:
    """See `billing.price_models.PercentagePrice`."""

    percentage: Decimal = field(PERCENTAGE)
    fixed_charge: Decimal | None = field(FIXED, default=None)
    min_charge: Decimal | None = field(LEAST, default=None)
    max_charge: Decimal | None = field(MOST, default=None)
    charge_scope: ChargeScope = field(
        "What the percentage, the charge and the bounds are taken of. Example: `PER_EVENT`.",
        default=ChargeScope.PER_EVENT,
    )

    def to_model(self) -> billing.PercentagePrice:
        """Return the model that was given."""
        return billing.PercentagePrice(
            percentage=self.percentage,
            fixed_charge=self.fixed_charge,
            min_charge=self.min_charge,
            max_charge=self.max_charge,
            charge_scope=self.charge_scope,
        )


@strawberry.input(description="A span of quantities with a price of its own.")
class PriceTierInput:
    """See `billing.price_models.Tier`."""

    up_to: Decimal | None = field(UP_TO, default=None)
    unit_price: Decimal = field(UNIT_PRICE)
    flat_price: Decimal | None = field(FLAT, default=None)

    def to_tier(self) -> billing.Tier:
        """Return the tier that was given."""
        return billing.Tier(self.up_to, self.unit_price, self.flat_price)


@strawberry.input(description="The parameters of VOLUME: the whole quantity at the rate of its tier.")
class VolumePriceInput:
    """See `billing.price_models.VolumePrice`."""

    tiers: list[PriceTierInput] = field(TIERS)

    def to_model(self) -> billing.VolumePrice:
        """Return the model that was given."""
        return billing.VolumePrice(tuple(tier.to_tier() for tier in self.tiers))


@strawberry.input(description="The parameters of GRADUATED: each part of the quantity at the rate of its tier.")
class GraduatedPriceInput:
    """See `billing.price_models.GraduatedPrice`."""

    tiers: list[PriceTierInput] = field(TIERS)

    def to_model(self) -> billing.GraduatedPrice:
        """Return the model that was given."""
        return billing.GraduatedPrice(tuple(tier.to_tier() for tier in self.tiers))


@strawberry.input(description="The parameters of PACKAGE: whole packages, after the units that are free.")
class PackagePriceInput:
    """See `billing.price_models.PackagePrice`."""

    package_size: Decimal = field(PACKAGE_SIZE)
    package_price: Decimal = field(PACKAGE_PRICE)
    free_units: Decimal | None = field(FREE, default=None)

    def to_model(self) -> billing.PackagePrice:
        """Return the model that was given."""
        return billing.PackagePrice(self.package_size, self.package_price, self.free_units)


@strawberry.input(one_of=True, description="A pricing model: exactly one of its fields.")
class PriceModelInput:
    """One field for each kind of model."""

    standard: Maybe[StandardPriceInput] = field("Every unit costs the same.")
    dynamic: Maybe[DynamicPriceInput] = field("Each event carries the price of its units. For COUNT and SUM metrics.")
    percentage: Maybe[PercentagePriceInput] = field("A part of what events are worth. For COUNT and SUM metrics.")
    volume: Maybe[VolumePriceInput] = field("The whole quantity at the rate of the tier it falls in.")
    graduated: Maybe[GraduatedPriceInput] = field("Each part of the quantity at the rate of its tier.")
    package: Maybe[PackagePriceInput] = field("Whole packages of units.")

    def to_model(self) -> billing.PriceModel:
        """Return the model that was given."""
        kinds = (self.standard, self.dynamic, self.percentage, self.volume, self.graduated, self.package)
        given = next(kind for kind in kinds if kind is not None)
        model: billing.PriceModel = given.value.to_model()
        return model
