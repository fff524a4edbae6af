"""What the benchmarks judge by."""

import pytest

from bench.reads import fields, same
from bench.registry import BENCHMARKS, Benchmark


def test_fields_are_counted_at_every_depth() -> None:
    assert fields({"a": 1, "b": [{"c": None}, {"c": {"d": [1, 2]}}]}) == 5


@pytest.mark.parametrize(
    ("theirs", "is_same"),
    [
        ({"at": "2026-01-01T00:00:00+00:00", "n": ["1"]}, True),
        ({"at": "2026-01-01T00:00:01+00:00", "n": ["1"]}, False),
        ({"at": "2026-01-01T00:00:00Z", "n": ["2"]}, False),
        ({"at": "2026-01-01T00:00:00Z", "n": ["1", "1"]}, False),
        ({"n": ["1"], "at": "2026-01-01T00:00:00Z"}, False),
    ],
)
def test_answers_are_compared_whole(theirs: object, is_same: bool) -> None:
    assert same({"at": "2026-01-01T00:00:00Z", "n": ["1"]}, theirs) is is_same


def test_a_bound_is_reached_from_its_side() -> None:
    assert [Benchmark(lambda: 0, "≥", 3, 1).is_reached_by(value) for value in (2.99, 3)] == [False, True]
    assert [Benchmark(lambda: 0, "≤", 3, 1).is_reached_by(value) for value in (3, 3.01)] == [True, False]


def test_each_takes_five_minutes_at_most_and_memory_fifteen() -> None:
    seconds = {name: benchmark.seconds for name, benchmark in BENCHMARKS.items()}
    assert seconds.pop("memory") <= 15 * 60
    assert max(seconds.values()) <= 5 * 60
