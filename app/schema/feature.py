"""Features: what plans give access to, and what plan versions give of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import strawberry
from strawberry import Maybe
from strawberry.scalars import JSON

from app import models
from app.billing.access import Scope
from app.billing.catalog.features import FeatureDraft, PlanFeatureDraft
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.declarations import edge, field, noun, value
from app.schema.entitlement_terms import EntitlementTerms, EntitlementTermsInput, terms_of
from app.schema.feature_kind import FeatureKind
from app.schema.inputs import ARCHIVED, DESCRIPTION, METADATA, REFERENCE, changes_of, idempotency_key
from app.schema.node import Node
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.billable_metric import BillableMetric
    from app.schema.entitlement import Entitlement
    from app.schema.price import Price
    from app.schema.product import Product

FEATURE_KEY = "What programs ask for, unique in its environment. Example: `api-calls`."
FEATURES = "The entitlements that each subscriber gets, at most 100."


@noun("feat", models.Feature, Scope.CATALOG_READ, "Something a customer may use, by a plan or by hand.")
class Feature(Node):
    """Rows of `feature`."""

    key: str = field(FEATURE_KEY)
    name: str = field("What it is called. Example: `API calls`.")
    description: str | None = field(DESCRIPTION)
    kind: FeatureKind = field("What it gives.")
    metadata: JSON = field(METADATA, of="details")
    created_at: datetime = field("When it was created.")
    archived_at: datetime | None = field(ARCHIVED)
    product: Annotated["Product", strawberry.lazy("app.schema.product")] = edge(
        "What it belongs to.", models.Product, "product_id"
    )
    billable_metric: Annotated["BillableMetric", strawberry.lazy("app.schema.billable_metric")] | None = edge(
        "What measures its units; null for what is not metered.", models.BillableMetric, "billable_metric_id"
    )
    entitlements: Connection[Annotated["Entitlement", strawberry.lazy("app.schema.entitlement")]] = connection(
        "Who may use it, or could.", Relation(models.Entitlement, "feature_id")
    )


@value("What a plan version gives of a feature.", access=Scope.CATALOG_READ)
class PlanFeature:
    """Rows of `plan_feature`."""

    terms: EntitlementTerms = field("What each subscriber gets.", of=terms_of)
    feature: Feature = edge("The feature.", models.Feature, "feature_id")
    price: Annotated["Price", strawberry.lazy("app.schema.price")] | None = edge(
        "The price of the version that it comes with; null where it comes with the plan.", models.Price, "price_id"
    )


@strawberry.input(description="What a plan version is to give of a feature.")
class PlanFeatureInput:
    """See `PlanFeatureDraft`."""

    feature_id: strawberry.ID = field("The id or key of the feature. Example: `api-calls`.")
    price_id: strawberry.ID | None = field(
        "The id or key of the price of this version that it comes with; null for the plan itself.", default=None
    )
    terms: EntitlementTermsInput = field("What each subscriber gets.")

    def to_draft(self) -> PlanFeatureDraft:
        """Return what is asked for."""
        return PlanFeatureDraft(feature=self.feature_id, price=self.price_id, terms=self.terms.to_terms())


def plan_features_of(given: Sequence[PlanFeatureInput] | None) -> tuple[PlanFeatureDraft, ...] | None:
    """Return the features of a version as they are asked for; None where nothing is said of them."""
    return None if given is None else tuple(one.to_draft() for one in given)


@strawberry.input(description="A feature to create.")
class FeatureCreateInput:
    """See `FeatureDraft`."""

    key: str = field(FEATURE_KEY)
    product_id: strawberry.ID = field("The id or key of the product it belongs to.")
    name: str = field("What it is called, up to 255 characters. Example: `API calls`.")
    description: str | None = field(DESCRIPTION, default=None)
    kind: FeatureKind = field("What it gives. Example: `METERED`.")
    billable_metric_id: strawberry.ID | None = field(
        "The id or key of the COUNT or SUM metric that measures its units, which no other feature has; null unless it "
        "is metered.",
        default=None,
    )
    metadata: JSON | None = field(METADATA, default=None)
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> FeatureDraft:
        """Return what is asked for."""
        return FeatureDraft(
            key=self.key,
            product=self.product_id,
            name=self.name,
            description=self.description,
            kind=self.kind,
            billable_metric=self.billable_metric_id,
            metadata={} if self.metadata is None else cast("dict[str, str]", self.metadata),
        )


@strawberry.input(description="What to change of a feature; what is left out stays.")
class FeatureUpdateInput:
    """See `FeatureDraft`."""

    id: strawberry.ID = field(REFERENCE)
    key: Maybe[str] = field(FEATURE_KEY)
    name: Maybe[str | None] = field("What it is called, up to 255 characters.")
    description: Maybe[str | None] = field(DESCRIPTION)
    metadata: Maybe[JSON | None] = field(f"Replaces all metadata. {METADATA}")

    def to_changes(self) -> dict[str, Any]:
        """Return what is to be changed."""
        return changes_of(self, "key", "name", "metadata")


@value("The feature that was created.")
class FeatureCreatePayload(Payload):
    """The answer of `featureCreate`."""

    feature: Feature | None = field("The feature.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key made it.", default=False)


@value("The feature as it is now.")
class FeatureUpdatePayload(Payload):
    """The answer of `featureUpdate`."""

    feature: Feature | None = field("The feature.", default=None)
