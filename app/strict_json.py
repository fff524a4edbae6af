"""JSON from strangers, read strictly: what the database or a decimal can't hold is refused here, before anyone sees it.

RFC 8259 without Python's leniencies: UTF-8 only, no NaN or Infinity, bounded numbers and depth, no NUL and no lone
surrogate in any text. Numbers with a point or exponent become Decimal, so that every digit is kept.
"""

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias

#: The way to a value from the top: names of members, numbers of items.
Path: TypeAlias = tuple[str | int, ...]

MAX_DIGITS = 100
MAX_EXPONENT = 100
MAX_DEPTH = 32
_NUMBER = re.compile(r"-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?", re.ASCII)
_FORBIDDEN = re.compile("[\0\ud800-\udfff]")


class MalformedJson(ValueError):
    """The bytes are no JSON we accept; the message says why, in words safe to send back."""


def decode(body: bytes, max_depth: int = MAX_DEPTH, *, any_number: bool = False) -> object:
    """Return the value of a JSON text: dict, list, str, int, Decimal, bool or None; raise MalformedJson otherwise.

    `any_number` takes numbers beyond the bounds, as our own answers may hold them: 12e100 is written back as 1.2E+101.
    """
    try:
        value: object = json.loads(
            body.decode("utf-8"),
            parse_int=_parse_large_int if any_number else _parse_int,
            parse_float=_parse_large_decimal if any_number else _parse_decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_members,
        )
    except UnicodeDecodeError as error:
        raise MalformedJson("the body is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise MalformedJson(f"not JSON: {error.msg} at line {error.lineno} column {error.colno}") from error
    except RecursionError as error:
        raise MalformedJson(f"nested deeper than {max_depth} levels") from error
    for text in _texts(value, max_depth):
        refuse_bad_text(text)
    return value


def find_refused(body: bytes, max_depth: int = MAX_DEPTH) -> Path | None:
    """Return where the first value is that `decode` refuses; that of the object where it is a name.

    None where the text is no JSON at all. All is read once more, and slower: ask only when it was refused.
    """
    try:
        value: object = json.loads(
            body.decode("utf-8"),
            parse_int=_refused_or_read(_parse_int),
            parse_float=_refused_or_read(_parse_decimal),
            parse_constant=_refused_or_read(_refuse_constant),
            object_pairs_hook=_Members,
        )
    except (ValueError, RecursionError):
        return None
    return _way_to_refused(value, max_depth)


def refuse_bad_text(text: str) -> None:
    """Raise MalformedJson where a text holds NUL or a lone surrogate, which no database of ours stores."""
    if _FORBIDDEN.search(text):
        raise MalformedJson("text holds a NUL character or a lone surrogate")


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        # Of repeated names the last counts, but what the others hide may be stored with the text, so it is looked at.
        for _, value in pairs:
            for text in _texts(value, MAX_DEPTH):
                refuse_bad_text(text)
    return members


class _Members(list[tuple[str, object]]):
    """An object with all its members, also those of one name."""


_REFUSED: Final = object()


def _refused_or_read(read: Callable[[str], object]) -> Callable[[str], object]:
    def parse(literal: str) -> object:
        try:
            return read(literal)
        except MalformedJson:
            return _REFUSED

    return parse


def _way_to_refused(value: object, levels: int) -> Path | None:
    if value is _REFUSED or (isinstance(value, str) and _FORBIDDEN.search(value)):
        return ()
    if not isinstance(value, list):
        return None
    if levels == 0 or (isinstance(value, _Members) and any(_FORBIDDEN.search(name) for name, _ in value)):
        return ()
    for step, inner in value if isinstance(value, _Members) else enumerate(value):
        if (way := _way_to_refused(inner, levels - 1)) is not None:
            return (step, *way)
    return None


def _parse_int(literal: str) -> int:
    _check_number(literal)
    return int(literal)


def _parse_decimal(literal: str) -> Decimal:
    _check_number(literal)
    return Decimal(literal)


def _parse_large_int(literal: str) -> int:
    try:
        return int(literal)
    except ValueError as error:
        raise MalformedJson("a number has too many digits") from error


def _parse_large_decimal(literal: str) -> Decimal:
    try:
        return Decimal(literal)
    except InvalidOperation as error:
        raise MalformedJson("a number's exponent is too large") from error


def _check_number(literal: str) -> None:
    match = _NUMBER.fullmatch(literal)
    if match is None:
        raise MalformedJson("not a number")
    whole, fraction, exponent = match.groups(default="")
    if len(whole) + len(fraction) > MAX_DIGITS:
        raise MalformedJson(f"a number has more than {MAX_DIGITS} digits")
    if len(exponent) > MAX_DIGITS or abs(int(exponent or "0")) > MAX_EXPONENT:
        raise MalformedJson(f"a number's exponent is beyond {MAX_EXPONENT}")


def _refuse_constant(name: str) -> object:
    raise MalformedJson(f"{name} is not JSON")


def _texts(value: object, max_depth: int) -> Iterator[str]:
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict | list):
            if depth > max_depth:
                raise MalformedJson(f"nested deeper than {max_depth} levels")
            if isinstance(item, dict):
                yield from item
            waiting.extend((child, depth + 1) for child in (item.values() if isinstance(item, dict) else item))
