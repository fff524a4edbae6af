"""The pricing models: one small file each, joined here into the union that prices carry."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from types import ModuleType
from typing import Any

from app.billing.aggregation import Aggregation
from app.billing.errors import ErrorCode, InvariantBroken, Problems
from app.billing.price_models import dynamic, graduated, package, percentage, standard, volume
from app.billing.price_models.charged import (
    Charged,
    EventTally,
    TallyGroup,
    TallyKind,
    tally_from_json,
    tally_to_json,
)
from app.billing.price_models.dynamic import DynamicPrice
from app.billing.price_models.graduated import GraduatedPrice
from app.billing.price_models.package import PackagePrice
from app.billing.price_models.percentage import ChargeScope, PercentagePrice
from app.billing.price_models.standard import StandardPrice
from app.billing.price_models.tiers import Tier
from app.billing.price_models.volume import VolumePrice
from app.billing.steps import Step

__all__ = [
    "ChargeScope",
    "Charged",
    "DynamicPrice",
    "EventTally",
    "GraduatedPrice",
    "PackagePrice",
    "PercentagePrice",
    "PriceModel",
    "StandardPrice",
    "TallyGroup",
    "TallyKind",
    "Tier",
    "VolumePrice",
    "charge",
    "check_fit",
    "check_model",
    "model_from_json",
    "model_to_json",
    "needs_events",
    "tally",
    "tally_from_json",
    "tally_to_json",
    "terms_of_a_period",
    "unit_price_path",
]

PriceModel = StandardPrice | DynamicPrice | PercentagePrice | VolumePrice | GraduatedPrice | PackagePrice

_FILES: Mapping[type[PriceModel], ModuleType] = {
    StandardPrice: standard,
    DynamicPrice: dynamic,
    PercentagePrice: percentage,
    VolumePrice: volume,
    GraduatedPrice: graduated,
    PackagePrice: package,
}
_READERS: Mapping[str, Callable[[Mapping[str, object]], PriceModel]] = {
    file.__name__.rpartition(".")[2].upper(): file.from_json for file in _FILES.values()
}
_SUMS = (Aggregation.COUNT, Aggregation.SUM)


def check_model(model: PriceModel, problems: Problems, field: str) -> None:
    """Note what is wrong with a model's parameters; `field` is the path of the input that holds it, like `model`."""
    _FILES[type(model)].check(model, problems, f"{field}.{_kind(model)}")


def check_fit(model: PriceModel, aggregation: Aggregation | None, problems: Problems, field: str) -> None:
    """Note if a model can't charge what it is to: a metric of an aggregation, or a fee (None)."""
    path = f"{field}.{_kind(model)}"
    if isinstance(model, DynamicPrice | PercentagePrice) and aggregation not in _SUMS:
        message = "Is for metrics that count or add up (COUNT, SUM): it looks at what each event is worth."
        problems.add(ErrorCode.INVALID, path, message)
    elif isinstance(model, StandardPrice) and model.unit_price < 0 and aggregation is None:
        message = "A unit price below zero is a rebate on usage; a fee's must not be negative."
        problems.add(ErrorCode.OUT_OF_RANGE, f"{path}.unitPrice", message)


def needs_events(model: PriceModel) -> bool:
    """Tell whether the amount depends on the single events, and not on their sum alone."""
    per_event = isinstance(model, PercentagePrice) and model.charge_scope is ChargeScope.PER_EVENT
    return per_event or isinstance(model, DynamicPrice)


def unit_price_path(model: PriceModel) -> str | None:
    """Return where in their data events carry the price of their units; None for models that do not ask for it."""
    return model.unit_price_property if isinstance(model, DynamicPrice) else None


def terms_of_a_period(model: PriceModel) -> str | None:
    """Say what of a model is per period, so that a part of one scales it; None where nothing is."""
    match model:
        case VolumePrice() | GraduatedPrice():
            flat = any(tier.flat_price for tier in model.tiers)
            return "tier bounds and flat prices" if flat else "tier bounds"
        case PackagePrice():
            return "free units" if model.free_units else None
        case PercentagePrice():
            per_period = model.charge_scope is ChargeScope.PER_PERIOD
            return "the charge and bounds of the period" if per_period else None
        case StandardPrice() | DynamicPrice():
            return None


def tally(model: PriceModel, events: Iterable[tuple[Decimal, Decimal | None]]) -> EventTally | None:
    """Return what a model has to know of events, each given by its value and the price it carries; None: the sum."""
    match model:
        case DynamicPrice():
            return dynamic.tally(model, events)
        case PercentagePrice():
            return percentage.tally(model, (value for value, _ in events))
        case _:
            return None


def charge(model: PriceModel, charged: Charged) -> tuple[Fraction, tuple[Step, ...]]:
    """Price a quantity, exactly and in major units, with the steps that explain it."""
    priced: tuple[Fraction, tuple[Step, ...]] = _FILES[type(model)].price(model, charged)
    return priced


def model_to_json(model: PriceModel) -> dict[str, Any]:
    """Return the stored form of a model, with decimals as plain strings."""
    return model.to_json()


def model_from_json(data: Mapping[str, object]) -> PriceModel:
    """Read the stored form of a model. InvariantBroken when it is not one."""
    read = _READERS.get(str(data.get("type")))
    if read is None:
        raise InvariantBroken("The stored pricing model is not one of this version.")
    return read(data)


def _kind(model: PriceModel) -> str:
    return _FILES[type(model)].__name__.rpartition(".")[2]
