"""The pricing models: one small file each, joined here into the union that prices carry."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from app.billing.decimals import parse_plain, plain
from app.billing.errors import InvariantBroken, Problems
from app.billing.price_models import standard
from app.billing.price_models.standard import StandardPrice
from app.billing.steps import Step

__all__ = ["PriceModel", "StandardPrice", "amount", "check_model", "model_from_json", "model_to_json"]

PriceModel = StandardPrice


def check_model(model: PriceModel, problems: Problems, field: str) -> None:
    """Note what is wrong with a model's parameters; `field` is the path of the input that holds it, like `model`."""
    standard.check(model, problems, f"{field}.standard")


def amount(model: PriceModel, quantity: Decimal, currency: str, unit: str | None) -> tuple[Fraction, Step]:
    """Price a quantity, exactly and in major units, with the step that explains it."""
    return standard.amount(model, quantity, currency, unit)


def model_to_json(model: PriceModel) -> dict[str, object]:
    """Return the stored form of a model, with decimals as plain strings."""
    return {"type": "STANDARD", "unitPrice": plain(model.unit_price)}


def model_from_json(data: Mapping[str, object]) -> PriceModel:
    """Read the stored form of a model. InvariantBroken when it is not one."""
    unit_price = data.get("unitPrice")
    if data.get("type") != "STANDARD" or not isinstance(unit_price, str):
        raise InvariantBroken("The stored pricing model is not one of this version.")
    try:
        return StandardPrice(parse_plain(unit_price))
    except ValueError as error:
        raise InvariantBroken("The stored unit price is not a decimal.") from error
