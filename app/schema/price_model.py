"""Pricing models: a union out, a one-of input in."""

from decimal import Decimal
from typing import Annotated, Any, Union

import strawberry
from strawberry import Maybe

from app.billing import price_models as billing
from app.schema.declarations import field, value


@value("Every unit costs the same.")
class StandardPrice:
    """Resolvers return `billing.price_models.StandardPrice`."""

    unit_price: Decimal = field('What one unit costs, in major units of the price\'s currency. Example: `"0.00002"`.')

    @classmethod
    def is_type_of(cls, obj: Any, _info: Any) -> bool:
        """Tell whether a model is of this kind."""
        return isinstance(obj, billing.StandardPrice)


PriceModel = Annotated[
    Union[StandardPrice],  # noqa: UP007  # a union of one is still a union, which grows without breaking clients
    strawberry.union("PriceModel", description="How a quantity becomes an amount."),
]


@strawberry.input(description="The parameters of STANDARD: quantity times unit price.")
class StandardPriceInput:
    """See `billing.price_models.StandardPrice`."""

    unit_price: Decimal = field(
        'What one unit costs, in major units of the price\'s currency; not negative. Example: `"0.00002"`.'
    )


@strawberry.input(one_of=True, description="A pricing model: exactly one of its fields.")
class PriceModelInput:
    """One field for each kind of model."""

    standard: Maybe[StandardPriceInput] = field("Every unit costs the same.")

    def to_model(self) -> billing.PriceModel:
        """Return the model that was given."""
        assert self.standard is not None, "a one-of input has a field"
        return billing.StandardPrice(self.standard.value.unit_price)
