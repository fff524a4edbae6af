"""Fees: what is charged without measuring."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Maybe

from app import models
from app.billing.access import Scope
from app.billing.catalog import FeeDraft
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.declarations import edge, field, noun, value
from app.schema.inputs import ARCHIVED, DESCRIPTION, KEY, REFERENCE, changes_of, idempotency_key
from app.schema.node import Node
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.price import Price
    from app.schema.product import Product


@noun("fee", models.Fee, Scope.CATALOG_READ, "Something charged without measuring it, like a platform fee.")
class Fee(Node):
    """Rows of `fee`."""

    key: str | None = field(KEY)
    name: str = field("What it is called. Example: `Platform fee`.")
    description: str | None = field(DESCRIPTION)
    created_at: datetime = field("When it was created.")
    archived_at: datetime | None = field(ARCHIVED)
    product: Annotated["Product", strawberry.lazy("app.schema.product")] = edge(
        "What it is charged for.", models.Product, "product_id"
    )
    prices: Connection[Annotated["Price", strawberry.lazy("app.schema.price")]] = connection(
        "What it costs.", Relation(models.Price, "fee_id")
    )


@strawberry.input(description="What makes a fee.")
class FeeFields:
    """See `FeeDraft`."""

    key: str | None = field(KEY, default=None)
    product_id: strawberry.ID = field("The id or key of the product it is charged for.")
    name: str = field("What it is called, up to 255 characters. Example: `Platform fee`.")
    description: str | None = field(DESCRIPTION, default=None)

    def to_draft(self) -> FeeDraft:
        """Return what is asked for."""
        return FeeDraft(key=self.key, product=self.product_id, name=self.name, description=self.description)


@strawberry.input(description="A fee to create.")
class FeeCreateInput(FeeFields):
    """See `FeeDraft`."""

    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="What to change of a fee; what is left out stays.")
class FeeUpdateInput:
    """See `FeeDraft`."""

    id: strawberry.ID = field(REFERENCE)
    key: Maybe[str | None] = field(KEY)
    name: Maybe[str | None] = field("What it is called, up to 255 characters.")
    description: Maybe[str | None] = field(DESCRIPTION)

    def to_changes(self) -> dict[str, Any]:
        """Return what is to be changed."""
        return changes_of(self, "name")


@value("The fee that was created.")
class FeeCreatePayload(Payload):
    """The answer of `feeCreate`."""

    fee: Fee | None = field("The fee.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key made it.", default=False)


@value("The fee as it is now.")
class FeeUpdatePayload(Payload):
    """The answer of `feeUpdate`."""

    fee: Fee | None = field("The fee.", default=None)
