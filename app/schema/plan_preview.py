"""What a plan would cost, without writing anything."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry import Info

from app.billing.access import Scope, allows
from app.billing.catalog.customers import FeeQuantity
from app.context import Context
from app.schema.client_error import ClientError, names_arguments
from app.schema.declarations import field, value
from app.schema.enums import BillingInterval, TaxBehavior
from app.schema.fee_quantity import FeeQuantityInput
from app.schema.money import Money, Period, money_of
from app.schema.price_preview import PricePreviewEventInput
from app.schema.scalars import CurrencyCode
from app.schema.upcoming_invoice import UpcomingInvoice
from app.services.plan_previews import PlanPreviewDraft, preview_plan
from app.services.planned_usage import Dimensions, PlannedEvent, PlannedUsage
from app.services.principal import Principal

#: What the discounts and the tax of a customer say of it.
_OF_CUSTOMERS = (Scope.CUSTOMERS_READ, Scope.BILLING_READ)

DIMENSIONS = "What it is in the metric's groupBy dimensions, which decides the price that charges it."


@strawberry.input(description="The value that usage has in a dimension.")
class PlanPreviewDimensionInput:
    """One pair of `services.planned_usage.Dimensions`."""

    name: str = field("A groupBy dimension of the metric. Example: `model`.")
    value: str = field("The value as text. Example: `large`.")


@strawberry.input(description="An event of a plan preview.")
class PlanPreviewEventInput(PricePreviewEventInput):
    """See `services.planned_usage.PlannedEvent`."""

    dimensions: list[PlanPreviewDimensionInput] | None = field(
        "In which dimensions it is not like the rest of its usage.", default=None
    )

    def to_planned(self) -> PlannedEvent:
        """Return the event that was given, with its dimensions."""
        return PlannedEvent(self.to_event(), _dimensions(self.dimensions))


@strawberry.input(
    description="Usage of a metric in one window of its prices: a quantity or events. Several entries on one metric "
    "add up, as events of all of them would."
)
class PlanPreviewUsageInput:
    """See `services.planned_usage.PlannedUsage`."""

    billable_metric_id: strawberry.ID = field("The id or key of a metric that the plan charges.")
    quantity: Decimal | None = field(
        "What was measured, for prices that do not look at each event. Where values are added up, or the greatest is "
        'taken, it is one event of that value. Example: `"1500000"`.',
        default=None,
    )
    events: list[PlanPreviewEventInput] | None = field("What was measured, event by event.", default=None)
    dimensions: list[PlanPreviewDimensionInput] | None = field(
        f"{DIMENSIONS} Without any, that is the price without a filter.", default=None
    )

    def to_usage(self) -> PlannedUsage:
        """Return the usage that was given."""
        events = None if self.events is None else tuple(event.to_planned() for event in self.events)
        return PlannedUsage(self.billable_metric_id, self.quantity, events, _dimensions(self.dimensions))


@value("An invoice that a subscriber to a plan would get.")
class PlanPreviewInvoice(UpcomingInvoice):
    """Resolvers return `services.plan_previews.PlannedInvoice`."""

    billed_at: datetime = field("When it would be made: at the start, or where a window of the plan's prices ends.")


@value("What one whole period of a plan costs, invoice by invoice.")
class PlanPreview:
    """Resolvers return `services.plan_previews.PlanPreview`."""

    currency: CurrencyCode = field("The currency it is billed in. Example: `USD`.")
    billing_interval: BillingInterval = field("How long a period is.")
    period: Period = field("The period that is previewed: a whole one.")
    upfront: PlanPreviewInvoice | None = field(
        "What is due at the start: the first advance, and what is charged once. Null where nothing is."
    )
    invoices: list[PlanPreviewInvoice] = field(
        "The invoices of the period after that, in order: each has the arrears of the windows that ended and the "
        "advance of those that begin. There are several where a price is charged more often than the plan's interval."
    )
    total: Money = field(
        "What a period costs in all once the plan runs: the totals of `invoices`, less what they carry to credit.",
        of=money_of("total_minor"),
    )


PlanId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="The id or key of a plan, whose default version is taken; or give `priceIds`."),
]
PriceIds = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(description="The ids or keys of prices that a plan could hold; or give `planId`."),
]
Interval = Annotated[
    BillingInterval | None,
    strawberry.argument(description="Beside `priceIds`: how long a period is; null for MONTHLY. Example: `MONTHLY`."),
]
Tax = Annotated[
    TaxBehavior | None,
    strawberry.argument(
        description="Beside `priceIds`: whether tax comes on top of them; null for EXCLUSIVE. Example: `EXCLUSIVE`."
    ),
]
Usage = Annotated[
    list[PlanPreviewUsageInput] | None,
    strawberry.argument(
        description="What is used in one window of each metered price, and in every other too; what is not named is 0."
    ),
]
Quantities = Annotated[
    list[FeeQuantityInput] | None,
    strawberry.argument(description="How many of which fees, where it is not what the price says."),
]
CustomerId = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="Whose discounts and tax are applied; null for none. It needs the scopes CUSTOMERS_READ and "
        "BILLING_READ besides."
    ),
]
StartsAt = Annotated[
    datetime | None,
    strawberry.argument(
        description="When the period begins; null for now, in the customer's time. Example: `2026-08-01T00:00:00Z`."
    ),
]


async def resolve_plan_preview(  # noqa: PLR0913, PLR0917 - the arguments of a field are as many as the API has
    info: Info[Context, None],
    plan_id: PlanId = None,
    price_ids: PriceIds = None,
    billing_interval: Interval = None,
    tax_behavior: Tax = None,
    usage: Usage = None,
    quantities: Quantities = None,
    customer_id: CustomerId = None,
    starts_at: StartsAt = None,
) -> Any:
    """Return the invoices of one whole period of a plan, or say which arguments are wrong."""
    context = info.context
    if customer_id is not None:
        _refuse_without_scopes(context.principal)
    draft = PlanPreviewDraft(
        plan=plan_id,
        prices=None if price_ids is None else tuple(price_ids),
        billing_interval=billing_interval,
        tax_behavior=tax_behavior,
        usage=tuple(item.to_usage() for item in usage or ()),
        quantities=tuple(FeeQuantity(item.price_id, item.quantity) for item in quantities or ()),
        customer=customer_id,
        starts_at=starts_at,
    )
    async with context.sessions.long_work, context.sessions.snapshot() as session:
        with names_arguments():
            return await preview_plan(session, context.principal, context.clock.now(), draft)


def _refuse_without_scopes(principal: Principal) -> None:
    for scope in _OF_CUSTOMERS:
        if not allows(principal.scopes, scope):
            raise ClientError(f"planPreview with `customerId` needs the scope {scope.name}.", "FORBIDDEN")


def _dimensions(given: list[PlanPreviewDimensionInput] | None) -> Dimensions:
    return tuple((item.name, item.value) for item in given or ())
