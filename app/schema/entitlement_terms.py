"""The terms of entitlements: a union out, a one-of input in."""

from decimal import Decimal
from typing import Annotated, Any, Union, cast

import strawberry
from strawberry import Maybe
from strawberry.scalars import JSON

from app.billing import entitlements as billing
from app.schema.declarations import field, value
from app.schema.enums import BillingInterval
from app.schema.feature_kind import FeatureKind

STATIC = 'Any JSON, up to 4096 characters. Example: `{"seats": 5}`.'
ISSUE = (
    "The units that it gives itself at its start and after each reset; null for none, where grants give all. "
    'Example: `"1000"`.'
)
PERIOD = "How often it is reset, counted from its anchor; null for never. Example: `MONTHLY`."
SOFT = "Whether access stays where nothing is left; what is used beyond that is then billed. Example: `false`."
PRESERVE = (
    "Whether what no grant covered is taken out of what the next usage period gives, instead of being settled. "
    "Example: `false`."
)
LEAST = 'What of a grant is there after a reset at least, however little was left. Example: `"0"`.'
MOST = 'What of a grant is carried over a reset at most; null for all that is left. Example: `"500"`.'


class _Kind:
    """How terms are told from others: by the class of `billing.entitlements` they stand for."""

    model: type

    @classmethod
    def is_type_of(cls, obj: Any, _info: Any) -> bool:
        """Tell whether terms are of this kind."""
        return isinstance(obj, cls.model)


@value("Access, and nothing else.")
class BooleanTerms(_Kind):
    """Resolvers return `billing.entitlements.BooleanTerms`."""

    model = billing.BooleanTerms

    kind: FeatureKind = field("BOOLEAN.")


@value("Access with a value.")
class StaticTerms(_Kind):
    """Resolvers return `billing.entitlements.StaticTerms`."""

    model = billing.StaticTerms

    value: JSON = field(STATIC)


@value("Units, and what becomes of them at each reset.")
class MeteredTerms(_Kind):
    """Resolvers return `billing.entitlements.MeteredTerms`."""

    model = billing.MeteredTerms

    issue_after_reset: Decimal | None = field(ISSUE)
    usage_period: BillingInterval | None = field(PERIOD)
    is_soft_limit: bool = field(SOFT)
    preserve_overage_at_reset: bool = field(PRESERVE)
    reset_min_rollover: Decimal = field(LEAST)
    reset_max_rollover: Decimal | None = field(MOST)


EntitlementTerms = Annotated[
    Union[BooleanTerms, StaticTerms, MeteredTerms],  # noqa: UP007  # strawberry names unions that are annotated so
    strawberry.union("EntitlementTerms", description="What an entitlement gives."),
]


def terms_of(row: Any) -> billing.EntitlementTerms:
    """Return the terms of a row that stores them."""
    return billing.terms_from_json(row.terms)


@strawberry.input(description="A value to configure something with.")
class StaticTermsInput:
    """See `billing.entitlements.StaticTerms`."""

    value: JSON = field(STATIC)


@strawberry.input(description="Units, and what becomes of them at each reset.")
class MeteredTermsInput:
    """See `billing.entitlements.MeteredTerms`."""

    issue_after_reset: Decimal | None = field(ISSUE, default=None)
    usage_period: BillingInterval | None = field(PERIOD, default=None)
    is_soft_limit: bool = field(SOFT, default=False)
    preserve_overage_at_reset: bool = field(PRESERVE, default=False)
    reset_min_rollover: Decimal = field(LEAST, default=Decimal(0))
    reset_max_rollover: Decimal | None = field(MOST, default=Decimal(0))

    def to_terms(self) -> billing.MeteredTerms:
        """Return what was given."""
        return billing.MeteredTerms(
            issue_after_reset=self.issue_after_reset,
            usage_period=self.usage_period,
            is_soft_limit=self.is_soft_limit,
            preserve_overage_at_reset=self.preserve_overage_at_reset,
            reset_min_rollover=self.reset_min_rollover,
            reset_max_rollover=self.reset_max_rollover,
        )


@strawberry.input(one_of=True, description="What an entitlement gives: exactly one of its fields, as the feature is.")
class EntitlementTermsInput:
    """One field for each kind of feature."""

    boolean: Maybe[bool] = field("Access: `true`.")
    static: Maybe[StaticTermsInput] = field("Access with a value.")
    metered: Maybe[MeteredTermsInput] = field("Units.")

    def to_terms(self) -> billing.EntitlementTerms:
        """Return what was given."""
        if self.static is not None:
            return billing.StaticTerms(cast("Any", self.static).value.value)
        if self.metered is not None:
            terms: billing.MeteredTerms = cast("Any", self.metered).value.to_terms()
            return terms
        return billing.BooleanTerms()
