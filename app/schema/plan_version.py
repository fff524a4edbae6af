"""Plan versions: the prices a plan had at one time, and drafts of those it will have."""

from collections.abc import Awaitable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from app import models
from app.billing.access import Scope
from app.billing.catalog.plans import PlanVersionDraft, PublicationDraft
from app.context import Context
from app.loaders.pages import Relation
from app.loaders.plan_versions import features_by_plan_version, prices_by_plan_version
from app.schema.connections import Connection, connection
from app.schema.declarations import batched, edge, field, followed, noun, value
from app.schema.feature import FEATURES, PlanFeature, PlanFeatureInput, plan_features_of
from app.schema.inputs import idempotency_key
from app.schema.node import Node
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.plan import Plan
    from app.schema.price import Price
    from app.schema.subscription import Subscription

DRAFT = "The id of a draft. Example: `pver_01jz8k7m2q5r9t3v6x0y4b8d1f`."
PRICES = 'The ids or keys of 1 to 100 prices, in the order of invoices. Example: `["output-tokens-2026"]`.'


def _plan(root: Any, context: Context) -> Awaitable[Any]:
    return context.loaders.linked(models.Plan).load(root.plan_id)


def _is_default(root: Any, plan: Any) -> bool:
    return bool(plan.default_number == root.number)


@noun(
    "pver",
    models.PlanVersion,
    Scope.CATALOG_READ,
    "The set of prices a plan had at one time. A published version never changes; a draft is one that is prepared.",
)
class PlanVersion(Node):
    """Rows of `plan_version`."""

    number: int = field("Its place among the versions of its plan, from 1. Example: `2`.")
    published_at: datetime | None = field(
        "When it was published; null for a draft, which nobody can subscribe to. Example: `2026-08-01T00:00:00Z`."
    )
    is_default: bool = followed("Whether new subscriptions to its plan get it. Example: `true`.", _plan, _is_default)
    created_at: datetime = field("When it was created.")
    plan: Annotated["Plan", strawberry.lazy("app.schema.plan")] = edge(
        "The plan it is a version of.", models.Plan, "plan_id"
    )
    prices: list[Annotated["Price", strawberry.lazy("app.schema.price")]] = batched(
        "Its prices, at most 100, in the order of its invoices.", prices_by_plan_version
    )
    features: list[PlanFeature] = batched(FEATURES, features_by_plan_version)
    subscriptions: Connection[Annotated["Subscription", strawberry.lazy("app.schema.subscription")]] = connection(
        "Who subscribes to it.", Relation(models.Subscription, "plan_version_id")
    )


@strawberry.input(description="A draft of a plan's next version. A plan may have several.")
class PlanVersionCreateInput:
    """See `PlanVersionDraft`."""

    plan_id: strawberry.ID = field("The id or key of the plan. Example: `pro`.")
    price_ids: list[strawberry.ID] = field(PRICES)
    features: list[PlanFeatureInput] | None = field(
        f"{FEATURES} Null for those of the plan's default version.", default=None
    )
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> PlanVersionDraft:
        """Return what is asked for."""
        features = plan_features_of(self.features)
        return PlanVersionDraft(plan=self.plan_id, prices=tuple(self.price_ids), features=features)


@strawberry.input(description="The prices that a draft of a plan version is to hold, in place of those it holds.")
class PlanVersionUpdateInput:
    """See `services.plan_versions.update_plan_version`."""

    plan_version_id: strawberry.ID = field(DRAFT)
    price_ids: list[strawberry.ID] = field(PRICES)
    features: list[PlanFeatureInput] | None = field(f"{FEATURES} Null for those it gives already.", default=None)


@strawberry.input(description="A draft of a plan version to delete.")
class PlanVersionDeleteInput:
    """See `services.plan_versions.delete_plan_version`."""

    plan_version_id: strawberry.ID = field(DRAFT)


@strawberry.input(description="A draft of a plan version to publish: from then on it never changes.")
class PlanVersionPublishInput:
    """See `PublicationDraft`."""

    plan_version_id: strawberry.ID = field(DRAFT)
    make_default: bool = field(
        "Whether new subscriptions get it from now on. Those that are there keep theirs. Example: `true`.", default=True
    )
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> PublicationDraft:
        """Return what is asked for."""
        return PublicationDraft(plan_version=self.plan_version_id, make_default=self.make_default)


@strawberry.input(description="A published plan version that new subscriptions are to get, an earlier one too.")
class PlanVersionMakeDefaultInput:
    """See `services.plan_versions.make_plan_version_default`."""

    plan_version_id: strawberry.ID = field("The id of a published version. Example: `pver_01jz8k7m2q5r9t3v6x0y4b8d1f`.")


@value("The draft that was created.")
class PlanVersionCreatePayload(Payload):
    """The answer of `planVersionCreate`."""

    plan_version: PlanVersion | None = field("The draft; null on a repeat after it was deleted.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key made it.", default=False)


@value("The draft as it is now.")
class PlanVersionUpdatePayload(Payload):
    """The answer of `planVersionUpdate`."""

    plan_version: PlanVersion | None = field("The draft.", default=None)


@value("What is left of a draft that was deleted.")
class PlanVersionDeletePayload(Payload):
    """The answer of `planVersionDelete`."""

    plan: Annotated["Plan", strawberry.lazy("app.schema.plan")] | None = field(
        "The plan that it was a version of.", default=None
    )


@value("The version, published.")
class PlanVersionPublishPayload(Payload):
    """The answer of `planVersionPublish`."""

    plan_version: PlanVersion | None = field("The version.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key published it.", default=False)


@value("The version that new subscriptions get.")
class PlanVersionMakeDefaultPayload(Payload):
    """The answer of `planVersionMakeDefault`."""

    plan_version: PlanVersion | None = field("The version.", default=None)
