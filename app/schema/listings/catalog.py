"""Lists of the catalog: products, metrics, fees, prices, plans and their versions."""

import strawberry

from app import models
from app.schema.enums import Aggregation, BillingInterval, PaymentTerm
from app.schema.listings.listing import By, InstantRange, containing, is_given, listing, one_of, one_of_these, within
from app.schema.scalars import CurrencyCode

CREATED = "When they were created."
ARCHIVED = "Whether they are archived; both kinds are listed unless this says which."
KEYS = 'With one of these keys. Example: `["pro-2026"]`.'
NAME = "Whose name contains this text. Example: `pro`."
CURRENCIES = "In one of these currencies. Example: `[USD]`."
PRODUCTS = 'Of one of the products with these ids or keys. Example: `["pro-2026"]`.'

BY_CREATION = By("created_at", "When it was created.")
BY_NAME = By("name", "What it is called, by the bytes of the text.")
BY_KEY = By("key", "Its key, by the bytes of the text.")


@listing(models.Product, CREATED_AT=BY_CREATION, NAME=BY_NAME, KEY=BY_KEY)
class ProductFilter:
    """Rows of `product`."""

    keys: list[str] | None = one_of("key", KEYS)
    name_contains: str | None = containing("name", NAME)
    archived: bool | None = is_given("archived_at", ARCHIVED)
    created_at: InstantRange | None = within("created_at", CREATED)


@listing(
    models.BillableMetric,
    CREATED_AT=BY_CREATION,
    NAME=BY_NAME,
    KEY=BY_KEY,
    EVENT_TYPE=By("event_type", "The type of its events, by the bytes of the text."),
)
class BillableMetricFilter:
    """Rows of `billable_metric`."""

    keys: list[str] | None = one_of("key", KEYS)
    name_contains: str | None = containing("name", NAME)
    product_ids: list[strawberry.ID] | None = one_of_these("product_id", models.Product, PRODUCTS)
    event_types: list[str] | None = one_of(
        "event_type", 'Of events of one of these types. Example: `["inference.completed"]`.'
    )
    aggregations: list[Aggregation] | None = one_of("aggregation", "With one of these aggregations. Example: `[SUM]`.")
    archived: bool | None = is_given("archived_at", ARCHIVED)
    created_at: InstantRange | None = within("created_at", CREATED)


@listing(models.Fee, CREATED_AT=BY_CREATION, NAME=BY_NAME, KEY=BY_KEY)
class FeeFilter:
    """Rows of `fee`."""

    keys: list[str] | None = one_of("key", KEYS)
    name_contains: str | None = containing("name", NAME)
    product_ids: list[strawberry.ID] | None = one_of_these("product_id", models.Product, PRODUCTS)
    archived: bool | None = is_given("archived_at", ARCHIVED)
    created_at: InstantRange | None = within("created_at", CREATED)


@listing(
    models.Price,
    CREATED_AT=BY_CREATION,
    NAME=By("invoice_display_name", "Its `invoiceDisplayName`, by the bytes of the text."),
    KEY=BY_KEY,
)
class PriceFilter:
    """Rows of `price`."""

    keys: list[str] | None = one_of("key", KEYS)
    name_contains: str | None = containing(
        "invoice_display_name", "Whose `invoiceDisplayName` contains this text. Example: `tokens`."
    )
    product_ids: list[strawberry.ID] | None = one_of_these("product_id", models.Product, PRODUCTS)
    billable_metric_ids: list[strawberry.ID] | None = one_of_these(
        "billable_metric_id",
        models.BillableMetric,
        'Of one of the metrics with these ids or keys. Example: `["pro-2026"]`.',
    )
    fee_ids: list[strawberry.ID] | None = one_of_these(
        "fee_id", models.Fee, 'Of one of the fees with these ids or keys. Example: `["pro-2026"]`.'
    )
    payment_terms: list[PaymentTerm] | None = one_of(
        "payment_term", "With one of these payment terms. Example: `[IN_ADVANCE]`."
    )
    currencies: list[CurrencyCode] | None = one_of("currency", CURRENCIES)
    archived: bool | None = is_given("archived_at", ARCHIVED)
    created_at: InstantRange | None = within("created_at", CREATED)


@listing(models.Plan, CREATED_AT=BY_CREATION, NAME=BY_NAME, KEY=BY_KEY)
class PlanFilter:
    """Rows of `plan`."""

    keys: list[str] | None = one_of("key", KEYS)
    name_contains: str | None = containing("name", NAME)
    product_ids: list[strawberry.ID] | None = one_of_these("product_id", models.Product, PRODUCTS)
    billing_intervals: list[BillingInterval] | None = one_of(
        "billing_interval", "With one of these intervals. Example: `[MONTHLY]`."
    )
    currencies: list[CurrencyCode] | None = one_of("currency", CURRENCIES)
    archived: bool | None = is_given("archived_at", ARCHIVED)
    created_at: InstantRange | None = within("created_at", CREATED)


@listing(
    models.PlanVersion,
    CREATED_AT=BY_CREATION,
    NUMBER=By("number", "Its number among the versions of its plan."),
    PUBLISHED_AT=By("published_at", "When it was published; null for drafts."),
)
class PlanVersionFilter:
    """Rows of `plan_version`."""

    plan_ids: list[strawberry.ID] | None = one_of_these(
        "plan_id", models.Plan, 'Of one of the plans with these ids or keys. Example: `["pro-2026"]`.'
    )
    published: bool | None = is_given("published_at", "Whether they are published.")
    created_at: InstantRange | None = within("created_at", CREATED)
