"""Plan versions: the prices a plan had at one time."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app import models
from app.billing.access import Scope
from app.loaders.pages import Relation
from app.loaders.plan_versions import prices_by_plan_version
from app.schema.connections import Connection, connection
from app.schema.declarations import batched, edge, field, noun
from app.schema.node import Node

if TYPE_CHECKING:
    from app.schema.plan import Plan
    from app.schema.price import Price
    from app.schema.subscription import Subscription


@noun(
    "pver",
    models.PlanVersion,
    Scope.CATALOG_READ,
    "The set of prices a plan had at one time. A published version never changes.",
)
class PlanVersion(Node):
    """Rows of `plan_version`."""

    number: int = field("Its place among the versions of its plan, from 1.")
    published_at: datetime | None = field("When it was published; null for a draft.")
    created_at: datetime = field("When it was created.")
    plan: Annotated["Plan", strawberry.lazy("app.schema.plan")] = edge(
        "The plan it is a version of.", models.Plan, "plan_id"
    )
    prices: list[Annotated["Price", strawberry.lazy("app.schema.price")]] = batched(
        "Its prices, at most 100, in the order of its invoices.", prices_by_plan_version
    )
    subscriptions: Connection[Annotated["Subscription", strawberry.lazy("app.schema.subscription")]] = connection(
        "Who subscribes to it.", Relation(models.Subscription, "plan_version_id")
    )
