"""Usage that is given to the preview of a plan, and which of the plan's prices charges it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from app.billing.aggregation import Aggregation
from app.billing.errors import ErrorCode, Problems
from app.billing.given_usage import GivenEvent, GivenUsage, check_detail, check_usage, measure_given
from app.billing.measuring import Measured
from app.billing.pricing import price_line
from app.services.charges import Charge
from app.services.rating import RatedLine, inputs_of
from app.services.terms import Term

#: The value that usage has in a dimension, as it was written: a name may be there twice.
Dimensions = tuple[tuple[str, str], ...]
#: What each price of a plan charges, by its id.
Shares = Mapping[str, Sequence[GivenUsage]]


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """An event, with the dimensions in which it is not like the rest of its usage."""

    event: GivenEvent
    dimensions: Dimensions = ()


@dataclass(frozen=True, slots=True)
class PlannedUsage:
    """Usage of a metric, given by id or key, in one window of its prices: a quantity or events."""

    metric: str
    quantity: Decimal | None = None
    events: tuple[PlannedEvent, ...] | None = None
    dimensions: Dimensions = ()


@dataclass(frozen=True, slots=True)
class _Piece:
    path: str
    usage: GivenUsage
    dimensions: Dimensions


def share_out(
    planned: Sequence[PlannedUsage], metric_ids: Mapping[str, str], terms: Sequence[Term], problems: Problems
) -> Shares:
    """Return what each price charges of the usage, as its filter says. Notes what is wrong, and what no price takes."""
    shares: defaultdict[str, list[GivenUsage]] = defaultdict(list)
    for place, usage in enumerate(planned):
        path, metric_id = f"usage.{place}", metric_ids.get(usage.metric)
        own = [term for term in terms if term.metering is not None and term.metering.metric.id == metric_id]
        if metric_id is None:
            problems.add(ErrorCode.NOT_FOUND, f"{path}.billableMetricId", "names no billable metric that exists here")
        elif not own:
            problems.add(ErrorCode.INVALID, f"{path}.billableMetricId", "No price of the plan charges this metric.")
        elif _is_sound(usage, own[0], problems, path):
            for piece in _pieces(usage, own[0], path):
                _take(piece, own, shares, problems)
    return shares


def measure_shares(terms: Sequence[Term], shares: Shares) -> dict[str, Measured]:
    """Return what each metered price measures of the usage that was shared out, by its id: once for all windows."""
    return {
        term.price_id: measure_given(term.metering.metric.aggregation, term.model, shares.get(term.price_id, ()))
        for term in terms
        if term.metering is not None
    }


def rate_planned(charges: Sequence[Charge], measured: Mapping[str, Measured]) -> list[RatedLine]:
    """Rate charges in their order, as `rate` does, over what was measured: the same in each window."""
    return [_rate_one(charge, measured) for charge in charges]


def _rate_one(charge: Charge, measured: Mapping[str, Measured]) -> RatedLine:
    inputs = inputs_of(charge.term, charge.window, measured.get(charge.term.price_id))
    return RatedLine(charge, inputs, price_line(inputs))


def _is_sound(usage: PlannedUsage, term: Term, problems: Problems, path: str) -> bool:
    """Note what is wrong with usage of the metric of a term, whichever price takes it."""
    assert term.metering is not None, "only metered prices have usage"
    metric, known = term.metering.metric, len(problems.errors)
    events = None if usage.events is None else tuple(planned.event for planned in usage.events)
    check_usage(GivenUsage(usage.quantity, events), metric.aggregation, problems, f"{path}.")
    if metric.aggregation is Aggregation.UNIQUE_COUNT and metric.value_property is not None:
        for number, event in enumerate(events or ()):
            if event.value is None:
                message = "Is needed: the metric tells values apart, and an event without one counts for nothing."
                problems.add(ErrorCode.BLANK, f"{path}.events.{number}.value", message)
    names = {name for name, _ in metric.group_by}
    _check_dimensions(usage.dimensions, names, problems, f"{path}.dimensions")
    for number, planned in enumerate(usage.events or ()):
        _check_dimensions(planned.dimensions, names, problems, f"{path}.events.{number}.dimensions")
    return len(problems.errors) == known


def _check_dimensions(dimensions: Dimensions, names: set[str], problems: Problems, path: str) -> None:
    for place, (name, _) in enumerate(dimensions):
        if name not in names:
            problems.add(ErrorCode.NOT_FOUND, f"{path}.{place}.name", "Names no groupBy dimension of the metric.")
        elif name in {earlier for earlier, _ in dimensions[:place]}:
            problems.add(ErrorCode.INVALID, f"{path}.{place}.name", "Is there twice.")


def _pieces(usage: PlannedUsage, term: Term, path: str) -> list[_Piece]:
    assert term.metering is not None, "only metered prices have usage"
    looks_at_values = term.metering.metric.value_property is not None
    if usage.quantity is not None:
        return [_Piece(path, GivenUsage(usage.quantity), usage.dimensions)]
    pieces = []
    for number, planned in enumerate(usage.events or ()):
        # A metric without a valueProperty counts the event itself, whatever it carries.
        event = planned.event if looks_at_values else replace(planned.event, value=None)
        dimensions = usage.dimensions + planned.dimensions
        pieces.append(_Piece(f"{path}.events.{number}", GivenUsage(events=(event,)), dimensions))
    return pieces


def _take(piece: _Piece, own: Sequence[Term], shares: defaultdict[str, list[GivenUsage]], problems: Problems) -> None:
    # Of a dimension that is there for the usage and for the event, what the event says comes last and counts.
    said = dict(piece.dimensions)
    taker = next((term for term in own if term.metering is not None and term.metering.takes(said)), None)
    if taker is None:
        message = "No price of the plan charges usage with these dimensions."
        problems.add(ErrorCode.INVALID, f"{piece.path}.dimensions", message)
        return
    check_detail(piece.usage, taker.model, problems, f"{piece.path}.")
    shares[taker.price_id].append(piece.usage)
