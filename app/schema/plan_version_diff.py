"""What changed between two versions of a plan."""

from typing import Annotated, Any

import strawberry
from strawberry import Info
from strawberry.scalars import JSON

from app import models
from app.billing.access import Scope
from app.billing.catalog.feature_differences import FeatureChangeKind
from app.billing.catalog.price_words import PriceField
from app.billing.catalog.version_differences import PriceChangeKind
from app.context import Context
from app.schema.client_error import names_arguments
from app.schema.declarations import edge, field, value
from app.schema.enums import describe
from app.schema.feature import Feature, PlanFeature
from app.schema.plan_version import PlanVersion
from app.schema.price import Price
from app.services.version_differences import compare_plan_versions

describe(
    PriceChangeKind,
    "What became of a price from one plan version to another.",
    {
        PriceChangeKind.ADDED: "Only the later version holds it, and nothing of the earlier one charged the same.",
        PriceChangeKind.REMOVED: "Only the earlier version holds it, and nothing of the later one charges the same.",
        PriceChangeKind.REPLACED: "Another price charges the same fee, or the same events of the same metric.",
        PriceChangeKind.KEPT: "Both versions hold it.",
    },
)
describe(
    FeatureChangeKind,
    "What became of a feature from one plan version to another.",
    {
        FeatureChangeKind.ADDED: "Only the later version gives it.",
        FeatureChangeKind.REMOVED: "Only the earlier version gives it.",
        FeatureChangeKind.CHANGED: "Both versions give it, on different terms.",
        FeatureChangeKind.KEPT: "Both versions give it on the same terms.",
    },
)
describe(
    PriceField,
    "The fields in which two prices of the same fee or events can differ.",
    {
        PriceField.INVOICE_DISPLAY_NAME: "What invoice lines are called.",
        PriceField.PAYMENT_TERM: "When it is due.",
        PriceField.CURRENCY: "The currency; another one only in a draft that can't be published.",
        PriceField.MODEL: "The kind of pricing model, with all of its parameters.",
        PriceField.UNIT_PRICE: "What a unit costs, of STANDARD.",
        PriceField.MIN_PRICE: "The least price of a unit, of DYNAMIC.",
        PriceField.MAX_PRICE: "The greatest price of a unit, of DYNAMIC.",
        PriceField.UNIT_PRICE_PROPERTY: "Where events carry the price of their units, of DYNAMIC.",
        PriceField.PERCENTAGE: "The share that is charged, of PERCENTAGE.",
        PriceField.FIXED_CHARGE: "What is charged besides the share, of PERCENTAGE.",
        PriceField.MIN_CHARGE: "The least charge, of PERCENTAGE.",
        PriceField.MAX_CHARGE: "The greatest charge, of PERCENTAGE.",
        PriceField.CHARGE_SCOPE: "Whether each event or the period is charged, of PERCENTAGE.",
        PriceField.TIERS: "The tiers of VOLUME and GRADUATED.",
        PriceField.PACKAGE_SIZE: "How many units a package has, of PACKAGE.",
        PriceField.PACKAGE_PRICE: "What a package costs, of PACKAGE.",
        PriceField.FREE_UNITS: "How many units are free, of PACKAGE.",
        PriceField.QUANTITY: "How many of a fee are charged.",
        PriceField.CADENCE: "How often it is charged.",
        PriceField.IS_OBLIGATION: "Whether a fee is owed for whole periods only.",
        PriceField.PERIOD_MINIMUM: "The least that it charges in a period.",
        PriceField.PERIOD_MAXIMUM: "The most that it charges in a period.",
    },
)


@value("A field in which a price differs from the one that it replaces.", Scope.CATALOG_READ)
class PlanVersionFieldChange:
    """Resolvers return `billing.catalog.version_differences.PriceFieldChange`."""

    name: PriceField = field("The field. Example: `UNIT_PRICE`.", of="name", name="field")
    before: JSON | None = field(
        'What it said, as a catalog document writes it; null where it said nothing. Example: `"0.00002"`.'
    )
    after: JSON | None = field(
        'What it says, as a catalog document writes it; null where it says nothing. Example: `"0.00001"`.'
    )
    sentence: str = field("The same for people. Example: `The unit price changes from 0.00002 USD to 0.00001 USD.`")


@value("What became of one price.", Scope.CATALOG_READ)
class PlanVersionPriceChange:
    """Resolvers return `billing.catalog.version_differences.PriceChange`."""

    kind: PriceChangeKind = field("What became of it. Example: `REPLACED`.")
    before: Price | None = edge(
        "The price of the earlier version; null for one that is added.", models.Price, "before_id"
    )
    after: Price | None = edge(
        "The price of the later version; null for one that is removed.", models.Price, "after_id"
    )
    fields: list[PlanVersionFieldChange] = field(
        "In what a price differs from the one that it replaces; empty for all else."
    )
    sentence: str = field('The same for people. Example: `"Setup" is added.`')


@value("What became of one feature.", Scope.CATALOG_READ)
class PlanVersionFeatureChange:
    """Resolvers return `services.version_differences.PlanVersionFeatureChange`."""

    kind: FeatureChangeKind = field("What became of it. Example: `CHANGED`.")
    feature: Feature = edge("The feature.", models.Feature, "feature_id")
    before: PlanFeature | None = field("What the earlier version gives of it; null for one that is added.")
    after: PlanFeature | None = field("What the later version gives of it; null for one that is removed.")
    sentence: str = field('The same for people. Example: `"Single sign-on" is given: access.`')


@value("What changed between two versions of a plan.", Scope.CATALOG_READ)
class PlanVersionDiff:
    """Resolvers return `services.version_differences.PlanVersionDiff`."""

    from_version: PlanVersion = field("The version that is compared with.")
    to_version: PlanVersion = field("The version that is compared.")
    changes: list[PlanVersionPriceChange] = field(
        "What became of each price: those of `toVersion` in the order of its invoices, then what it no longer holds."
    )
    features: list[PlanVersionFeatureChange] = field(
        "What became of each feature: those of `toVersion` in its order, then what it no longer gives."
    )
    is_reordered: bool = field("Whether what both hold stands in another order on invoices. Example: `false`.")
    sentence: str = field("All of it in short. Example: `Prices: 1 added, 1 replaced, 3 kept.`")


FromId = Annotated[
    strawberry.ID,
    strawberry.argument(
        description="The id of the version to compare with. Example: `pver_01jz8k7m2q5r9t3v6x0y4b8d1f`."
    ),
]
ToId = Annotated[
    strawberry.ID,
    strawberry.argument(
        description="The id of the version to compare, of the same plan. Example: `pver_01jz8m0c4w7e2h5k9n3s6u1a8z`."
    ),
]


async def resolve_plan_version_diff(info: Info[Context, None], from_id: FromId, to_id: ToId) -> Any:
    """Return what changed between two versions, or say which arguments are wrong."""
    context = info.context
    async with context.sessions.snapshot() as session:
        with names_arguments():
            return await compare_plan_versions(session, context.principal.environment_id, from_id, to_id)
