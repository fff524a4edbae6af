from collections.abc import Callable

import pytest

from app.billing.errors import ErrorCode, Problems
from app.billing.text import (
    check_external_id,
    check_key,
    check_metadata,
    check_name,
    check_optional_text,
    text_problem,
)

BLANK, TOO_LONG, INVALID, OUT_OF_RANGE = (
    ErrorCode.BLANK,
    ErrorCode.TOO_LONG,
    ErrorCode.INVALID,
    ErrorCode.OUT_OF_RANGE,
)


def found(check: Callable[[Problems], None]) -> list[tuple[ErrorCode, str | None]]:
    problems = Problems()
    check(problems)
    return [(error.code, error.field) for error in problems.errors]


@pytest.mark.parametrize(
    "value", ["", "Acme", "two\nlines\tand a tab", "日本", "Ünïcödé", "🎉", "\u00a0", "\u200f\u05e9\u05dc", "a\u200db"]
)
def test_ordinary_text_of_any_language_is_fine(value: str) -> None:
    assert text_problem(value) is None


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("a\x00b", "control character U+0000"),
        ("a\rb", "control character U+000D"),
        ("\x1b[31m", "control character U+001B"),
        ("\x7f", "control character U+007F"),
        ("\x85", "control character U+0085"),
        ("a\ud800", "surrogate"),
        ("\udfffa", "surrogate"),
        ("gpj\u202eexe", "direction of writing"),
        ("\u2066a\u2069", "direction of writing"),
        ("fine\n\x00", "control character U+0000"),
    ],
)
def test_characters_that_no_text_may_hold(value: str, problem: str) -> None:
    said = text_problem(value)
    assert said is not None
    assert problem in said


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        ("Acme", []),
        ("", [BLANK]),
        (" \t\n\u3000", [BLANK]),
        ("x" * 255, []),
        ("x" * 256, [TOO_LONG]),
        ("a\x00", [INVALID]),
    ],
)
def test_names(value: str, codes: list[ErrorCode]) -> None:
    assert found(lambda problems: check_name(problems, "name", value)) == [(code, "name") for code in codes]


def test_the_length_of_a_name_is_counted_in_characters() -> None:
    assert found(lambda problems: check_name(problems, "unit", "é" * 5, 5)) == []
    assert found(lambda problems: check_name(problems, "unit", "é" * 6, 5)) == [(TOO_LONG, "unit")]


@pytest.mark.parametrize(
    ("value", "codes"),
    [(None, []), ("", []), (" ", []), ("x" * 2000, []), ("x" * 2001, [TOO_LONG]), ("\ud83d", [INVALID])],
)
def test_optional_texts(value: str | None, codes: list[ErrorCode]) -> None:
    got = found(lambda problems: check_optional_text(problems, "description", value))
    assert got == [(code, "description") for code in codes]


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        (None, []),
        ("pro", []),
        ("pro-2026.v1_eu", []),
        ("0", []),
        ("x" * 64, []),
        ("x" * 65, [TOO_LONG]),
        ("", [BLANK]),
        ("Pro", [INVALID]),
        ("pro plan", [INVALID]),
        ("-pro", [INVALID]),
        ("pro--1", [INVALID]),
        ("pro_", [INVALID]),
        ("größe", [INVALID]),
        ("pro\n", [INVALID]),
        ("prod_" + "0123456789abcdefghjkmnpqrs", [INVALID]),
        ("plan_" + "a" * 26, [INVALID]),
        ("plan_" + "a" * 25, []),
        ("plan2_" + "a" * 26, []),
    ],
)
def test_keys(value: str | None, codes: list[ErrorCode]) -> None:
    assert found(lambda problems: check_key(problems, "key", value)) == [(code, "key") for code in codes]


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        (None, []),
        ("acme-1", []),
        ("_A-9", []),
        ("x" * 255, []),
        ("x" * 256, [TOO_LONG]),
        ("", [BLANK]),
        ("acme 1", [INVALID]),
        ("acme\n", [INVALID]),
        ("a.b", [INVALID]),
        ("é", [INVALID]),
        ("\u0661", [INVALID]),
    ],
)
def test_external_ids(value: str | None, codes: list[ErrorCode]) -> None:
    got = found(lambda problems: check_external_id(problems, "externalId", value))
    assert got == [(code, "externalId") for code in codes]


@pytest.mark.parametrize(
    ("value", "errors"),
    [
        ({}, []),
        ({"team": "billing", "note": "", "größe": "x" * 500}, []),
        ({f"key{index}": "" for index in range(50)}, []),
        ({f"key{index}": "" for index in range(51)}, [(OUT_OF_RANGE, "metadata")]),
        ([], [(INVALID, "metadata")]),
        ("text", [(INVALID, "metadata")]),
        (None, [(INVALID, "metadata")]),
        ({"team": 5, "ok": "x", "deep": {}}, [(INVALID, "metadata.team"), (INVALID, "metadata.deep")]),
        ({"": "x"}, [(INVALID, "metadata")]),
        ({"x" * 64: "x", "x" * 65: "x"}, [(INVALID, "metadata")]),
        ({"a\x00": "x"}, [(INVALID, "metadata")]),
        ({5: "x"}, [(INVALID, "metadata")]),
        ({"note": "x" * 501}, [(TOO_LONG, "metadata.note")]),
        ({"note": "a\x00"}, [(INVALID, "metadata.note")]),
    ],
)
def test_metadata(value: object, errors: list[tuple[ErrorCode, str]]) -> None:
    assert found(lambda problems: check_metadata(problems, "metadata", value)) == errors
