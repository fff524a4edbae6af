"""How people say what a field of a price charges before and after."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Any

from app.billing.lifecycle import PaymentTerm
from app.billing.price_models import ChargeScope
from app.billing.steps import spell, spell_money


class PriceField(StrEnum):
    """The fields in which two prices of the same fee or events can differ, by their names in catalog documents."""

    INVOICE_DISPLAY_NAME = "invoiceDisplayName"
    PAYMENT_TERM = "paymentTerm"
    CURRENCY = "currency"
    MODEL = "model"
    UNIT_PRICE = "unitPrice"
    MIN_PRICE = "minPrice"
    MAX_PRICE = "maxPrice"
    UNIT_PRICE_PROPERTY = "unitPriceProperty"
    PERCENTAGE = "percentage"
    FIXED_CHARGE = "fixedCharge"
    MIN_CHARGE = "minCharge"
    MAX_CHARGE = "maxCharge"
    CHARGE_SCOPE = "chargeScope"
    TIERS = "tiers"
    PACKAGE_SIZE = "packageSize"
    PACKAGE_PRICE = "packagePrice"
    FREE_UNITS = "freeUnits"
    QUANTITY = "quantity"
    CADENCE = "cadence"
    IS_OBLIGATION = "isObligation"
    PERIOD_MINIMUM = "periodMinimum"
    PERIOD_MAXIMUM = "periodMaximum"


#: More tiers are counted, not told.
_TOLD_TIERS = 5

_DUE = {PaymentTerm.IN_ADVANCE: "the start of its period", PaymentTerm.IN_ARREARS: "the end of its period"}
_SCOPES = {ChargeScope.PER_EVENT: "each event", ChargeScope.PER_PERIOD: "the sum of the period"}


def sentence_of(name: PriceField, before: Any, after: Any, currencies: tuple[str, str]) -> str:
    """Say what a field charges before and after, each in its currency; None where it says nothing."""
    subject, spelt = _WORDS[name]
    old = None if before is None else spelt(before, currencies[0])
    new = None if after is None else spelt(after, currencies[1])
    if name is PriceField.IS_OBLIGATION:
        return "It is owed for whole periods only." if after else "It is charged for parts of periods too."
    if name is PriceField.CADENCE:
        every = "every billing interval of the plan"
        return f"{subject} changes from {old or every} to {new or every}."
    if old is None:
        return f"{subject} is new: {new}."
    return f"{subject} was {old}, and there is none now." if new is None else f"{subject} changes from {old} to {new}."


def _money(value: str, currency: str) -> str:
    return spell_money(Fraction(value), currency)


def _number(value: str, _currency: str) -> str:
    return spell(Fraction(value))


def _percent(value: str, _currency: str) -> str:
    return f"{spell(Fraction(value) * 100)} %"


def _text(value: str, _currency: str) -> str:
    return str(value)


def _quoted(value: str, _currency: str) -> str:
    return f'"{value}"'


def _due(value: str, _currency: str) -> str:
    return _DUE[PaymentTerm(value)]


def _scope(value: str, _currency: str) -> str:
    return _SCOPES[ChargeScope(value)]


def _kind(value: Mapping[str, Any], _currency: str) -> str:
    [kind] = value
    return kind.upper()


def _tiers(value: Sequence[Mapping[str, str]], currency: str) -> str:
    if len(value) > _TOLD_TIERS:
        return f"{len(value)} tiers"
    return "; ".join(_tier(tier, currency) for tier in value)


def _tier(tier: Mapping[str, str], currency: str) -> str:
    bound = f"up to {spell(Fraction(tier['upTo']))}" if "upTo" in tier else "without end"
    flat = f" + {_money(tier['flatPrice'], currency)} flat" if "flatPrice" in tier else ""
    return f"{bound} {_money(tier['unitPrice'], currency)}{flat}"


#: What a sentence calls each field, and how it writes a value with its currency.
_WORDS: Mapping[PriceField, tuple[str, Callable[[Any, str], str]]] = {
    PriceField.INVOICE_DISPLAY_NAME: ("The name on invoices", _quoted),
    PriceField.PAYMENT_TERM: ("The time at which it is due", _due),
    PriceField.CURRENCY: ("The currency", _text),
    PriceField.MODEL: ("The pricing model", _kind),
    PriceField.UNIT_PRICE: ("The unit price", _money),
    PriceField.MIN_PRICE: ("The least unit price", _money),
    PriceField.MAX_PRICE: ("The greatest unit price", _money),
    PriceField.UNIT_PRICE_PROPERTY: ("The path of the price in events", _text),
    PriceField.PERCENTAGE: ("The percentage", _percent),
    PriceField.FIXED_CHARGE: ("The fixed charge", _money),
    PriceField.MIN_CHARGE: ("The least charge", _money),
    PriceField.MAX_CHARGE: ("The greatest charge", _money),
    PriceField.CHARGE_SCOPE: ("What the percentage is taken of", _scope),
    PriceField.TIERS: ("The price by tiers", _tiers),
    PriceField.PACKAGE_SIZE: ("The size of a package", _number),
    PriceField.PACKAGE_PRICE: ("The price of a package", _money),
    PriceField.FREE_UNITS: ("The number of free units", _number),
    PriceField.QUANTITY: ("The quantity", _number),
    PriceField.CADENCE: ("How often it is charged", _text),
    PriceField.IS_OBLIGATION: ("Whether it is owed whole", _text),
    PriceField.PERIOD_MINIMUM: ("The least charge in a period", _money),
    PriceField.PERIOD_MAXIMUM: ("The greatest charge in a period", _money),
}
