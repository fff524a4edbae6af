"""Subscriptions: who uses which plan."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from app import models
from app.billing.access import Scope
from app.billing.catalog import SubscriptionDraft
from app.billing.catalog.customers import DEFAULT_PAYMENT_TERM_DAYS, FeeQuantity
from app.loaders.current_period_by_subscription import current_period_by_subscription
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.declarations import COUNTED_UP_TO, batched, edge, field, noun, value
from app.schema.discount import SubscriptionDiscountInput
from app.schema.enums import BillingInterval, SubscriptionStatus, TaxBehavior, TerminationReason, VersionPolicy
from app.schema.fee_quantity import FeeQuantityInput
from app.schema.inputs import idempotency_key
from app.schema.invoice import Invoice
from app.schema.money import Money, Period, money_of
from app.schema.node import Node
from app.schema.scalars import CurrencyCode
from app.schema.subscription_change import SubscriptionChange
from app.schema.upcoming_invoice import (
    UpcomingInvoice,
    resolve_projected,
    upcoming_by_subscription,
    usage_by_subscription,
)
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.billable_metric import BillableMetric
    from app.schema.customer import Customer
    from app.schema.discount import Discount
    from app.schema.plan import Plan
    from app.schema.plan_version import PlanVersion
    from app.schema.price import Price
    from app.schema.product import Product

TERM_DAYS = "How many days after issue its invoices are due, 0 to 365; the first one is due at once. Example: `30`."
POLICY = "Whether it follows the default version of its plan."
CONCURRENT = "Whether it may run beside another live subscription to the same product."


@value("What one metered price counted in its period that runs now, and what that costs so far.")
class SubscriptionUsage:
    """Resolvers return `services.previews.MeteredUsage`."""

    billable_metric: Annotated["BillableMetric", strawberry.lazy("app.schema.billable_metric")] = edge(
        "What was measured.", models.BillableMetric, "billable_metric_id"
    )
    price: Annotated["Price", strawberry.lazy("app.schema.price")] = edge("What charges it.", models.Price, "price_id")
    quantity: Decimal = field("How much was counted.")
    amount: Money = field("What it costs so far.", of=money_of("amount_minor"))
    counted_up_to: datetime | None = field(COUNTED_UP_TO)


@noun("sub", models.Subscription, Scope.BILLING_READ, "Connects one customer to one version of a plan.")
class Subscription(Node):
    """Rows of `subscription`."""

    status: SubscriptionStatus = field("Where it stands.")
    termination_reason: TerminationReason | None = field("Why it ended, or will end; null while it goes on.")
    started_at: datetime = field("When it started, or will.")
    trial_ends_at: datetime | None = field("When its trial ends, or ended; null for none.")
    activated_at: datetime | None = field("When it became active; null before.")
    ending_at: datetime | None = field("When it will end, or ended; null while it goes on.")
    ended_at: datetime | None = field("When it ended; null while it has not.")
    timezone: str = field("The IANA zone of its calendar. Example: `Europe/Berlin`.")
    billing_interval: BillingInterval = field("How long its billing periods are.")
    currency: CurrencyCode = field("The currency it is billed in. Example: `USD`.")
    tax_behavior: TaxBehavior = field("Whether its prices hold the tax.")
    payment_term_days: int = field(TERM_DAYS)
    version_policy: VersionPolicy = field(f"{POLICY} Example: `PINNED`.")
    allow_concurrent: bool = field(CONCURRENT)
    created_at: datetime = field("When it was created.")
    current_period: Period | None = batched("The billing period that runs now.", current_period_by_subscription)
    customer: Annotated["Customer", strawberry.lazy("app.schema.customer")] = edge(
        "Who subscribes.", models.Customer, "customer_id"
    )
    plan: Annotated["Plan", strawberry.lazy("app.schema.plan")] = edge("What is subscribed to.", models.Plan, "plan_id")
    plan_version: Annotated["PlanVersion", strawberry.lazy("app.schema.plan_version")] = edge(
        "The prices it is billed by.", models.PlanVersion, "plan_version_id"
    )
    product: Annotated["Product", strawberry.lazy("app.schema.product")] = edge(
        "The product of its plan.", models.Product, "product_id"
    )
    discounts: Connection[Annotated["Discount", strawberry.lazy("app.schema.discount")]] = connection(
        "The discounts on it alone; those of its customer are taken after them.",
        Relation(models.Discount, "subscription_id"),
    )
    invoices: Connection[Invoice] = connection("What it was billed.", Relation(models.Invoice, "subscription_id"))
    changes: Connection[SubscriptionChange] = connection(
        "How its terms changed, and will.", Relation(models.SubscriptionChange, "subscription_id")
    )
    usage: list[SubscriptionUsage] = batched(
        "What was used in the running period, metric by metric; empty once it ended.", usage_by_subscription
    )
    upcoming_invoice: UpcomingInvoice | None = batched(
        "The invoice of the next boundary if nothing more happened; null once it ended.", upcoming_by_subscription
    )
    projected_invoices: list[UpcomingInvoice] = field(
        "The invoices of the boundaries to come, if nothing more happened and no more was used; empty once it ended.",
        resolver=resolve_projected,
    )


@strawberry.input(description="A subscription to create: to a plan or to one of its versions.")
class SubscriptionCreateInput:
    """See `SubscriptionDraft`."""

    customer_id: strawberry.ID = field("The id of the customer who subscribes.")
    plan_id: strawberry.ID | None = field("The id or key of a plan: its default version.", default=None)
    plan_version_id: strawberry.ID | None = field("The id of a plan version, in place of `planId`.", default=None)
    quantities: list[FeeQuantityInput] | None = field(
        "How many of which fees, where it is not what the price says.", default=None
    )
    discounts: list[SubscriptionDiscountInput] | None = field(
        "Discounts that it begins with, its first invoice included, at most 20.", default=None
    )
    started_at: datetime | None = field(
        'When it starts: at most 12 months back and 2 years ahead; null for now. Example: `"2026-12-01T00:00:00Z"`.',
        default=None,
    )
    trial_days: int | None = field(
        "For how many days from its start nothing is billed, 1 to 730; its periods are counted from the end of them. "
        "Example: `14`.",
        default=None,
    )
    bill_elapsed: bool = field(
        "Whether one that started before is billed for the periods that are over; else from the period on that runs.",
        default=True,
    )
    ending_at: datetime | None = field(
        "When it ends; null for no end. What is charged in advance is for the time until then. "
        'Example: `"2026-12-31T23:00:00Z"`.',
        default=None,
    )
    payment_term_days: int = field(TERM_DAYS, default=DEFAULT_PAYMENT_TERM_DAYS)
    version_policy: VersionPolicy = field(
        f"{POLICY} FLOATING is for `planId`, or the version that is the default now. Example: `FLOATING`.",
        default=VersionPolicy.PINNED,
    )
    allow_concurrent: bool = field(CONCURRENT, default=False)
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> SubscriptionDraft:
        """Return what is asked for."""
        return SubscriptionDraft(
            customer=self.customer_id,
            plan=self.plan_id,
            plan_version=self.plan_version_id,
            quantities=tuple(FeeQuantity(item.price_id, item.quantity) for item in self.quantities or ()),
            discounts=tuple(item.to_draft() for item in self.discounts or ()),
            started_at=self.started_at,
            trial_days=self.trial_days,
            bill_elapsed=self.bill_elapsed,
            ending_at=self.ending_at,
            payment_term_days=self.payment_term_days,
            version_policy=self.version_policy,
            allow_concurrent=self.allow_concurrent,
        )


@value("The subscription that was created.")
class SubscriptionCreatePayload(Payload):
    """The answer of `subscriptionCreate`."""

    subscription: Subscription | None = field("The subscription.", default=None)
    invoice: Invoice | None = field("Its first invoice; null where nothing is due upfront.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key made it.", default=False)
