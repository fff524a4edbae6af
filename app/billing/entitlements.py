"""Features, and the terms under which a customer may use one: domain.md section 7."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from app.billing.decimals import parse_plain, plain
from app.billing.periods import BillingInterval

#: The priority of what an entitlement gives itself, and of grants that name none.
DEFAULT_PRIORITY: Final = 1


class FeatureKind(StrEnum):
    """What a feature gives: access, a value to configure something with, or units of a metric."""

    BOOLEAN = "BOOLEAN"
    STATIC = "STATIC"
    METERED = "METERED"


@dataclass(frozen=True, slots=True)
class BooleanTerms:
    """Access."""

    kind = FeatureKind.BOOLEAN


@dataclass(frozen=True, slots=True, eq=False)
class StaticTerms:
    """Access with a value, which is any JSON. Two are equal where their JSON is: `1` is not `true`."""

    value: Any

    kind = FeatureKind.STATIC

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StaticTerms) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    @property
    def _text(self) -> str:
        return json_text(_sorted(self.value))


@dataclass(frozen=True, kw_only=True, slots=True)
class MeteredTerms:
    """Access to units: so many at the start and after each reset, and what becomes at a reset of what is left.

    A `usage_period` None never ends. `reset_max_rollover` None carries over whatever is left. With a soft limit access
    stays where nothing is left, and what is used beyond that is billed.
    """

    issue_after_reset: Decimal | None = None
    usage_period: BillingInterval | None = None
    is_soft_limit: bool = False
    preserve_overage_at_reset: bool = False
    reset_min_rollover: Decimal = Decimal(0)
    reset_max_rollover: Decimal | None = Decimal(0)

    kind = FeatureKind.METERED


EntitlementTerms = BooleanTerms | StaticTerms | MeteredTerms


def terms_to_json(terms: EntitlementTerms) -> dict[str, Any]:
    """Return terms as plain JSON, for storage."""
    match terms:
        case BooleanTerms():
            return {"kind": terms.kind.value}
        case StaticTerms(value):
            return {"kind": terms.kind.value, "text": json_text(value)}
        case MeteredTerms():
            return {
                "kind": terms.kind.value,
                "issueAfterReset": _text(terms.issue_after_reset),
                "usagePeriod": terms.usage_period and terms.usage_period.value,
                "isSoftLimit": terms.is_soft_limit,
                "preserveOverageAtReset": terms.preserve_overage_at_reset,
                "resetMinRollover": plain(terms.reset_min_rollover),
                "resetMaxRollover": _text(terms.reset_max_rollover),
            }


def terms_from_json(stored: Mapping[str, Any]) -> EntitlementTerms:
    """Return stored terms."""
    match FeatureKind(stored["kind"]):
        case FeatureKind.BOOLEAN:
            return BooleanTerms()
        case FeatureKind.STATIC:
            # Rows from before numbers kept their digits have the value itself.
            return StaticTerms(_read(stored["text"]) if "text" in stored else stored["value"])
        case FeatureKind.METERED:
            period = stored["usagePeriod"]
            return MeteredTerms(
                issue_after_reset=_decimal(stored["issueAfterReset"]),
                usage_period=None if period is None else BillingInterval(period),
                is_soft_limit=stored["isSoftLimit"],
                preserve_overage_at_reset=stored["preserveOverageAtReset"],
                reset_min_rollover=parse_plain(stored["resetMinRollover"]),
                reset_max_rollover=_decimal(stored["resetMaxRollover"]),
            )


def json_text(value: Any) -> str:
    """Return JSON as text, with the exact values of its numbers."""
    match value:
        case dict():
            members = (f"{json_text(name)}:{json_text(item)}" for name, item in value.items())
            return f"{{{','.join(members)}}}"
        case list():
            return f"[{','.join(map(json_text, value))}]"
        case Decimal():
            return plain(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def _sorted(value: Any) -> Any:
    match value:
        case dict():
            return {name: _sorted(value[name]) for name in sorted(value)}
        case list():
            return [_sorted(item) for item in value]
        case _:
            return value


def _read(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def _decimal(stored: str | None) -> Decimal | None:
    return None if stored is None else parse_plain(stored)
