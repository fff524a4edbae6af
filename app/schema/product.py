"""Products: what is sold."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import strawberry
from strawberry import Maybe
from strawberry.scalars import JSON

from app import models
from app.billing.access import Scope
from app.billing.catalog import ProductDraft
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.declarations import field, noun, value
from app.schema.inputs import ARCHIVED, DESCRIPTION, KEY, METADATA, REFERENCE, changes_of, idempotency_key
from app.schema.node import Node
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.billable_metric import BillableMetric
    from app.schema.fee import Fee
    from app.schema.plan import Plan
    from app.schema.price import Price
    from app.schema.subscription import Subscription


@noun("prod", models.Product, Scope.CATALOG_READ, "What is sold.")
class Product(Node):
    """Rows of `product`."""

    key: str | None = field(KEY)
    name: str = field("What it is called. Example: `LLM Inference Engine`.")
    description: str | None = field(DESCRIPTION)
    metadata: JSON = field(METADATA, of="details")
    created_at: datetime = field("When it was created.")
    archived_at: datetime | None = field(ARCHIVED)
    billable_metrics: Connection[Annotated["BillableMetric", strawberry.lazy("app.schema.billable_metric")]] = (
        connection("How its usage is measured.", Relation(models.BillableMetric, "product_id"))
    )
    fees: Connection[Annotated["Fee", strawberry.lazy("app.schema.fee")]] = connection(
        "What is charged for it without measuring.", Relation(models.Fee, "product_id")
    )
    prices: Connection[Annotated["Price", strawberry.lazy("app.schema.price")]] = connection(
        "What its metrics and fees cost.", Relation(models.Price, "product_id")
    )
    plans: Connection[Annotated["Plan", strawberry.lazy("app.schema.plan")]] = connection(
        "How it is packaged.", Relation(models.Plan, "product_id")
    )
    subscriptions: Connection[Annotated["Subscription", strawberry.lazy("app.schema.subscription")]] = connection(
        "Who uses it.", Relation(models.Subscription, "product_id")
    )


@strawberry.input(description="What makes a product.")
class ProductFields:
    """See `ProductDraft`."""

    key: str | None = field(KEY, default=None)
    name: str = field("What it is called, up to 255 characters. Example: `LLM Inference Engine`.")
    description: str | None = field(DESCRIPTION, default=None)
    metadata: JSON | None = field(METADATA, default=None)

    def to_draft(self) -> ProductDraft:
        """Return what is asked for."""
        metadata = {} if self.metadata is None else cast("dict[str, str]", self.metadata)
        return ProductDraft(key=self.key, name=self.name, description=self.description, metadata=metadata)


@strawberry.input(description="A product to create.")
class ProductCreateInput(ProductFields):
    """See `ProductDraft`."""

    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="What to change of a product; what is left out stays.")
class ProductUpdateInput:
    """See `ProductDraft`."""

    id: strawberry.ID = field(REFERENCE)
    key: Maybe[str | None] = field(KEY)
    name: Maybe[str | None] = field("What it is called, up to 255 characters.")
    description: Maybe[str | None] = field(DESCRIPTION)
    metadata: Maybe[JSON | None] = field(f"Replaces all metadata. {METADATA}")

    def to_changes(self) -> dict[str, Any]:
        """Return what is to be changed."""
        return changes_of(self, "name", "metadata")


@value("The product that was created.")
class ProductCreatePayload(Payload):
    """The answer of `productCreate`."""

    product: Product | None = field("The product.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key made it.", default=False)


@value("The product as it is now.")
class ProductUpdatePayload(Payload):
    """The answer of `productUpdate`."""

    product: Product | None = field("The product.", default=None)
