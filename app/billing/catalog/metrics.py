"""Drafts of billable metrics."""

import re
from dataclasses import dataclass
from datetime import datetime

from app.billing.aggregation import Aggregation, needs_value
from app.billing.errors import ErrorCode, Problems
from app.billing.extraction import MAX_PATH_LENGTH, GroupBy, valid_path
from app.billing.text import MAX_KEY_LENGTH, check_key, check_name, check_optional_text

MAX_DIMENSIONS = 10
MAX_UNIT_LENGTH = 64

#: What a metric measures, by the names of its draft and of the API.
MEASURES = {
    "event_type": "eventType",
    "aggregation": "aggregation",
    "value_property": "valueProperty",
    "group_by": "groupBy",
    "event_from": "eventFrom",
}

# A dimension is written as a bare name in queries, so it must read as one.
_DIMENSION = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class BillableMetricDraft:
    """A billable metric as a user wants it; `product` is an id or key."""

    key: str | None = None
    product: str
    name: str
    description: str | None = None
    unit: str | None = None
    event_type: str
    aggregation: Aggregation
    value_property: str | None = None
    group_by: tuple[GroupBy, ...] = ()
    event_from: datetime | None = None


def check_billable_metric(draft: BillableMetricDraft, problems: Problems) -> None:
    """Note every problem of a metric that can be seen without a look-up, in the order of its fields."""
    check_key(problems, "key", draft.key)
    check_name(problems, "name", draft.name)
    check_optional_text(problems, "description", draft.description)
    check_optional_text(problems, "unit", draft.unit, MAX_UNIT_LENGTH)
    check_name(problems, "eventType", draft.event_type)
    _check_value_property(draft.aggregation, draft.value_property, problems)
    _check_group_by(draft.group_by, problems)


def _check_value_property(aggregation: Aggregation, path: str | None, problems: Problems) -> None:
    field = "valueProperty"
    if path is None:
        if needs_value(aggregation):
            problems.add(ErrorCode.BLANK, field, f"{aggregation} needs the path of a number, like $.tokens.")
    elif aggregation is Aggregation.COUNT:
        problems.add(ErrorCode.INVALID, field, "COUNT counts events and takes no valueProperty.")
    else:
        _check_path(path, field, problems)


def _check_group_by(group_by: tuple[GroupBy, ...], problems: Problems) -> None:
    if len(group_by) > MAX_DIMENSIONS:
        problems.add(ErrorCode.OUT_OF_RANGE, "groupBy", f"Must have at most {MAX_DIMENSIONS} dimensions.")
        return
    names: set[str] = set()
    for index, (name, path) in enumerate(group_by):
        field = f"groupBy.{index}.name"
        if len(name) > MAX_KEY_LENGTH:
            problems.add(ErrorCode.TOO_LONG, field, f"Must have at most {MAX_KEY_LENGTH} characters.")
        elif _DIMENSION.fullmatch(name) is None:
            message = "Must be letters, digits and underscores, not beginning with a digit."
            problems.add(ErrorCode.INVALID, field, message)
        elif name in names:
            problems.add(ErrorCode.INVALID, field, f"Another dimension is called {name}.")
        names.add(name)
        _check_path(path, f"groupBy.{index}.path", problems)


def _check_path(path: str, field: str, problems: Problems) -> None:
    if not path:
        problems.add(ErrorCode.BLANK, field, "Must not be blank.")
    elif len(path) > MAX_PATH_LENGTH:
        problems.add(ErrorCode.TOO_LONG, field, f"Must have at most {MAX_PATH_LENGTH} characters.")
    elif not valid_path(path):
        problems.add(ErrorCode.INVALID, field, "Must be a path of the form $.a.b.")
