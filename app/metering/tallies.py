"""Adding events up: what one transaction brings to a counter, or takes from it."""

from dataclasses import dataclass, field

from app.billing.aggregation import Aggregation, MeteredValue, Tallied, tally_events
from app.billing.aggregation import is_subtractable as follows_from_tally
from app.billing.measuring import MetricRules
from app.metering.index_text import index_text


def tells_apart(metric: MetricRules) -> bool:
    """Tell whether a metric counts different values, which are not known from any sum."""
    return metric.aggregation is Aggregation.UNIQUE_COUNT and metric.value_property is not None


def is_subtractable(metric: MetricRules) -> bool:
    """Tell whether what is left when an event goes follows from the tally; else the events are counted again."""
    return follows_from_tally(metric.aggregation, has_texts=tells_apart(metric))


@dataclass(slots=True)
class Adding:
    """What some events count for with a metric. Events are given once each."""

    metric: MetricRules
    values: list[MeteredValue] = field(default_factory=list)

    def texts(self) -> set[str]:
        """Return the values that a UNIQUE_COUNT metric tells apart, as an index takes them."""
        if not tells_apart(self.metric):
            return set()
        return {index_text(metered.value) for metered in self.values if isinstance(metered.value, str)}

    def tallied(self, new_texts: int) -> Tallied:
        """Return what it comes to; `new_texts` is how many of its texts are to be counted."""
        tallied = tally_events(self.metric.aggregation, self.values)
        return tallied._replace(distinct_count=new_texts) if tells_apart(self.metric) else tallied
