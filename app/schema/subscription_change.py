"""How subscriptions change: what they go over to, what that would come to, and what it came to."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Info

from app import models
from app.billing import money as billing
from app.billing.access import Scope
from app.billing.catalog.changes import ChangeDraft
from app.billing.catalog.customers import FeeQuantity
from app.context import Context
from app.schema.client_error import names_arguments
from app.schema.declarations import edge, field, noun, value
from app.schema.discount import SubscriptionDiscountInput
from app.schema.enums import BillingInterval, ChangeStatus, ChangeTime
from app.schema.fee_quantity import FeeQuantityInput
from app.schema.inputs import idempotency_key
from app.schema.invoice import Invoice
from app.schema.money import Money
from app.schema.node import Node
from app.schema.upcoming_invoice import UpcomingInvoice
from app.schema.user_errors import Payload
from app.services.change_previews import preview_change

if TYPE_CHECKING:
    from app.schema.credit_note import CreditNote
    from app.schema.plan import Plan
    from app.schema.plan_version import PlanVersion
    from app.schema.subscription import Subscription


@noun("chg", models.SubscriptionChange, Scope.BILLING_READ, "That a subscription goes over to other terms.")
class SubscriptionChange(Node):
    """Rows of `subscription_change`."""

    status: ChangeStatus = field("Where it stands.")
    effective_at: datetime = field("When it took effect, or will.")
    billing_interval: BillingInterval = field("How long billing periods are from then on.")
    created_at: datetime = field("When it was asked for, in the customer's time.")
    subscription: Annotated["Subscription", strawberry.lazy("app.schema.subscription")] = edge(
        "What changes.", models.Subscription, "subscription_id"
    )
    plan: Annotated["Plan", strawberry.lazy("app.schema.plan")] = edge(
        "The plan it goes over to.", models.Plan, "plan_id"
    )
    plan_version: Annotated["PlanVersion", strawberry.lazy("app.schema.plan_version")] = edge(
        "The version it goes over to.", models.PlanVersion, "plan_version_id"
    )
    former_plan_version: Annotated["PlanVersion", strawberry.lazy("app.schema.plan_version")] = edge(
        "The version it had when the change was asked for.", models.PlanVersion, "former_plan_version_id"
    )
    invoice: Invoice | None = edge(
        "What it charged at once; null where that is nothing, and where it takes effect with a period.",
        models.Invoice,
        "invoice_id",
    )


PLAN = "The id or key of the plan to go over to: its default version."
VERSION = "The id of the plan version to go over to, in place of `planId`; null for both to keep the version."
QUANTITIES = "How many of which fees from then on; what is not named stays as it is, where the version has it."
DISCOUNTS = "Discounts to add to the subscription, at most 20; only where it changes now."
AT = "When it takes effect."


@strawberry.input(
    description="A change of a subscription: of its plan, its version, its quantities. A change that was to come is "
    "canceled. One to another version than the default makes it PINNED."
)
class SubscriptionChangeInput:
    """See `ChangeDraft`."""

    subscription_id: strawberry.ID = field("The id of the subscription.")
    plan_id: strawberry.ID | None = field(PLAN, default=None)
    plan_version_id: strawberry.ID | None = field(VERSION, default=None)
    quantities: list[FeeQuantityInput] | None = field(QUANTITIES, default=None)
    discounts: list[SubscriptionDiscountInput] | None = field(DISCOUNTS, default=None)
    at: ChangeTime = field(AT, default=ChangeTime.NOW)
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> ChangeDraft:
        """Return what is asked for."""
        return _draft(
            self.subscription_id, self.plan_id, self.plan_version_id, self.quantities, self.discounts, self.at
        )


def _draft(
    subscription_id: str,
    plan_id: str | None,
    plan_version_id: str | None,
    quantities: list[FeeQuantityInput] | None,
    discounts: list[SubscriptionDiscountInput] | None,
    at: ChangeTime,
) -> ChangeDraft:
    return ChangeDraft(
        subscription=subscription_id,
        plan=plan_id,
        plan_version=plan_version_id,
        quantities=tuple(FeeQuantity(item.price_id, item.quantity) for item in quantities or ()),
        discounts=tuple(item.to_draft() for item in discounts or ()),
        at=at,
    )


@value("The change, and what it charged and gave back.")
class SubscriptionChangePayload(Payload):
    """The answer of `subscriptionChange`."""

    change: SubscriptionChange | None = field("The change.", default=None)
    subscription: Annotated["Subscription", strawberry.lazy("app.schema.subscription")] | None = field(
        "The subscription as it is now.", default=None
    )
    invoice: Invoice | None = field("What is charged at once; null where that is nothing.", default=None)
    credit_notes: list[Annotated["CreditNote", strawberry.lazy("app.schema.credit_note")]] = field(
        "What was given back of what had been charged in advance.", default_factory=list
    )
    replayed: bool = field("Whether an earlier call with this idempotency key made it.", default=False)


@strawberry.input(description="A change that is not to come.")
class SubscriptionChangeCancelInput:
    """Its subscription's id."""

    subscription_id: strawberry.ID = field("The id of the subscription.")


