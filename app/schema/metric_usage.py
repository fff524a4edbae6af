"""What a metric counted over a span of time."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry import Info, Parent

from app.billing.windows import Window
from app.context import Context
from app.loaders.usage_by_metric import usage_by_metric
from app.metering import metric_usage as metering
from app.schema.client_error import names_arguments, names_debt
from app.schema.declarations import COUNTED_UP_TO, field, value
from app.schema.enums import describe
from app.schema.price_terms import PriceConditionInput

describe(
    Window,
    "How long the windows of a usage report are.",
    {
        Window.MINUTE: "A minute.",
        Window.HOUR: "An hour.",
        Window.DAY: "A day of local time.",
        Window.MONTH: "A month of local time.",
    },
)


@value("A dimension and the value that events have in it.")
class UsageKey:
    """One pair of a group's key."""

    name: str = field("The dimension. Example: `model`.", of=lambda pair: pair[0])
    value: str | None = field("The value as text; null for events without one. Example: `large`.", of=lambda p: p[1])


@value("The usage of the events that agree in every dimension asked for.")
class UsageGroup:
    """Resolvers return `metering.metric_usage.UsageGroup`."""

    key: list[UsageKey] = field("What the events agree in; empty for the group of all others.")
    is_other: bool = field("Whether it has all that is not among the greatest groups; only where `top` was given.")
    value: Decimal = field("What was counted.")


@value("The usage of one window.")
class UsageWindow:
    """Resolvers return `metering.metric_usage.UsageWindow`."""

    start: datetime = field("The first instant of the window.")
    end: datetime = field("The first instant after the window.")
    value: Decimal = field("What was counted.")
    groups: list[UsageGroup] = field("The same by group; empty unless `groupBy` was given.")


@value("What a metric counted over a span of time, computed from the events themselves.")
class MetricUsage:
    """Resolvers return `metering.metric_usage.MetricUsage`."""

    total: Decimal = field("What was counted over the whole span.")
    windows: list[UsageWindow] = field("The same by window, empty ones too; none unless `window` was given.")
    groups: list[UsageGroup] = field("The same by group; empty unless `groupBy` was given.")
    counted_up_to: datetime | None = field(COUNTED_UP_TO)


async def resolve_usage(  # noqa: PLR0913, PLR0917 - the arguments of a field are as many as the API has
    root: Parent[Any],
    info: Info[Context, None],
    start: Annotated[
        datetime,
        strawberry.argument(name="from", description="Events from this instant on. Example: `2026-01-31T00:00:00Z`."),
    ],
    end: Annotated[
        datetime,
        strawberry.argument(name="to", description="Events before this instant. Example: `2026-02-28T00:00:00Z`."),
    ],
    customer_id: Annotated[
        strawberry.ID | None,
        strawberry.argument(
            description="Only this customer; null for all who are not on a test clock. With a customer token it is "
            "that customer."
        ),
    ] = None,
    window: Annotated[
        Window | None, strawberry.argument(description="Split the span into windows, at most 1,000. Example: `DAY`.")
    ] = None,
    group_by: Annotated[
        list[str] | None, strawberry.argument(description='Names of the metric\'s dimensions. Example: `["model"]`.')
    ] = None,
    filter: Annotated[
        list[PriceConditionInput] | None,
        strawberry.argument(
            description="Only events that meet all of these, as prices take them. "
            'Example: `[{ name: "model", in: ["large"] }]`.'
        ),
    ] = None,
    top: Annotated[
        int | None,
        strawberry.argument(
            description="Only so many groups, the greatest of the whole span, 1 to 1,000; the rest is one group, the "
            "last. Needs `groupBy`. Example: `10`."
        ),
    ] = None,
    timezone: Annotated[
        str, strawberry.argument(description="The IANA zone whose days and months count. Example: `Europe/Berlin`.")
    ] = "UTC",
) -> Any:
    """Return the usage of a metric, or say which argument is wrong."""
    conditions = tuple(condition.to_condition() for condition in filter or ())
    groups = tuple(group_by or ())
    asked = metering.MetricUsageQuery("", start, end, customer_id, window, groups, timezone, conditions, top)
    context = info.context
    with names_arguments(), names_debt():
        return await context.loaders.of(usage_by_metric, asked, context.allowance).load(root.id)
