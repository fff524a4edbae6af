"""A benchmark at toy size: the servers start, answer the same, and are compared. The figure is not looked at."""

import pytest

from bench.reads import read_nested


def test_a_benchmark_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert read_nested(units=4, rounds=1) > 0
    printed = capsys.readouterr().out
    assert "strawberry_orm" in printed
    assert "by turns" in printed
