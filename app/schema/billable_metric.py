"""Billable metrics: how usage is measured."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Maybe

from app import models
from app.billing.access import Scope
from app.billing.catalog import BillableMetricDraft, GroupBy
from app.loaders.backfill_by_metric import backfill_by_metric
from app.loaders.pages import Relation
from app.metering.allowance import MAX_EVENTS, POINTS_OF_AN_EVENT
from app.models import UsageJobState
from app.schema.connections import Connection, connection
from app.schema.declarations import batched, edge, field, noun, value
from app.schema.enums import Aggregation, describe
from app.schema.inputs import ARCHIVED, DESCRIPTION, KEY, REFERENCE, changes_of, idempotency_key
from app.schema.metric_usage import MetricUsage, resolve_usage
from app.schema.node import Node
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.price import Price
    from app.schema.product import Product

UNIT = "What one of it is called on invoices. Example: `token`."
EVENT_TYPE = "The type of the events it measures. Example: `inference.completed`."
VALUE_PROPERTY = "Where an event's data holds the value. Needed but for COUNT, UNIQUE_COUNT. Example: `$.tokens`."
EVENT_FROM = "Only events with this timestamp or a later one count; null for every event."
GROUP_BY = "Dimensions by which usage can be told apart, at most 10."


@value("A dimension of usage.")
class GroupByDimension:
    """One entry of `billable_metric.group_by`."""

    name: str = field("How queries call it. Example: `model`.", of=lambda item: item["name"])
    path: str = field("Where an event's data holds its value. Example: `$.model`.", of=lambda item: item["path"])


describe(
    UsageJobState,
    "How far counting stored events is.",
    {
        UsageJobState.WAITING: "It has not begun.",
        UsageJobState.RUNNING: "It is under way.",
        UsageJobState.DONE: "All are counted.",
        UsageJobState.FAILED: "It could not go on; the server's log says why.",
    },
)


@value("How far a metric is with the events that were there before it.")
class MetricBackfill:
    """Resolvers return `loaders.backfill_by_metric.Backfill`."""

    state: UsageJobState = field("How far it is.")
    counted_up_to: datetime | None = field("All events received before this instant are counted; null before any is.")


@noun("bm", models.BillableMetric, Scope.CATALOG_READ, "How usage is measured: which events, and what of them.")
class BillableMetric(Node):
    """Rows of `billable_metric`."""

    key: str | None = field(KEY)
    name: str = field("What it is called. Example: `Output tokens`.")
    description: str | None = field(DESCRIPTION)
    unit: str | None = field(UNIT)
    event_type: str = field(EVENT_TYPE)
    aggregation: Aggregation = field("What it makes of the values of its events.")
    value_property: str | None = field(VALUE_PROPERTY)
    group_by: list[GroupByDimension] = field(GROUP_BY)
    event_from: datetime | None = field(EVENT_FROM)
    created_at: datetime = field("When it was created.")
    archived_at: datetime | None = field(ARCHIVED)
    product: Annotated["Product", strawberry.lazy("app.schema.product")] = edge(
        "Whose usage it measures.", models.Product, "product_id"
    )
    prices: Connection[Annotated["Price", strawberry.lazy("app.schema.price")]] = connection(
        "What it costs.", Relation(models.Price, "billable_metric_id")
    )
    backfill: MetricBackfill = batched(
        "How far it is with the events that were there before it. A period does not close before.",
        backfill_by_metric,
        access=Scope.BILLING_READ,
    )
    usage: MetricUsage = field(
        "What it counted over a span of time. Whole days in UTC were added up before; of parts of days, and where it "
        f"tells values apart, the events are read: {MAX_EVENTS:,} at most in a request, and where keys have a budget "
        f"each costs {POINTS_OF_AN_EVENT}.",
        resolver=resolve_usage,
        access=Scope.BILLING_READ,
    )


@strawberry.input(description="A dimension of usage.")
class GroupByInput:
    """See `billing.extraction.GroupBy`."""

    name: str = field("How queries call it: letters, digits and underscores. Example: `model`.")
    path: str = field("Where an event's data holds its value. Example: `$.model`.")


@strawberry.input(description="What makes a billable metric.")
class BillableMetricFields:
    """See `BillableMetricDraft`."""

    key: str | None = field(KEY, default=None)
    product_id: strawberry.ID = field("The id or key of the product whose usage it measures.")
    name: str = field("What it is called, up to 255 characters. Example: `Output tokens`.")
    description: str | None = field(DESCRIPTION, default=None)
    unit: str = field(UNIT)
    event_type: str = field(EVENT_TYPE)
    aggregation: Aggregation = field("What it makes of the values of its events. Example: `SUM`.")
    value_property: str | None = field(VALUE_PROPERTY, default=None)
    group_by: list[GroupByInput] = field(GROUP_BY, default_factory=list)
    event_from: datetime | None = field(EVENT_FROM, default=None)

    def to_draft(self) -> BillableMetricDraft:
        """Return what is asked for."""
        return BillableMetricDraft(
            key=self.key,
            product=self.product_id,
            name=self.name,
            description=self.description,
            unit=self.unit,
            event_type=self.event_type,
            aggregation=self.aggregation,
            value_property=self.value_property,
            group_by=tuple(GroupBy(item.name, item.path) for item in self.group_by),
            event_from=self.event_from,
        )


@strawberry.input(description="A billable metric to create. What it measures can't be changed once it is used.")
class BillableMetricCreateInput(BillableMetricFields):
    """See `BillableMetricDraft`."""

    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="What to change of a billable metric; what is left out stays.")
class BillableMetricUpdateInput:
    """See `BillableMetricDraft`."""

    id: strawberry.ID = field(REFERENCE)
    key: Maybe[str | None] = field(KEY)
    name: Maybe[str | None] = field("What it is called, up to 255 characters.")
    description: Maybe[str | None] = field(DESCRIPTION)
    unit: Maybe[str | None] = field(UNIT)

    def to_changes(self) -> dict[str, Any]:
        """Return what is to be changed."""
        return changes_of(self, "name", "unit")


@value("The billable metric that was created.")
class BillableMetricCreatePayload(Payload):
    """The answer of `billableMetricCreate`."""

    billable_metric: BillableMetric | None = field("The billable metric.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key made it.", default=False)


@value("The billable metric as it is now.")
class BillableMetricUpdatePayload(Payload):
    """The answer of `billableMetricUpdate`."""

    billable_metric: BillableMetric | None = field("The billable metric.", default=None)
