"""What events count for, and whom they are billed to: domain.md section 4."""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from tests.naive.agreed import Life, Span
from tests.naive.history import Condition, Dynamic, Event, History, Metric, Plan, Price
from tests.naive.prices import Used
from tests.naive.windows import Window

BOUND, PLACES = 10**20, 10**18
MISSING = object()


class Counted(NamedTuple):
    """An event that a price charges: its key, what it counts for (a number or a text), and the price it carries."""

    key: str
    value: Fraction | str
    unit_price: Fraction | None


def counted(
    history: History, lives: list[Life], place: int, span: Span, window: Window, now: datetime
) -> list[Counted]:
    """The events of a window that a subscription bills by a price, of those that had arrived before an instant."""
    price = span.price
    metric = price.metric
    assert metric is not None
    path = price.model.unit_price_property if isinstance(price.model, Dynamic) else None
    listed = []
    for event in _once_each(history, now):
        if event.type != metric.event_type or not window.start <= event.timestamp < window.end:
            continue
        value = _value(metric, event)
        if value is None or _biller(lives, metric, event, now) != place:
            continue
        if _takes(span.plan, price, _dimensions(metric, event)):
            carried = None if path is None else _plain_number(found_at(event.data, path))
            listed.append(Counted(event.key, value, carried))
    return listed


def quantity(metric: Metric, events: list[Counted]) -> Fraction:
    """What events come to. None is 0."""
    numbers = [event.value for event in events if isinstance(event.value, Fraction)]
    match metric.aggregation:
        case "COUNT":
            return Fraction(len(events))
        case "SUM":
            return sum(numbers, Fraction(0))
        case "MAX":
            return max(numbers, default=Fraction(0))
        case "UNIQUE_COUNT":
            return Fraction(len({event.value for event in events}))


def used(metric: Metric, events: list[Counted]) -> list[Used]:
    """What a model that looks at each event sees of it: where events are counted, each is worth 1."""
    if metric.aggregation == "COUNT":
        return [Used(Fraction(1), event.unit_price) for event in events]
    return [Used(event.value, event.unit_price) for event in events if isinstance(event.value, Fraction)]


def _once_each(history: History, now: datetime) -> Iterable[Event]:
    """The customer's events that had arrived and stand; of those with the same key, the first."""
    void = {one.key for one in history.voids if one.at < now}
    seen: set[str] = set()
    for event in sorted(history.events, key=lambda event: event.arrives_at):
        if event.arrives_at < now and event.key not in seen:
            seen.add(event.key)
            who = event.external_subject if event.subject is None else event.subject
            if who == "CUSTOMER" and event.key not in void:
                yield event


def _value(metric: Metric, event: Event) -> Fraction | str | None:
    """What an event counts for; None where it counts for nothing."""
    if metric.event_from is not None and event.timestamp < metric.event_from:
        return None
    if metric.aggregation == "COUNT" or metric.value_property is None:
        # Each counts, and each is another.
        return event.key
    found = found_at(event.data, metric.value_property)
    return text_of(found) if metric.aggregation == "UNIQUE_COUNT" else number_of(found)


def _biller(lives: list[Life], metric: Metric, event: Event, now: datetime) -> int | None:
    """The place of the oldest subscription that covers an event's timestamp and prices it."""
    for life in sorted(lives, key=lambda life: life.subscription.started_at):
        plan = life.plan_at(event.timestamp)
        if plan is None or life.subscription.started_at >= now:
            continue
        for price in plan.prices:
            if price.metric == metric and _takes(plan, price, _dimensions(metric, event)):
                return life.subscription.place
    return None


def _takes(plan: Plan, price: Price, dimensions: dict[str, str | None]) -> bool:
    """Tell whether a price of a plan charges events of some dimensions. One without a filter takes the rest."""
    if price.conditions:
        return _passes(price.conditions, dimensions)
    rivals = [one for one in plan.prices if one.metric == price.metric and one.conditions]
    return not any(_passes(rival.conditions, dimensions) for rival in rivals)


def _passes(conditions: tuple[Condition, ...], dimensions: dict[str, str | None]) -> bool:
    return all(dimensions[condition.dimension] in condition.values for condition in conditions)


def _dimensions(metric: Metric, event: Event) -> dict[str, str | None]:
    return {name: text_of(found_at(event.data, path)) for name, path in metric.group_by}


@lru_cache(maxsize=10_000)
def _read(data: str) -> Any:
    return json.loads(data, parse_float=Decimal)


def found_at(data: str, path: str) -> object:
    found = _read(data)
    for name in path.split(".")[1:]:
        if not isinstance(found, dict) or name not in found:
            return MISSING
        found = found[name]
    return found


def number_of(found: object) -> Fraction | None:
    """A number, or a text of plain digits, within the bounds of quantities; None for all else."""
    number = _plain_number(found)
    within = number is not None and abs(number) < BOUND and (number * PLACES).denominator == 1
    return number if within else None


def _plain_number(found: object) -> Fraction | None:
    """A number, or a text of plain digits, of any size; None for all else."""
    if isinstance(found, bool) or not isinstance(found, int | Decimal | str):
        return None
    if isinstance(found, str) and not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", found):
        return None
    return Fraction(found)


def text_of(found: object) -> str | None:
    """A scalar as the text that tells it apart: equal numbers are equal, and so are a number and its plain digits."""
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, str):
        return found
    if isinstance(found, int | Decimal):
        return _plain(Fraction(found))
    return None


def _plain(number: Fraction) -> str:
    """The digits of a number, without an exponent and without zeros at the end of its decimals."""
    sign = "-" if number < 0 else ""
    whole, rest = divmod(abs(number), 1)
    digits = ""
    while rest:
        digit, rest = divmod(rest * 10, 1)
        digits += str(digit)
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"
