"""JSON from strangers: what is refused, and that every digit is kept."""

from decimal import Decimal

import pytest

from app.strict_json import MAX_DEPTH, MalformedJson, Path, decode, find_refused


def test_every_digit_is_kept() -> None:
    read = decode(b'{"i": 12345678901234567890123, "d": 0.100, "e": 1e-5}')
    assert read == {"i": 12345678901234567890123, "d": Decimal("0.100"), "e": Decimal("0.00001")}


def test_of_repeated_names_the_last_counts() -> None:
    assert decode(b'{"a": 1, "a": 2}') == {"a": 2}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b"[Infinity]",
        b"\xff",
        b'"\\u0000"',
        b'"\\ud800"',
        b'{"\\ud800": 1}',
        b'{"a": "\\ud800", "a": 1}',
        b'{"a": {"b": "\\u0000"}, "a": 1}',
        b'{"a": ' + b"[" * 40 + b"]" * 40 + b', "a": 1}',
        b"[" * 33 + b"]" * 33,
        b"[" * 100_000,
        b"1" * 101,
        b"1e101",
        b"1e-101",
        b"1e" + b"9" * 5000,
        b"1" * 5000,
    ],
)
def test_what_no_database_or_decimal_holds_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        decode(body)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'"\\u0000"', ()),
        (b"NaN", ()),
        (b"[1, 2.5, 1e101]", (2,)),
        (b'{"a": "x", "b": {"c": [null, true, "\\ud800"]}}', ("b", "c", 2)),
        (b'{"a": {"\\u0000": 1}}', ("a",)),
        (b'{"a": "\\u0000", "a": 1}', ("a",)),
        (b'{"a": {"b": 1, "\\ud800": "\\u0000"}, "c": NaN}', ("a",)),
        (b"[" * 33 + b"]" * 33, (0,) * MAX_DEPTH),
        # No JSON at all.
        (b"", None),
        (b"\xff", None),
        (b'{"a": "\\u0000"', None),
        (b"[" * 100_000, None),
    ],
)
def test_what_is_refused_is_found(body: bytes, place: Path | None) -> None:
    with pytest.raises(MalformedJson):
        decode(body)
    assert find_refused(body) == place


def test_where_nothing_is_refused_nothing_is_found() -> None:
    deep = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    for body in (deep, b'{"a": [1, 2.5, -1e100, null, true, "x", {}]}', b"1" * 100):
        decode(body)
        assert find_refused(body) is None
