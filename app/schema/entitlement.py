"""Entitlements: what customers may use, and the grants of units under them."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, cast

import strawberry
from strawberry.scalars import JSON

from app import models
from app.billing.access import Scope
from app.billing.catalog.features import EntitlementDraft, GrantDraft, PurchaseDraft
from app.billing.entitlements import DEFAULT_PRIORITY
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.declarations import batched, edge, field, noun, value
from app.schema.entitlement_balance import BalanceEntry, EntitlementBalance, balance_by_entitlement, resolve_history
from app.schema.entitlement_terms import EntitlementTerms, EntitlementTermsInput, terms_of
from app.schema.enums import BillingInterval
from app.schema.inputs import METADATA, idempotency_key
from app.schema.node import Node
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.customer import Customer
    from app.schema.feature import Feature
    from app.schema.invoice import Invoice
    from app.schema.subscription import Subscription

PRIORITY = "Which grant is used first: the one with the lowest number, then what expires first. Example: `1`."
EXPIRES = "When what is left of it is gone; null for never. Example: `2027-01-01T00:00:00Z`."
RECURRENCE = "How often it gives its amount again until it expires; null for once. Example: `MONTHLY`."


@noun(
    "ent",
    models.Entitlement,
    Scope.ENTITLEMENTS_READ,
    "That a customer may use a feature while it lasts. A subscription gives those of its plan version; others are "
    "issued by hand. Several of one feature share what is used of it.",
)
class Entitlement(Node):
    """Rows of `entitlement`."""

    terms: EntitlementTerms = field("What it gives.", of=terms_of)
    started_at: datetime = field("The first instant it gives access at.")
    ended_at: datetime | None = field("The first instant it no longer does; null while no end is known.")
    anchor_at: datetime = field("From where its usage periods are counted.")
    created_at: datetime = field("When it was made, in the customer's time.")
    balance: EntitlementBalance | None = batched(
        "What is left of its units now; null for what is not metered.", balance_by_entitlement
    )
    balance_history: list[BalanceEntry] = field(
        "Every grant, use, reset, rollover and expiry of a span, oldest first; nothing for what is not metered. The "
        "changes add up to the balance.",
        resolver=resolve_history,
    )
    customer: Annotated["Customer", strawberry.lazy("app.schema.customer")] = edge(
        "Who may use the feature.", models.Customer, "customer_id"
    )
    feature: Annotated["Feature", strawberry.lazy("app.schema.feature")] = edge(
        "The feature.", models.Feature, "feature_id"
    )
    subscription: Annotated["Subscription", strawberry.lazy("app.schema.subscription")] | None = edge(
        "What gives it; null for one issued by hand.", models.Subscription, "subscription_id"
    )
    grants: Connection[Annotated["Grant", strawberry.lazy("app.schema.entitlement")]] = connection(
        "The units that were given under it, besides those it gives itself.", Relation(models.Grant, "entitlement_id")
    )


@noun("grt", models.Grant, Scope.ENTITLEMENTS_READ, "Units that were given under a metered entitlement.")
class Grant(Node):
    """Rows of `entitlement_grant`."""

    amount: Decimal = field('How many units it gives, each time. Example: `"500"`.')
    priority: int = field(PRIORITY)
    effective_at: datetime | None = field(
        "From when on its units can be used; null while the invoice they were bought on is not paid."
    )
    expires_at: datetime | None = field(EXPIRES)
    recurrence: BillingInterval | None = field(RECURRENCE)
    voided_at: datetime | None = field("When what was left of it was taken back; null unless it was.")
    metadata: JSON = field(METADATA, of="details")
    created_at: datetime = field("When it was made, in the customer's time.")
    entitlement: Entitlement = edge("What it was given under.", models.Entitlement, "entitlement_id")
    invoice: Annotated["Invoice", strawberry.lazy("app.schema.invoice")] | None = edge(
        "What it was bought on; null for what was given.", models.Invoice, "invoice_id"
    )


@strawberry.input(description="An entitlement to issue by hand, whatever the customer subscribes to.")
class EntitlementCreateInput:
    """See `EntitlementDraft`."""

    customer_id: strawberry.ID = field("The id of the customer.")
    feature_id: strawberry.ID = field("The id or key of the feature. Example: `api-calls`.")
    terms: EntitlementTermsInput = field("What it gives.")
    starts_at: datetime | None = field(
        "Up to 12 months back or 2 years ahead; null for now. Its usage periods are counted from there. "
        "Example: `2026-08-01T00:00:00Z`.",
        default=None,
    )
    ends_at: datetime | None = field("Null for no end. Example: `2027-08-01T00:00:00Z`.", default=None)
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> EntitlementDraft:
        """Return what is asked for."""
        return EntitlementDraft(
            customer=self.customer_id,
            feature=self.feature_id,
            terms=self.terms.to_terms(),
            starts_at=self.starts_at,
            ends_at=self.ends_at,
        )


@strawberry.input(description="An entitlement to end that was issued by hand.")
class EntitlementEndInput:
    """See `services.entitlements.end_entitlement`."""

    id: strawberry.ID = field("The id of the entitlement.")
    ends_at: datetime | None = field("Null for now. Example: `2027-08-01T00:00:00Z`.", default=None)


@strawberry.input(description="Units to give under a metered entitlement.")
class GrantCreateInput:
    """See `GrantDraft`."""

    entitlement_id: strawberry.ID = field("The id of the entitlement.")
    amount: Decimal = field('How many units, above zero. Example: `"500"`.')
    effective_at: datetime | None = field(
        "From when on they can be used, back to the entitlement's start or ahead; null for now. What was used since "
        "then is taken out of them. Example: `2026-08-01T00:00:00Z`.",
        default=None,
    )
    expires_at: datetime | None = field(EXPIRES, default=None)
    priority: int = field(f"{PRIORITY} 0 to 255.", default=DEFAULT_PRIORITY)
    recurrence: BillingInterval | None = field(RECURRENCE, default=None)
    metadata: JSON | None = field(METADATA, default=None)
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> GrantDraft:
        """Return what is asked for."""
        return GrantDraft(
            entitlement=self.entitlement_id,
            amount=self.amount,
            effective_at=self.effective_at,
            expires_at=self.expires_at,
            priority=self.priority,
            recurrence=self.recurrence,
            metadata={} if self.metadata is None else cast("dict[str, str]", self.metadata),
        )


@strawberry.input(description="Units to sell under a metered entitlement that a running subscription gives.")
class GrantPurchaseInput:
    """See `PurchaseDraft`."""

    entitlement_id: strawberry.ID = field("The id of the entitlement.")
    amount: Decimal = field('How many units, above zero. Example: `"500"`.')
    price: Decimal = field(
        'What all of them cost together, in major units of the subscription\'s currency. Example: `"20.00"`.'
    )
    description: str | None = field(
        "What the invoice says, up to 255 characters; null for the units and the feature. Example: `500 API calls`.",
        default=None,
    )
    expires_at: datetime | None = field(EXPIRES, default=None)
    priority: int = field(f"{PRIORITY} 0 to 255.", default=DEFAULT_PRIORITY)
    metadata: JSON | None = field(METADATA, default=None)
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> PurchaseDraft:
        """Return what is asked for."""
        return PurchaseDraft(
            entitlement=self.entitlement_id,
            amount=self.amount,
            price=self.price,
            description=self.description,
            expires_at=self.expires_at,
            priority=self.priority,
            metadata={} if self.metadata is None else cast("dict[str, str]", self.metadata),
        )


@strawberry.input(description="A grant to take back, as far as it is left.")
class GrantVoidInput:
    """See `services.entitlements.void_grant`."""

    id: strawberry.ID = field("The id of the grant.")


@value("The entitlement that was issued.")
class EntitlementCreatePayload(Payload):
    """The answer of `entitlementCreate`."""

    entitlement: Entitlement | None = field("The entitlement.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key issued it.", default=False)


@value("The entitlement as it is now.")
class EntitlementEndPayload(Payload):
    """The answer of `entitlementEnd`."""

    entitlement: Entitlement | None = field("The entitlement.", default=None)


@value("The units that were given.")
class GrantCreatePayload(Payload):
    """The answer of `grantCreate`."""

    grant: Grant | None = field("The grant.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key gave them.", default=False)


@value("The units that were sold.")
class GrantPurchasePayload(Payload):
    """The answer of `grantPurchase`."""

    grant: Grant | None = field("The grant.", default=None)
    invoice: Annotated["Invoice", strawberry.lazy("app.schema.invoice")] | None = field(
        "The invoice, due now. The units are there once it is paid.", default=None
    )
    replayed: bool = field("Whether an earlier call with this idempotency key sold them.", default=False)


@value("The grant as it is now.")
class GrantVoidPayload(Payload):
    """The answer of `grantVoid`."""

    grant: Grant | None = field("The grant.", default=None)
