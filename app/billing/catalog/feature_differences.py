"""What changed between what two versions of a plan give of features, in words that people understand."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from app.billing.entitlements import BooleanTerms, EntitlementTerms, MeteredTerms, StaticTerms
from app.billing.periods import BillingInterval
from app.billing.steps import spell

#: Of longer values as many characters are told.
_TOLD: Final = 60
_EVERY: Final = {
    None: "once",
    BillingInterval.WEEKLY: "a week",
    BillingInterval.MONTHLY: "a month",
    BillingInterval.QUARTERLY: "a quarter",
    BillingInterval.YEARLY: "a year",
}


class FeatureChangeKind(StrEnum):
    """What became of a feature."""

    ADDED = "ADDED"
    REMOVED = "REMOVED"
    CHANGED = "CHANGED"
    KEPT = "KEPT"


@dataclass(frozen=True, slots=True)
class VersionFeature:
    """What a version gives of a feature, which both versions name by the same id."""

    feature_id: str
    name: str
    terms: EntitlementTerms


@dataclass(frozen=True, slots=True)
class FeatureChange:
    """What became of a feature: the places in both versions, None where a version does not give it."""

    kind: FeatureChangeKind
    before: int | None
    after: int | None
    sentence: str


def compare_features(before: Sequence[VersionFeature], after: Sequence[VersionFeature]) -> tuple[FeatureChange, ...]:
    """Return the changes in the order of the later version, then what it no longer gives in that of the earlier one."""
    return (*_given(before, after), *_gone(before, after))


def summary_of(changes: Sequence[FeatureChange]) -> str:
    """Say all of it in short; nothing where neither version gives anything."""
    kinds = [change.kind for change in changes]
    if not kinds:
        return ""
    if set(kinds) == {FeatureChangeKind.KEPT}:
        return " The features are the same."
    counted = [f"{kinds.count(kind)} {kind.value.lower()}" for kind in FeatureChangeKind if kind in kinds]
    return f" Features: {', '.join(counted)}."


def _given(before: Sequence[VersionFeature], after: Sequence[VersionFeature]) -> Iterator[FeatureChange]:
    places = {one.feature_id: place for place, one in enumerate(before)}
    for place, new in enumerate(after):
        there = places.get(new.feature_id)
        if there is None:
            yield FeatureChange(FeatureChangeKind.ADDED, None, place, f'"{new.name}" is given: {told(new.terms)}.')
        elif before[there].terms == new.terms:
            yield FeatureChange(FeatureChangeKind.KEPT, there, place, f'"{new.name}" stays as it is.')
        else:
            sentence = f'"{new.name}" changes from {told(before[there].terms)} to {told(new.terms)}.'
            yield FeatureChange(FeatureChangeKind.CHANGED, there, place, sentence)


def _gone(before: Sequence[VersionFeature], after: Sequence[VersionFeature]) -> Iterator[FeatureChange]:
    kept = {one.feature_id for one in after}
    for place, old in enumerate(before):
        if old.feature_id not in kept:
            sentence = f'"{old.name}" is no longer given.'
            yield FeatureChange(FeatureChangeKind.REMOVED, place, None, sentence)


def told(terms: EntitlementTerms) -> str:
    """Say what terms give."""
    match terms:
        case BooleanTerms():
            return "access"
        case StaticTerms(value):
            written = json.dumps(value, ensure_ascii=False)
            return f"the value {written if len(written) <= _TOLD else written[:_TOLD] + '…'}"
        case MeteredTerms():
            return _metered(terms)


def _metered(terms: MeteredTerms) -> str:
    units = "no units of its own"
    if terms.issue_after_reset is not None:
        units = f"{spell(Fraction(terms.issue_after_reset))} units {_EVERY[terms.usage_period]}"
    limit = "more is billed" if terms.is_soft_limit else "no more than that"
    parts = [units, limit, *([] if terms.usage_period is None else _at_reset(terms))]
    return ", ".join(parts)


def _at_reset(terms: MeteredTerms) -> Iterator[str]:
    if terms.reset_max_rollover is None:
        yield "what is left is carried over"
    elif terms.reset_max_rollover:
        yield f"up to {spell(Fraction(terms.reset_max_rollover))} left are carried over"
    if terms.reset_min_rollover:
        yield f"{spell(Fraction(terms.reset_min_rollover))} at least"
    if terms.preserve_overage_at_reset:
        yield "what is used beyond is taken off later"
