"""Filters of prices: which of a metric's events a price charges, by the metric's groupBy dimensions."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from app.billing.errors import ErrorCode, InvariantBroken, Problems
from app.billing.text import check_name

MAX_VALUES = 100


class Condition(NamedTuple):
    """That an event's value of a dimension is one of some texts."""

    name: str
    values: tuple[str, ...]


#: All conditions must hold. Without any it is no filter.
Filter = tuple[Condition, ...]
Dimensions = Mapping[str, str | None]


def check_filter(conditions: Filter, problems: Problems, field: str) -> None:
    """Note what is wrong with a filter: a dimension named twice, no value, too many, a value that is blank or twice."""
    seen: set[str] = set()
    for place, condition in enumerate(conditions):
        path = f"{field}.{place}"
        check_name(problems, f"{path}.name", condition.name)
        if condition.name in seen:
            problems.add(ErrorCode.INVALID, f"{path}.name", f"Another condition is on {condition.name}.")
        seen.add(condition.name)
        if not 1 <= len(condition.values) <= MAX_VALUES:
            problems.add(ErrorCode.OUT_OF_RANGE, f"{path}.in", f"Must have 1 to {MAX_VALUES} values.")
            continue
        for index, value in enumerate(condition.values):
            if value in condition.values[:index]:
                problems.add(ErrorCode.INVALID, f"{path}.in.{index}", "The value is in the list already.")
            else:
                check_name(problems, f"{path}.in.{index}", value)


def check_dimensions(conditions: Filter, dimensions: Collection[str], problems: Problems, field: str) -> None:
    """Note the conditions on dimensions that the metric lacks."""
    for place, condition in enumerate(conditions):
        if condition.name not in dimensions:
            message = "Names no groupBy dimension of the metric."
            problems.add(ErrorCode.NOT_FOUND, f"{field}.{place}.name", message)


def matches(conditions: Filter, dimensions: Dimensions) -> bool:
    """Tell whether an event with these dimensions passes; one that lacks a dimension passes no condition on it."""
    return all(dimensions.get(condition.name) in condition.values for condition in conditions)


def takes(own: Filter, others: Sequence[Filter], dimensions: Dimensions) -> bool:
    """Tell whether a price charges an event. One without a filter takes what no other price of the metric does."""
    if own:
        return matches(own, dimensions)
    return not any(matches(other, dimensions) for other in others)


def overlap(one: Filter, other: Filter) -> bool:
    """Tell whether an event could pass both of two filters: unless they share a dimension and none of its values."""
    values = {condition.name: set(condition.values) for condition in one}
    return not any(values.get(name, set(wanted)).isdisjoint(wanted) for name, wanted in other)


def covers(wide: Filter, narrow: Filter) -> bool:
    """Tell whether every event that passes one filter passes the other, wide one; no filter is passed by all."""
    values = {condition.name: set(condition.values) for condition in narrow}
    return all(name in values and values[name].issubset(wanted) for name, wanted in wide)


def filter_to_json(conditions: Filter) -> list[dict[str, Any]]:
    """Return a filter as documents and rows write it."""
    return [{"name": condition.name, "in": list(condition.values)} for condition in conditions]


def filter_from_json(data: Sequence[Mapping[str, Any]] | None) -> Filter:
    """Read what `filter_to_json` wrote; None is no filter. InvariantBroken when it is something else."""
    if not data:
        return ()
    try:
        return tuple(Condition(str(item["name"]), tuple(map(str, item["in"]))) for item in data or ())
    except (KeyError, TypeError) as error:
        raise InvariantBroken("The stored filter of a price is none.") from error
