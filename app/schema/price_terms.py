"""What decides when and for which events a price charges: its filter, its cadence, a plan's anchor."""

from typing import Any

import strawberry

from app.billing import anchors, filters
from app.billing.anchors import Weekday
from app.billing.cadences import Cadence
from app.schema.declarations import field, value
from app.schema.enums import describe

describe(
    Cadence,
    "How often a price is charged.",
    {
        Cadence.WEEKLY: "Every seven days.",
        Cadence.MONTHLY: "Every month.",
        Cadence.QUARTERLY: "Every three months.",
        Cadence.YEARLY: "Every year.",
        Cadence.ONE_TIME: "Once, at the start. For fees.",
    },
)
describe(Weekday, "A day of the week.", {day: f"{day.capitalize()}." for day in Weekday})

DIMENSION = "A groupBy dimension of the metric. Example: `model`."
VALUES = 'The values of events that are charged, 1 to 100. Example: `["large"]`.'
WEEKDAY = "The day of the week, for WEEKLY plans. Example: `MONDAY`."
DAY = "The day of the month, 1 to 31; the last one of shorter months. Example: `1`."
MONTH = "The month, 1 to 12, for QUARTERLY and YEARLY plans. Example: `1`."


@value("That an event's value of a dimension is one of some.")
class PriceCondition:
    """Resolvers return `billing.filters.Condition`."""

    name: str = field(DIMENSION)
    values: list[str] = field(VALUES, name="in")


@strawberry.input(
    description="That an event's value of a dimension is one of some. All conditions of a price must hold."
)
class PriceConditionInput:
    """See `billing.filters.Condition`."""

    name: str = field(DIMENSION)
    values: list[str] = field(VALUES, name="in")

    def to_condition(self) -> filters.Condition:
        """Return the condition that was given."""
        return filters.Condition(self.name, tuple(self.values))


@value("The day on which the billing periods of all subscribers begin, at local midnight.")
class BillingAnchor:
    """Resolvers return `billing.anchors.BillingAnchor`."""

    weekday: Weekday | None = field(WEEKDAY)
    day: int | None = field(DAY)
    month: int | None = field(MONTH)


@strawberry.input(
    description="The day on which the billing periods of all subscribers begin, at local midnight: a weekday for "
    "WEEKLY plans, a day for MONTHLY ones, a day and a month for QUARTERLY and YEARLY ones."
)
class BillingAnchorInput:
    """See `billing.anchors.BillingAnchor`."""

    weekday: Weekday | None = field(WEEKDAY, default=None)
    day: int | None = field(DAY, default=None)
    month: int | None = field(MONTH, default=None)

    def to_anchor(self) -> anchors.BillingAnchor:
        """Return the anchor that was given."""
        return anchors.BillingAnchor(self.weekday, self.day, self.month)


def filter_of(row: Any) -> filters.Filter:
    """Return the filter of a price's row."""
    return filters.filter_from_json(row.filter)


def anchor_of(row: Any) -> anchors.BillingAnchor | None:
    """Return the anchor of a plan's row."""
    return anchors.anchor_from_json(row.billing_anchor)
