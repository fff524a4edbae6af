"""Plans: how prices are packaged."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Maybe

from app import models
from app.billing.access import Scope
from app.billing.catalog import PlanDraft
from app.loaders.pages import Relation
from app.loaders.plan_versions import default_version_by_plan
from app.schema.connections import Connection, connection
from app.schema.declarations import batched, edge, field, noun, value
from app.schema.enums import BillingInterval, TaxBehavior
from app.schema.feature import FEATURES, PlanFeatureInput, plan_features_of
from app.schema.inputs import ARCHIVED, DESCRIPTION, KEY, NAME, REFERENCE, changes_of, idempotency_key
from app.schema.node import Node
from app.schema.price_terms import BillingAnchor, BillingAnchorInput, anchor_of
from app.schema.scalars import CurrencyCode
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.plan_version import PlanVersion
    from app.schema.product import Product
    from app.schema.subscription import Subscription

BILLING_VERSION = "The rules it is billed by. 1 is Standard Billing, the only one. Example: `1`."

ANCHOR = (
    "The day on which its billing periods begin for all subscribers; null for the day on which each started. "
    "A subscription's first period is then a part of a whole one."
)


@noun("plan", models.Plan, Scope.CATALOG_READ, "What customers subscribe to: a bundle of prices of one product.")
class Plan(Node):
    """Rows of `plan`."""

    key: str | None = field(KEY)
    name: str = field(NAME)
    description: str | None = field(DESCRIPTION)
    billing_interval: BillingInterval = field("How long its billing periods are.")
    currency: CurrencyCode = field("The currency of the plan and of all its prices. Example: `USD`.")
    billing_version: int = field(BILLING_VERSION)
    billing_anchor: BillingAnchor | None = field(ANCHOR, of=anchor_of)
    tax_behavior: TaxBehavior = field("Whether its prices hold the tax.")
    created_at: datetime = field("When it was created.")
    archived_at: datetime | None = field(ARCHIVED)
    product: Annotated["Product", strawberry.lazy("app.schema.product")] = edge(
        "What it sells.", models.Product, "product_id"
    )
    versions: Connection[Annotated["PlanVersion", strawberry.lazy("app.schema.plan_version")]] = connection(
        "The sets of prices it has had, and drafts of those it will have.", Relation(models.PlanVersion, "plan_id")
    )
    default_version: Annotated["PlanVersion", strawberry.lazy("app.schema.plan_version")] = batched(
        "The version that new subscriptions get.", default_version_by_plan
    )
    subscriptions: Connection[Annotated["Subscription", strawberry.lazy("app.schema.subscription")]] = connection(
        "Who subscribes to it.", Relation(models.Subscription, "plan_id")
    )


@strawberry.input(description="What makes a plan.")
class PlanFields:
    """See `PlanDraft`."""

    key: str | None = field(KEY, default=None)
    product_id: strawberry.ID = field("The id or key of the product it sells.")
    name: str = field("What it is called, up to 255 characters. Example: `Pro`.")
    description: str | None = field(DESCRIPTION, default=None)
    billing_interval: BillingInterval = field("How long its billing periods are. Example: `MONTHLY`.")
    currency: CurrencyCode | None = field("Null means the merchant's default currency. Example: `USD`.", default=None)
    billing_version: int = field(BILLING_VERSION, default=1)
    billing_anchor: BillingAnchorInput | None = field(ANCHOR, default=None)
    tax_behavior: TaxBehavior = field(
        "Whether its prices hold the tax. Example: `EXCLUSIVE`.", default=TaxBehavior.EXCLUSIVE
    )
    price_ids: list[strawberry.ID] = field("The ids or keys of 1 to 100 prices, in the order of its invoices.")
    features: list[PlanFeatureInput] | None = field(
        f"{FEATURES} Null for none; in a document of the catalog, for those that a plan which is there gives already.",
        default=None,
    )

    def to_draft(self) -> PlanDraft:
        """Return what is asked for."""
        return PlanDraft(
            features=plan_features_of(self.features) or (),
            key=self.key,
            product=self.product_id,
            name=self.name,
            description=self.description,
            billing_interval=self.billing_interval,
            currency=self.currency,
            billing_version=self.billing_version,
            billing_anchor=self.billing_anchor.to_anchor() if self.billing_anchor else None,
            tax_behavior=self.tax_behavior,
            prices=tuple(self.price_ids),
        )


@strawberry.input(description="A plan to create, with its first version.")
class PlanCreateInput(PlanFields):
    """See `PlanDraft`."""

    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="What to change of a plan; what is left out stays.")
class PlanUpdateInput:
    """See `PlanDraft`."""

    id: strawberry.ID = field(REFERENCE)
    key: Maybe[str | None] = field(KEY)
    name: Maybe[str | None] = field("What it is called, up to 255 characters.")
    description: Maybe[str | None] = field(DESCRIPTION)

    def to_changes(self) -> dict[str, Any]:
        """Return what is to be changed."""
        return changes_of(self, "name")


@value("The plan that was created.")
class PlanCreatePayload(Payload):
    """The answer of `planCreate`."""

    plan: Plan | None = field("The plan.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key made it.", default=False)


@value("The plan as it is now.")
class PlanUpdatePayload(Payload):
    """The answer of `planUpdate`."""

    plan: Plan | None = field("The plan.", default=None)
