"""Root fields that compute and write nothing."""

import strawberry

from app.billing.access import Scope
from app.schema.declarations import field
from app.schema.plan_preview import PlanPreview, resolve_plan_preview
from app.schema.price_preview import PricePreview, resolve_price_preview
from app.schema.price_simulation import PriceSimulation, resolve_price_simulation


@strawberry.type
class PreviewQueries:
    """What it would cost."""

    price_preview: PricePreview = field(
        "What a quantity, or some events, would cost under a pricing model, before discounts and tax.",
        resolver=resolve_price_preview,
        access=Scope.CATALOG_READ,
    )
    plan_preview: PlanPreview = field(
        "What a plan would cost: what is due at the start, and the invoices of one whole period, for some usage. It is "
        "computed as invoices are, and nothing is written.",
        resolver=resolve_plan_preview,
        access=Scope.CATALOG_READ,
    )
    price_simulate: PriceSimulation = field(
        "What a draft of a price would have made of past usage, customer by customer: what the prices of subscriptions "
        "charge for it, what they would with the draft in their place, and the difference, before discounts and tax. "
        "Both are rated over the windows of each subscription; one that reaches out of the span, by its share. Every "
        "customer counts who used the metric in the span, or had a price on it. Nothing is written.",
        resolver=resolve_price_simulation,
        access=Scope.BILLING_READ,
    )
