import json

import pytest

from app.billing.errors import ErrorCode, InvariantBroken, Problems
from app.billing.filters import (
    MAX_VALUES,
    Condition,
    Filter,
    check_dimensions,
    check_filter,
    filter_from_json,
    filter_to_json,
    matches,
    overlap,
    takes,
)


def only(**values: str) -> Filter:
    """A filter by names and the texts they may have, joined by commas."""
    return tuple(Condition(name, tuple(given.split(","))) for name, given in values.items())


LARGE, SMALL, EU = only(model="large"), only(model="small,tiny"), only(region="eu")
BOTH = only(model="large", region="eu")
EVENT: dict[str, str | None] = {"model": "large", "region": "us"}


@pytest.mark.parametrize(
    ("conditions", "dimensions", "passes"),
    [
        ((), EVENT, True),
        ((), {}, True),
        (LARGE, EVENT, True),
        (SMALL, EVENT, False),
        (SMALL, {"model": "tiny"}, True),
        (BOTH, EVENT, False),
        (BOTH, {"model": "large", "region": "eu"}, True),
        (LARGE, {"model": "Large"}, False),
        (LARGE, {"model": None}, False),
        (LARGE, {}, False),
    ],
)
def test_all_conditions_hold(conditions: Filter, dimensions: dict[str, str | None], passes: bool) -> None:
    assert matches(conditions, dimensions) is passes


def test_a_price_without_a_filter_takes_what_the_others_leave() -> None:
    others = (LARGE, SMALL)
    assert not takes((), others, EVENT)
    assert not takes((), others, {"model": "tiny"})
    left: list[dict[str, str | None]] = [{"model": "other"}, {"model": None}, {}]
    for dimensions in left:
        assert takes((), others, dimensions)
    assert takes((), (), EVENT)
    assert takes(LARGE, (SMALL,), EVENT)
    assert not takes(SMALL, (LARGE,), EVENT)


@pytest.mark.parametrize(
    ("one", "other", "overlapping"),
    [
        (LARGE, SMALL, False),
        (LARGE, LARGE, True),
        (LARGE, only(model="small,large"), True),
        # No dimension in common: an event may be large and of the EU.
        (LARGE, EU, True),
        (LARGE, BOTH, True),
        (BOTH, only(model="large", region="us"), False),
        (BOTH, only(region="us", model="large"), False),
        (BOTH, only(region="us"), False),
        ((), LARGE, True),
        ((), (), True),
    ],
)
def test_filters_overlap_unless_a_dimension_tells_them_apart(one: Filter, other: Filter, overlapping: bool) -> None:
    assert overlap(one, other) is overlapping
    assert overlap(other, one) is overlapping


@pytest.mark.parametrize(
    ("conditions", "errors"),
    [
        ((), []),
        (BOTH, []),
        ((Condition("model", ()),), [("OUT_OF_RANGE", "0.in")]),
        ((Condition("model", tuple(map(str, range(MAX_VALUES)))),), []),
        ((Condition("model", tuple(map(str, range(MAX_VALUES + 1)))),), [("OUT_OF_RANGE", "0.in")]),
        ((Condition("model", ("a", "b", "a", "b")),), [("INVALID", "0.in.2"), ("INVALID", "0.in.3")]),
        ((Condition("model", ("", "\x00", "x" * 256)),), [
            ("BLANK", "0.in.0"), ("INVALID", "0.in.1"), ("TOO_LONG", "0.in.2"),
        ]),
        ((*LARGE, *SMALL, *LARGE), [("INVALID", "1.name"), ("INVALID", "2.name")]),
        ((Condition(" ", ("a",)), Condition(" ", ())), [
            ("BLANK", "0.name"), ("BLANK", "1.name"), ("INVALID", "1.name"), ("OUT_OF_RANGE", "1.in"),
        ]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_filter(conditions: Filter, errors: list[tuple[str, str]]) -> None:
    check_filter(conditions, problems := Problems(), "filter")
    assert [(error.code, error.field) for error in problems.errors] == [
        (ErrorCode(code), f"filter.{path}") for code, path in errors
    ]


def test_conditions_are_on_dimensions_of_the_metric() -> None:
    check_dimensions(BOTH, {"model"}, problems := Problems(), "filter")
    assert [(error.code, error.field) for error in problems.errors] == [(ErrorCode.NOT_FOUND, "filter.1.name")]
    check_dimensions(BOTH, {"model", "region"}, problems := Problems(), "filter")
    assert problems.errors == ()


@pytest.mark.parametrize("conditions", [(), LARGE, SMALL, BOTH])
def test_the_stored_form_reads_back(conditions: Filter) -> None:
    assert filter_from_json(json.loads(json.dumps(filter_to_json(conditions)))) == conditions
    assert filter_to_json(SMALL) == [{"name": "model", "in": ["small", "tiny"]}]
    assert filter_from_json(None) == ()


@pytest.mark.parametrize("data", [[{"name": "model"}], [{"in": ["a"]}], ["model"], [{"name": "model", "in": 5}]])
def test_another_stored_form_is_corrupted_data(data: list[dict[str, object]]) -> None:
    with pytest.raises(InvariantBroken):
        filter_from_json(data)
