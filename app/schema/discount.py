"""Discounts: what is taken off."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Maybe

from app import models
from app.billing import money as billing
from app.billing.access import Scope
from app.billing.catalog.discounts import DiscountDraft
from app.schema.declarations import edge, field, noun, value
from app.schema.inputs import idempotency_key
from app.schema.money import Money
from app.schema.node import Node
from app.schema.scalars import CurrencyCode
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.customer import Customer
    from app.schema.subscription import Subscription

NAME = "What it is called on invoices. Example: `Launch`."
PERCENTAGE = 'The share of 1 it takes: 0.1 is 10 %. Example: `"0.1"`.'
STARTS = "It takes from lines whose period begins at this instant or later."
ENDS = "It takes from no line whose period begins at this instant or later; null for no end."


@noun(
    "disc",
    models.Discount,
    Scope.BILLING_READ,
    "A percentage or an amount off each invoice of a customer, or of one of its subscriptions. A subscription's "
    "discounts are taken first, then its customer's, each in the order in which they were made and of what is left.",
)
class Discount(Node):
    """Rows of `discount`."""

    name: str = field(NAME)
    percentage: Decimal | None = field(f"{PERCENTAGE} Null for an amount.")
    amount: Money | None = field(
        "What it takes off each invoice in its currency; null for a percentage.",
        of=lambda row: None if row.amount_minor is None else billing.Money(row.amount_minor, row.currency),
    )
    starts_at: datetime = field(STARTS)
    ends_at: datetime | None = field(ENDS)
    created_at: datetime = field("When it was made, in the customer's time.")
    customer: Annotated["Customer", strawberry.lazy("app.schema.customer")] = edge(
        "Whose invoices it takes from.", models.Customer, "customer_id"
    )
    subscription: Annotated["Subscription", strawberry.lazy("app.schema.subscription")] | None = edge(
        "The only subscription it takes from; null for all of the customer's.", models.Subscription, "subscription_id"
    )


@strawberry.input(description="What makes a discount: a percentage or an amount.")
class DiscountFields:
    """See `DiscountDraft`."""

    name: str = field(f"{NAME} Up to 255 characters.")
    percentage: Decimal | None = field(f"{PERCENTAGE} Or give `amount`.", default=None)
    amount: Decimal | None = field(
        'What it takes off each invoice, in major units. Or give `percentage`. Example: `"5.00"`.', default=None
    )
    currency: CurrencyCode | None = field(
        "That of the amount; null for the subscription's, or else the merchant's. Example: `USD`.", default=None
    )
    starts_at: datetime | None = field(f"{STARTS} Null for now. Example: `2026-01-01T00:00:00Z`.", default=None)
    ends_at: datetime | None = field(f"{ENDS} Example: `2026-04-01T00:00:00Z`.", default=None)

    def to_draft(self) -> DiscountDraft:
        """Return what is asked for."""
        return DiscountDraft(
            name=self.name,
            percentage=self.percentage,
            amount=self.amount,
            currency=self.currency,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
        )


@strawberry.input(description="A discount that a subscription begins with.")
class SubscriptionDiscountInput(DiscountFields):
    """See `DiscountDraft`."""


@strawberry.input(one_of=True, description="Whose invoices a discount takes from: exactly one of its fields.")
class DiscountTargetInput:
    """See `services.discounts`."""

    customer_id: Maybe[strawberry.ID] = field("The id of a customer: all of its subscriptions.")
    subscription_id: Maybe[strawberry.ID] = field("The id of one subscription.")


@strawberry.input(description="A discount to give. Issued invoices never change.")
class DiscountCreateInput(DiscountFields):
    """See `DiscountDraft`."""

    target: DiscountTargetInput = field("Whose invoices it takes from.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="A discount to end. Issued invoices never change.")
class DiscountEndInput:
    """See `services.discounts.end_discount`."""

    id: strawberry.ID = field("The id of the discount.")
    ends_at: datetime | None = field(
        "It takes from no line whose period begins at this instant or later; null for now. "
        "Example: `2026-04-01T00:00:00Z`.",
        default=None,
    )


@value("The discount that was given.")
class DiscountCreatePayload(Payload):
    """The answer of `discountCreate`."""

    discount: Discount | None = field("The discount.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key gave it.", default=False)


@value("The discount as it is now.")
class DiscountEndPayload(Payload):
    """The answer of `discountEnd`."""

    discount: Discount | None = field("The discount.", default=None)


def target_of(asked: Any) -> tuple[str | None, str | None]:
    """Return the ids of the customer and of the subscription of a target, one of which is given."""
    customer, subscription = asked.target.customer_id, asked.target.subscription_id
    return (customer.value if customer else None), (subscription.value if subscription else None)