@value("The subscription that goes on as it is.")
class SubscriptionChangeCancelPayload(Payload):
    """The answer of `subscriptionChangeCancel`."""

    subscription: Annotated["Subscription", strawberry.lazy("app.schema.subscription")] | None = field(
        "The subscription.", default=None
    )


def _money(column: str) -> Callable[[Any], billing.Money]:
    return lambda row: billing.Money(getattr(row, column), row.currency)


@value("What a change would give back of an invoice.")
class ChangeCredit:
    """Resolvers return `services.change_previews.CreditPreview`."""

    invoice: Invoice = edge("The invoice. One that is a draft would charge as much less.", models.Invoice, "invoice_id")
    total: Money = field("How much, with its share of discounts and tax.", of=_money("total_minor"))
    reduces_due: Money = field("What of it reduces what is due on the invoice.", of=_money("reduces_due_minor"))
    to_credit: Money = field("What of it becomes the customer's credit.", of=_money("to_credit_minor"))


@value("What a change would come to, if it were made at once. It is computed as the change is, and nothing is written.")
class SubscriptionChangePreview:
    """Resolvers return `services.change_previews.ChangePreview`."""

    effective_at: datetime = field("When it would take effect.")
    credits: list[ChangeCredit] = field("What would be given back, invoice by invoice, the oldest first.")
    invoice: UpcomingInvoice | None = field("What would be charged at once; null where that is nothing.")
    credit_applied: Money = field("What of that the customer's credit would pay.", of=_money("credit_applied_minor"))
    amount_due: Money = field("What would be left to pay at once.", of=_money("due_minor"))
    next_invoice: UpcomingInvoice | None = field(
        "The invoice that would follow: that of the next boundary, or of the arrears until now where periods begin "
        "anew; null where there is nothing to bill."
    )


SubscriptionId = Annotated[strawberry.ID, strawberry.argument(description="The id of the subscription.")]
PlanId = Annotated[strawberry.ID | None, strawberry.argument(description=PLAN)]
PlanVersionId = Annotated[strawberry.ID | None, strawberry.argument(description=VERSION)]
Quantities = Annotated[list[FeeQuantityInput] | None, strawberry.argument(description=QUANTITIES)]
Discounts = Annotated[list[SubscriptionDiscountInput] | None, strawberry.argument(description=DISCOUNTS)]
At = Annotated[ChangeTime, strawberry.argument(description=AT)]


async def resolve_change_preview(
    info: Info[Context, None],
    subscription_id: SubscriptionId,
    plan_id: PlanId = None,
    plan_version_id: PlanVersionId = None,
    quantities: Quantities = None,
    discounts: Discounts = None,
    at: At = ChangeTime.NOW,
) -> Any:
    """Return what a change would come to, or say which arguments are wrong."""
    context = info.context
    draft = _draft(subscription_id, plan_id, plan_version_id, quantities, discounts, at)
    async with context.sessions.long_work, context.sessions.snapshot() as session:
        with names_arguments():
            return await preview_change(session, context.principal, context.clock.now(), draft)
