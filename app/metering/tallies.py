"""Adding events up: what one transaction brings to a counter, or takes from it."""

from decimal import Decimal

from app.billing.aggregation import Aggregation, Latest, MeteredValue, Tallied
from app.billing.aggregation import is_subtractable as follows_from_tally
from app.billing.decimals import exact_sum
from app.billing.errors import InvariantBroken
from app.billing.measuring import MetricRules
from app.metering.index_text import index_text


def tells_apart(metric: MetricRules) -> bool:
    """Tell whether a metric counts different values, which are not known from any sum."""
    return metric.aggregation is Aggregation.UNIQUE_COUNT and metric.value_property is not None


def is_subtractable(metric: MetricRules) -> bool:
    """Tell whether what is left when an event goes follows from the tally; else the events are counted again."""
    return follows_from_tally(metric.aggregation, has_texts=tells_apart(metric))


class Adding:
    """A tally that grows event by event, in place, as `Tallied.with_event` would: it is in the way of every event.

    `texts` are the values that a UNIQUE_COUNT metric tells apart. Events are given once each.
    """

    __slots__ = ("event_count", "latest", "maximum", "metric", "minimum", "texts", "total")

    def __init__(self, metric: MetricRules) -> None:
        """Begin with no events of a metric."""
        self.metric = metric
        self.event_count = 0
        self.total = Decimal(0)
        self.minimum: Decimal | None = None
        self.maximum: Decimal | None = None
        self.latest: Latest | None = None
        self.texts: set[str] = set()

    def add(self, metered: MeteredValue) -> None:
        """Take in one event that is not in it yet."""
        self.event_count += 1
        value = metered.value
        if isinstance(value, str):
            self.texts.add(index_text(value))
        elif value is not None:
            self._add_number(value, metered)

    def _add_number(self, value: Decimal, metered: MeteredValue) -> None:
        match self.metric.aggregation:
            case Aggregation.SUM | Aggregation.AVG:
                self.total = exact_sum((self.total, value))
            case Aggregation.MIN:
                self.minimum = value if self.minimum is None else min(self.minimum, value)
            case Aggregation.MAX:
                self.maximum = value if self.maximum is None else max(self.maximum, value)
            case Aggregation.LATEST:
                latest = Latest(metered.timestamp, metered.event_id, value)
                self.latest = latest if self.latest is None else max(self.latest, latest)
            case _:
                raise InvariantBroken(f"Event {metered.event_id} was counted with a number for nothing.")

    def tallied(self, new_texts: int) -> Tallied:
        """Return what it comes to; `new_texts` is how many of its texts are to be counted."""
        is_unique = self.metric.aggregation is Aggregation.UNIQUE_COUNT
        told_apart = new_texts if tells_apart(self.metric) else self.event_count
        return Tallied(
            self.event_count, self.total, self.minimum, self.maximum, self.latest, told_apart if is_unique else 0
        )
