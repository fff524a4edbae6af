"""Customer tokens: what a browser may show one customer with."""

from datetime import datetime

import strawberry

from app import models
from app.billing.access import Scope
from app.billing.catalog.customer_tokens import DEFAULT_TTL, CustomerTokenDraft, CustomerTokenTarget
from app.schema.customer import Customer
from app.schema.declarations import edge, field, value
from app.schema.inputs import idempotency_key
from app.schema.user_errors import Payload


@value(
    "A bearer secret for browsers: it reads what concerns one customer, in one environment, until it expires.",
    access=Scope.CUSTOMERS_READ,
)
class CustomerToken:
    """Rows of `customer_token`."""

    id: strawberry.ID = field("What it is revoked by. Example: `ctok_06bq2m7v1s9e4k8x0t3y5z7w2c`.")
    created_at: datetime = field("When it was made. Example: `2026-08-01T12:00:00Z`.")
    expires_at: datetime = field("From when on it is refused. Example: `2026-08-01T12:15:00Z`.")
    revoked_at: datetime | None = field("When it was revoked; null while it was not.")
    customer: Customer = edge("Whom it shows.", models.Customer, "customer_id")


@strawberry.input(description="A customer token to make.")
class CustomerTokenCreateInput:
    """See `CustomerTokenDraft`."""

    customer_id: strawberry.ID = field("The id of the customer who is to see its own data.")
    ttl: int = field("For how many seconds it works, 60 to 86,400. Example: `900`.", default=DEFAULT_TTL)
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> CustomerTokenDraft:
        """Return what is asked for."""
        return CustomerTokenDraft(customer=self.customer_id, ttl=self.ttl)


@strawberry.input(description="Customer tokens to revoke: one of them, or all of a customer.")
class CustomerTokenRevokeInput:
    """See `CustomerTokenTarget`."""

    id: strawberry.ID | None = field("The id of the token, or give `customerId`.", default=None)
    customer_id: strawberry.ID | None = field("The id of the customer all of whose tokens end.", default=None)

    def to_target(self) -> CustomerTokenTarget:
        """Return what is meant."""
        return CustomerTokenTarget(token=self.id, customer=self.customer_id)


@value("The customer token that was made.")
class CustomerTokenCreatePayload(Payload):
    """The answer of `customerTokenCreate`."""

    customer_token: CustomerToken | None = field(
        "The token. Null too where it is replayed and expired more than a day ago.", default=None
    )
    secret: str | None = field(
        "What the browser sends as bearer token. Shown only this once: null when replayed.", default=None
    )
    replayed: bool = field("Whether an earlier call with this idempotency key made it.", default=False)


@value("What was revoked.")
class CustomerTokenRevokePayload(Payload):
    """The answer of `customerTokenRevoke`."""

    revoked_count: int | None = field(
        "How many tokens were valid until now; null where nothing was done. Example: `1`.", default=None
    )
