"""YAML as it is read and written: no surprises, no lost digits, and a line for every problem."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.cli.file_problems import UnreadableFile
from app.cli.yaml_reader import read_yaml
from app.cli.yaml_writer import write_yaml


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        *(("true", True), ("False", False), ("null", None), ("~", None), ("", None)),
        *(("yes", "yes"), ("no", "no"), ("on", "on"), ("Off", "Off"), ("y", "y"), ("tRUE", "tRUE")),
        *(("12", 12), ("-3", -3), ("0", 0), ("9" * 100, int("9" * 100))),
        *(("0.10", "0.10"), ("0.00002", "0.00002"), ("1e3", "1e3"), ("-1.50", "-1.50"), (".5", ".5")),
        *(("1.000000000000000000000000001", "1.000000000000000000000000001"), ("1_000", "1_000")),
        *(("2026-08-01", "2026-08-01"), ("2026-08-01T12:00:00Z", "2026-08-01T12:00:00Z"), ("1:30", "1:30")),
        *(('"true"', "true"), ("'1'", "1"), ('"007"', "007"), ("<<", "<<"), ('"\\u00e4"', "ä"), ("=", "=")),
    ],
)
def test_a_scalar_is_what_it_looks_like(scalar: str, value: Any) -> None:
    reading = read_yaml(f"a: {scalar}\n")
    assert reading.problems == []
    assert reading.value == {"a": value}
    assert type(reading.value["a"]) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x: 1\na: 007", 2, "007 is a number to some readers"),
        ("a: 0o7", 1, "0o7 is a number"),
        ("a: 0x1F", 1, "0x1F is a number"),
        ("a: .inf", 1, ".inf is a number"),
        ("a: .NaN", 1, ".NaN is a number"),
        ("a: 0123.5", 1, "0123.5 is a number"),
        ("a: " + "9" * 101, 1, "has more than 100 digits"),
        ("a: &x 1\nb: 2", 1, "Anchors (&) are not taken"),
        ("a: 1\nb: *x", 2, "Aliases (*) are not taken"),
        ("a: &x [*x]", 1, "Aliases (*) are not taken"),
        ("a: !!str 1", 1, "Tags (!) are not taken"),
        ("a: !!python/object/apply:os.system [ls]", 1, "Tags (!) are not taken"),
        ("a: !own\n  b: 1", 1, "Tags (!) are not taken"),
        ("a: ! x", 1, "Tags (!) are not taken"),
        ("a: 1\nb: 2\na: 3", 3, "Is given twice; first in line 1."),
        ("a:\n  - {b: 1, b: 2}", 2, "Is given twice"),
        ("1: a", 1, "A name must be a text"),
        ("true: a", 1, "A name must be a text"),
        ("1.5: a", 1, "A name must be a text"),
        ("~: a", 1, "A name must be a text"),
        ("? [a]\n: b", 1, "A name must be a text"),
        ("? {a: b}\n: b", 1, "A name must be a text"),
        ('a: "\\ud800"', 1, "a lone surrogate"),
        ('a: "\\0"', 1, "a NUL character"),
        ('"\\0": a', 1, "a NUL character"),
    ],
)
def test_what_is_not_taken_is_noted_with_its_line(text: str, line: int, message: str) -> None:
    problems = read_yaml(text).problems
    assert any(problem.line == line and message in problem.message for problem in problems), problems


def test_every_problem_is_noted_at_once_with_its_path() -> None:
    reading = read_yaml("prices:\n  - key: 007\n    model: {standard: !x 1}\n  - key: *a\n  - {k: 1, k: 2}\n")
    assert [(problem.line, problem.path) for problem in reading.problems] == [
        (2, ("prices", 0, "key")),
        (3, ("prices", 0, "model", "standard")),
        (4, ("prices", 1, "key")),
        (5, ("prices", 2, "k")),
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", None, "holds nothing"),
        ("# only a comment\n", None, "holds nothing"),
        ("a: 1\n---\nb: 2", 2, "several documents"),
        ("a: [1", 1, "not YAML"),
        ("a: 1\n b: 2", 2, "not YAML"),
        ("a:\n\t- b", 2, "not YAML"),
        ("%YAML 2.0\n---\na: 1", 1, "not YAML"),
        ("a: 1\nb: \x07", 2, "control character"),
        ("[" * 100, 1, "nested deeper than 32"),
        ("- " * 5000, 1, "nested deeper than 32"),
    ],
)
def test_what_is_no_single_document_is_refused(text: str, line: int | None, message: str) -> None:
    with pytest.raises(UnreadableFile, match=message) as refused:
        read_yaml(text)
    assert refused.value.problem.line == line


def test_aliases_never_multiply() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    reading = read_yaml(bomb)
    assert len(reading.problems) == 30 + 29 * 9
    assert reading.value["a29"] == [None] * 9


def test_every_value_has_its_line() -> None:
    lines = read_yaml("a:\n  b: 1\n  c:\n    - d\n    - e: |\n        x\n\nf: {g: 1,\n  h: 2}\n").lines
    assert lines[("a",)] == 1
    assert lines[("a", "c")] == 3
    assert lines[("a", "c", 0)] == 4
    assert lines[("a", "c", 1, "e")] == 5
    assert (lines[("f", "g")], lines[("f", "h")]) == (8, 9)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.sampled_from(
    [
        "0.1",
        "007",
        "1e3",
        "yes",
        "null",
        "~",
        "",
        "0o7",
        "- a",
        "a: b",
        "#",
        "2026-01-01",
        "1:30",
        "!x",
        "&a",
        "*a",
        "<<",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_what_is_written_reads_the_same(value: dict[str, Any]) -> None:
    written = write_yaml(value)
    reading = read_yaml(written)
    assert (reading.problems, reading.value) == ([], value)
    assert yaml.safe_load(written) == value, "other readers of YAML see the same"


def test_what_is_written_reads_well() -> None:
    value = {"prices": [{"key": "tokens", "model": {"standard": {"unitPrice": "0.00002"}}, "quantity": None}]}
    assert write_yaml(value) == (
        'prices:\n  - key: tokens\n    model:\n      standard:\n        unitPrice: "0.00002"\n    quantity: null\n'
    )
