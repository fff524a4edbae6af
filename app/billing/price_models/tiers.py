"""Tiers: the steps of a quantity at which its price changes. VOLUME and GRADUATED have them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from app.billing.decimals import parse_plain, within_bounds
from app.billing.errors import ErrorCode, InvariantBroken, Problems
from app.billing.price_models.charged import Charged, check_amount, written
from app.billing.steps import spell, spell_money, spell_result, spell_units

MAX_TIERS = 100


@dataclass(frozen=True, slots=True)
class Tier:
    """Up to and including `up_to` units (None: without end) each costs `unit_price`, and the tier `flat_price` once."""

    up_to: Decimal | None
    unit_price: Decimal
    flat_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Entered:
    """A tier as a period, or a part of one, has it: for units after `low`, up to `high`."""

    low: Fraction
    high: Fraction | None
    unit_price: Fraction
    flat_price: Fraction | None

    def holds(self, quantity: Fraction) -> bool:
        """Tell whether a quantity that is above the tiers below ends in this one."""
        return self.high is None or quantity <= self.high

    def amount(self, units: Fraction) -> Fraction:
        """Return what so many units cost here, with the flat price."""
        return units * self.unit_price + (self.flat_price or 0)

    def sentence(self, units: Fraction, charged: Charged) -> str:
        """Say what so many units cost here and why."""
        currency = charged.currency
        spelt = f"{spell_units(units, charged.unit)} \N{MULTIPLICATION SIGN} {spell_money(self.unit_price, currency)}"
        flat = "" if self.flat_price is None else f" + {spell_money(self.flat_price, currency)} flat"
        return f"Tier {self.spoken()}: {spelt}{flat} {spell_result(self.amount(units), currency)}"

    def spoken(self) -> str:
        """Name the tier by its bounds."""
        if self.high is None:
            return f"above {spell(self.low)}" if self.low else "of any quantity"
        return f"above {spell(self.low)}, up to {spell(self.high)}" if self.low else f"up to {spell(self.high)}"


def scaled(tiers: Sequence[Tier], scale: Fraction) -> list[Entered]:
    """Return the tiers with their bounds and flat prices multiplied by the share of a period."""
    found, low = [], Fraction(0)
    for tier in tiers:
        high = None if tier.up_to is None else Fraction(tier.up_to) * scale
        flat = None if tier.flat_price is None else Fraction(tier.flat_price) * scale
        found.append(Entered(low, high, Fraction(tier.unit_price), flat))
        low = low if high is None else high
    return found


def check_tiers(tiers: Sequence[Tier], problems: Problems, field: str) -> None:
    """Note what is wrong with tiers: their number, their order, an end that is not the last's, a price below zero."""
    if not 1 <= len(tiers) <= MAX_TIERS:
        problems.add(ErrorCode.OUT_OF_RANGE, field, f"Must have 1 to {MAX_TIERS} tiers.")
        return
    before = Decimal(0)
    for place, tier in enumerate(tiers):
        path = f"{field}.{place}"
        message = _bound_problem(tier.up_to, before, is_last=place == len(tiers) - 1)
        if message is not None:
            problems.add(ErrorCode.INVALID, f"{path}.upTo", message)
        if tier.up_to is not None and within_bounds(tier.up_to):
            before = max(before, tier.up_to)
        check_amount(problems, f"{path}.unitPrice", tier.unit_price)
        check_amount(problems, f"{path}.flatPrice", tier.flat_price)


def tiers_to_json(tiers: Sequence[Tier]) -> list[dict[str, object]]:
    """Return the stored form of tiers."""
    return [written(upTo=tier.up_to, unitPrice=tier.unit_price, flatPrice=tier.flat_price) for tier in tiers]


def tiers_from_json(data: object) -> tuple[Tier, ...]:
    """Read what `tiers_to_json` wrote. InvariantBroken when it is something else, or leaves a quantity unpriced."""
    if not isinstance(data, list) or not data:
        raise InvariantBroken("The stored tiers are none.")
    try:
        tiers = tuple(_tier(item) for item in data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvariantBroken("The stored tiers can't be read.") from error
    before = Decimal(0)
    for place, tier in enumerate(tiers):
        if _bound_problem(tier.up_to, before, is_last=place == len(tiers) - 1) is not None:
            raise InvariantBroken("The stored tiers do not hold every quantity once.")
        before = tier.up_to or before
    return tiers


def _tier(item: Mapping[str, str]) -> Tier:
    up_to, flat_price = item.get("upTo"), item.get("flatPrice")
    return Tier(
        None if up_to is None else parse_plain(up_to),
        parse_plain(item["unitPrice"]),
        None if flat_price is None else parse_plain(flat_price),
    )


def _bound_problem(up_to: Decimal | None, before: Decimal, *, is_last: bool) -> str | None:
    if up_to is None:
        return None if is_last else "Only the last tier is without an end."
    if is_last:
        return "The last tier must be without an end: leave upTo out."
    if not within_bounds(up_to):
        return "Must have at most 20 digits before and 18 after the point."
    return None if up_to > before else "Must be above that of the tier before, and above zero."
