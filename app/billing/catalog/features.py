"""Drafts of features, of what plans give of them, and of entitlements and grants."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from app.billing.aggregation import Aggregation
from app.billing.decimals import within_bounds
from app.billing.entitlements import (
    DEFAULT_PRIORITY,
    BooleanTerms,
    EntitlementTerms,
    FeatureKind,
    MeteredTerms,
    StaticTerms,
)
from app.billing.errors import ErrorCode, Problems
from app.billing.periods import BillingInterval
from app.billing.text import MAX_NAME_LENGTH, check_key, check_metadata, check_name, check_optional_text, text_problem

#: Features of a plan version.
MAX_FEATURES: Final = 100
#: Characters of a static value, written as JSON.
MAX_STATIC_LENGTH: Final = 4096
MAX_PRIORITY: Final = 255
#: What usage can be taken out of grants of: a sum of what events bring.
BURNABLE: Final = frozenset({Aggregation.COUNT, Aggregation.SUM})


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureDraft:
    """A feature as a user wants it; `product` and `billable_metric` are ids or keys."""

    key: str
    product: str
    name: str
    description: str | None = None
    kind: FeatureKind
    billable_metric: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanFeatureDraft:
    """What a plan version gives of a feature, by itself or with one of its prices; both are ids or keys."""

    feature: str
    price: str | None = None
    terms: EntitlementTerms


@dataclass(frozen=True, kw_only=True, slots=True)
class EntitlementDraft:
    """An entitlement that a user issues by hand; `starts_at` None is now, `ends_at` None never."""

    customer: str
    feature: str
    terms: EntitlementTerms
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class GrantDraft:
    """Units as a user gives them; `effective_at` None is now, `expires_at` None never."""

    entitlement: str
    amount: Decimal
    effective_at: datetime | None = None
    expires_at: datetime | None = None
    priority: int = DEFAULT_PRIORITY
    recurrence: BillingInterval | None = None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class PurchaseDraft:
    """Units that a customer buys; `price` is of all of them together, in major units of its subscription's currency."""

    entitlement: str
    amount: Decimal
    price: Decimal
    description: str | None = None
    expires_at: datetime | None = None
    priority: int = DEFAULT_PRIORITY
    metadata: dict[str, str] = field(default_factory=dict)


def check_feature(draft: FeatureDraft, problems: Problems) -> None:
    """Note every problem of a feature that can be seen without a look-up, in the order of its fields."""
    check_key(problems, "key", draft.key)
    check_name(problems, "name", draft.name)
    check_optional_text(problems, "description", draft.description)
    if draft.kind is FeatureKind.METERED and draft.billable_metric is None:
        problems.add(ErrorCode.BLANK, "billableMetricId", "A metered feature has a metric, which measures its units.")
    if draft.kind is not FeatureKind.METERED and draft.billable_metric is not None:
        problems.add(ErrorCode.INVALID, "billableMetricId", "Only a metered feature has a metric.")
    check_metadata(problems, "metadata", draft.metadata)


def check_burnable(aggregation: Aggregation, problems: Problems) -> None:
    """Note if no units of a metric can be taken out of grants."""
    if aggregation not in BURNABLE:
        message = f"The metric is a {aggregation}; only of COUNT and SUM are units used up."
        problems.add(ErrorCode.INVALID, "billableMetricId", message)


def check_plan_features(drafts: Sequence[PlanFeatureDraft], problems: Problems) -> None:
    """Note if there are more than 100, and which is in the list already."""
    if len(drafts) > MAX_FEATURES:
        problems.add(ErrorCode.OUT_OF_RANGE, "features", f"Must be at most {MAX_FEATURES}.")
        return
    seen: set[str] = set()
    for place, draft in enumerate(drafts):
        if draft.feature in seen:
            problems.add(ErrorCode.INVALID, f"features.{place}.featureId", "The feature is in the list already.")
        seen.add(draft.feature)
        check_terms(draft.terms, problems, f"features.{place}.terms")


def check_kind(terms: EntitlementTerms, kind: FeatureKind, problems: Problems, path: str) -> None:
    """Note if terms are of another kind than the feature."""
    if terms.kind is not kind:
        problems.add(ErrorCode.INVALID, path, f"The feature is {kind}, so give `{kind.lower()}`.")


def check_terms(terms: EntitlementTerms, problems: Problems, path: str) -> None:
    """Note every problem of the terms of an entitlement."""
    match terms:
        case StaticTerms(value):
            _check_static(value, problems, f"{path}.static.value")
        case MeteredTerms():
            _check_metered(terms, problems, f"{path}.metered")
        case BooleanTerms():
            pass


def _check_static(value: Any, problems: Problems, path: str) -> None:
    text = json.dumps(value, ensure_ascii=False, default=str)
    if len(text) > MAX_STATIC_LENGTH:
        problems.add(ErrorCode.TOO_LONG, path, f"Must have at most {MAX_STATIC_LENGTH} characters as JSON.")
    elif (problem := text_problem(text)) is not None:
        problems.add(ErrorCode.INVALID, path, problem)


def _check_metered(terms: MeteredTerms, problems: Problems, path: str) -> None:
    if terms.issue_after_reset is not None:
        check_units(terms.issue_after_reset, problems, f"{path}.issueAfterReset")
    least, most = terms.reset_min_rollover, terms.reset_max_rollover
    for name, number in (("resetMinRollover", least), ("resetMaxRollover", most)):
        if number is not None and (number < 0 or not within_bounds(number)):
            problems.add(ErrorCode.OUT_OF_RANGE, f"{path}.{name}", "Must be 0 or more, with 20 digits and 18 places.")
    if most is not None and least > most:
        problems.add(ErrorCode.INVALID, f"{path}.resetMinRollover", "Must not be more than resetMaxRollover.")


def check_units(amount: Decimal, problems: Problems, path: str) -> None:
    """Note if a number of units is not above zero, or has too many digits."""
    if amount <= 0 or not within_bounds(amount):
        problems.add(ErrorCode.OUT_OF_RANGE, path, "Must be above 0, with at most 20 digits and 18 places.")


def check_purchase(draft: PurchaseDraft, problems: Problems) -> None:
    """Note every problem of a purchase that can be seen without a look-up, in the order of its fields."""
    check_units(draft.amount, problems, "amount")
    if draft.price < 0 or not within_bounds(draft.price):
        problems.add(ErrorCode.OUT_OF_RANGE, "price", "Must be 0 or more, with at most 20 digits and 18 places.")
    check_optional_text(problems, "description", draft.description, MAX_NAME_LENGTH)
    if not 0 <= draft.priority <= MAX_PRIORITY:
        problems.add(ErrorCode.OUT_OF_RANGE, "priority", f"Must be 0 to {MAX_PRIORITY}.")
    check_metadata(problems, "metadata", draft.metadata)


def check_grant(draft: GrantDraft, problems: Problems) -> None:
    """Note every problem of a grant that can be seen without a look-up, in the order of its fields."""
    check_units(draft.amount, problems, "amount")
    if not 0 <= draft.priority <= MAX_PRIORITY:
        problems.add(ErrorCode.OUT_OF_RANGE, "priority", f"Must be 0 to {MAX_PRIORITY}.")
    check_metadata(problems, "metadata", draft.metadata)
