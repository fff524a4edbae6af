"""Events as they were reported, and their receipts."""

from collections.abc import Awaitable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.scalars import JSON

from app import models
from app.billing.access import Scope
from app.context import Context
from app.loaders.receipt_by_event import receipt_by_event
from app.loaders.revisions_by_event import revisions_by_event
from app.metering.facts import read_data
from app.metering.receipts import EventStatus
from app.schema.declarations import COUNTED_UP_TO, batched, edge, field, followed, noun, value
from app.schema.enums import UncountedReason, describe
from app.schema.invoice import Invoice
from app.schema.money import Period
from app.schema.node import Node
from app.schema.subscription import Subscription

if TYPE_CHECKING:
    from app.schema.billable_metric import BillableMetric
    from app.schema.customer import Customer

describe(
    EventStatus,
    "What became of an event.",
    {
        EventStatus.RECEIVED: "Is stored and waits to be counted.",
        EventStatus.COUNTED: "Was counted by at least one metric.",
        EventStatus.UNCOUNTED: "Counted for nothing, for the reasons given.",
        EventStatus.VOIDED: "Was withdrawn.",
    },
)


@value("A later arrival of the same event with another content. It changed nothing.")
class DifferingRepeat:
    """Resolvers return its instant."""

    received_at: datetime = field("When it came.", of=lambda instant: instant)


@value("What is known of an event's repeats. They change nothing.")
class EventRepeats:
    """Read from `metering.receipts.EventReceipt`."""

    total_count: int = field("How often the event came again.", of="repeats_total")
    differing: list[DifferingRepeat] = field("The repeats whose content differed.")


@value("That a metric counted an event, and what bills it.")
class CountedEvent:
    """Resolvers return `metering.receipts.Counted`."""

    value: str = field("What it was counted for. Example: `1500000`.")
    period: Period | None = field("The billing period it falls into; null where no subscription bills it.")
    billable_metric: Annotated["BillableMetric", strawberry.lazy("app.schema.billable_metric")] = edge(
        "The metric that counted it.", models.BillableMetric, "billable_metric_id"
    )
    subscription: Subscription | None = edge(
        "The subscription that bills it; null where none does.", models.Subscription, "subscription_id"
    )
    invoice: Invoice | None = edge("The invoice that billed it; null before.", models.Invoice, "invoice_id")


@value("Why an event counted for nothing or is not billed.")
class UncountedEvent:
    """Resolvers return `metering.receipts.Reason`."""

    code: UncountedReason = field("The reason, for programs.")
    message: str = field("The reason, for people.")
    billable_metric: Annotated["BillableMetric", strawberry.lazy("app.schema.billable_metric")] | None = edge(
        "The metric it concerns; null for all.", models.BillableMetric, "billable_metric_id"
    )


def follow_event(receipt: Any, context: Context) -> Awaitable[Any] | None:
    """Ask for a stored event; one that still waits comes with its receipt."""
    return None if receipt.waiting else context.loaders.by_id(models.MeterEvent).load(receipt.event_id)


@value("What became of an event.", Scope.BILLING_READ)
class EventReceipt:
    """Resolvers return `metering.receipts.EventReceipt`."""

    status: EventStatus = field("What became of it.")
    event: Annotated["MeterEvent", strawberry.lazy("app.schema.meter_event")] = followed(
        "The event.", follow_event, lambda receipt, found: found or receipt.waiting
    )
    counted_up_to: datetime | None = field(COUNTED_UP_TO)
    repeats: EventRepeats = field("What is known of its repeats.", of=lambda receipt: receipt)
    counted: list[CountedEvent] = field("Which metrics counted it.")
    reasons: list[UncountedEvent] = field("Why it counted for nothing, or is not billed.")


def data_of(row: Any) -> Any:
    """Return the data of an event with every digit it came with."""
    return read_data(row.data)


@value("What an event said before it was corrected.")
class MeterEventRevision:
    """Rows of `meter_event_revision`."""

    number: int = field("Which revision this was; 0 is the event as it came.")
    timestamp: datetime = field("When it happened, as this revision has it.")
    data: JSON = field("What was used, as this revision has it.", of=data_of)
    reason: str = field("Why it was corrected.")
    author: strawberry.ID = field("The id of the API key that corrected it.")
    replaced_at: datetime = field("When the next revision took its place.", of="created_at")


@noun("evt", models.MeterEvent, Scope.BILLING_READ, "One reported fact of usage.")
class MeterEvent(Node):
    """Rows of `meter_event`."""

    type: str = field("What happened. Example: `inference.completed`.")
    source: str = field("Who reported it. Example: `https://api.acme.example`.")
    subject: str | None = field("The id of the customer it concerns, if it was sent.")
    external_subject: str | None = field("Your own id of the customer, if it was sent. Example: `acme-1`.")
    external_id: str | None = field("Your own id of the event, if it was sent. Example: `ext-1`.")
    idempotency_key: str = field("What tells it from other events: the same key counts once, for ever.")
    timestamp: datetime = field("When it happened.")
    data: JSON = field('What was used. Example: `{"tokens": 1500, "model": "large"}`.', of=data_of)
    received_at: datetime = field("When it was received.", of="created_at")
    customer: Annotated["Customer", strawberry.lazy("app.schema.customer")] | None = edge(
        "Whose usage it is, resolved when it was counted; null where no customer was known.",
        models.Customer,
        "customer_id",
    )
    revision: int = field("How often it was corrected.")
    is_voided: bool = field("Whether it was withdrawn.", of="voided")
    earlier_revisions: list[MeterEventRevision] = batched(
        "What it said before it was corrected, the first revision first.", revisions_by_event
    )
    receipt: EventReceipt = batched("What became of it.", receipt_by_event)
