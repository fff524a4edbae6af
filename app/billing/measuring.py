"""How the usage that a price charges is found in events: what its metric measures, and which events are its own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.billing.aggregation import Aggregation, MeteredValue, aggregate
from app.billing.errors import InvariantBroken
from app.billing.extraction import UncountedReason, dimensions, metered_value
from app.billing.filters import Dimensions, Filter, filter_from_json, filter_to_json, takes
from app.billing.price_models import EventTally, PriceModel, tally


@dataclass(frozen=True, slots=True)
class MetricRules:
    """What of a metric decides how an event counts."""

    id: str
    event_type: str
    aggregation: Aggregation
    value_property: str | None
    group_by: tuple[tuple[str, str], ...]
    event_from: datetime | None

    def value_of(
        self, event_id: str, timestamp: datetime, data: Mapping[str, object]
    ) -> MeteredValue | UncountedReason:
        """Return what an event of the metric's type counts for, or why it counts for nothing."""
        if self.event_from is not None and timestamp < self.event_from:
            return UncountedReason.BEFORE_EVENT_FROM
        return metered_value(self.aggregation, self.value_property, event_id, data, timestamp)

    def dimensions_of(self, data: Mapping[str, object]) -> dict[str, str | None]:
        """Return the event's value for each of the metric's groupBy dimensions."""
        return dimensions(self.group_by, data)


@dataclass(frozen=True, slots=True)
class Metering:
    """How a price is metered: its metric, its own filter, and those of the other prices of the metric beside it."""

    metric: MetricRules
    filter: Filter = ()
    others: tuple[Filter, ...] = ()

    def takes(self, event_dimensions: Dimensions) -> bool:
        """Tell whether the price charges an event with these dimensions."""
        return takes(self.filter, self.others, event_dimensions)

    def to_json(self) -> dict[str, Any]:
        """Return the stored form."""
        metric = self.metric
        return {
            "billableMetricId": metric.id,
            "eventType": metric.event_type,
            "aggregation": metric.aggregation.value,
            "valueProperty": metric.value_property,
            "groupBy": [{"name": name, "path": path} for name, path in metric.group_by],
            "eventFrom": metric.event_from and metric.event_from.isoformat(),
            "filter": filter_to_json(self.filter),
            "others": [filter_to_json(other) for other in self.others],
        }


def metering_from_json(data: Mapping[str, Any]) -> Metering:
    """Read what `Metering.to_json` wrote. InvariantBroken when it is something else."""
    try:
        event_from = data["eventFrom"]
        metric = MetricRules(
            id=data["billableMetricId"],
            event_type=data["eventType"],
            aggregation=Aggregation(data["aggregation"]),
            value_property=data["valueProperty"],
            group_by=tuple((item["name"], item["path"]) for item in data["groupBy"]),
            event_from=event_from and datetime.fromisoformat(event_from),
        )
        others = tuple(filter_from_json(other) for other in data["others"])
        return Metering(metric, filter_from_json(data["filter"]), others)
    except (KeyError, TypeError, ValueError) as error:
        raise InvariantBroken("The stored metering of a line can't be read.") from error


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """An event as a price reads it: what it counts for, and the price of one of its units, where it carries one."""

    value: MeteredValue
    unit_price: Decimal | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured in a window: the quantity, of how many events, and their tally where the model needs one."""

    quantity: Decimal
    event_count: int
    tally: EventTally | None


def measure(aggregation: Aggregation, model: PriceModel, events: Sequence[ReadEvent]) -> Measured:
    """Return what some events come to; each is there once. No events give 0."""
    values = [event.value for event in events]
    return Measured(aggregate(aggregation, values), len(values), tally(model, _charged(events)))


def _charged(events: Iterable[ReadEvent]) -> Iterable[tuple[Decimal, Decimal | None]]:
    """Yield the value and the unit price of each event; where events are counted, each counts for 1."""
    for event in events:
        value = event.value.value
        if value is None:
            yield Decimal(1), event.unit_price
        elif isinstance(value, Decimal):
            yield value, event.unit_price
