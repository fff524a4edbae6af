"""YAML read strictly: the JSON-like part of YAML 1.2, numbers as they are written, and the line of every value.

Values are built from the parser's events, so that aliases are seen before they could multiply or form a cycle.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from app import strict_json
from app.cli.file_problems import Path, Problem, UnreadableFile

_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?", re.ASCII)
#: What some readers take for numbers and others don't, or not for the same ones.
_DOUBTFUL = re.compile(
    r"[-+]?(0[0-9_]+(\.[0-9]*)?([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+|\.(inf|Inf|INF)|\.(nan|NaN|NAN))", re.ASCII
)


@dataclass
class Reading:
    """What a file says, where it says it, and what of it is not taken."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_yaml(text: str) -> Reading:
    """Read one document; raise UnreadableFile where it is not YAML at all."""
    reading = Reading()
    try:
        _Builder(yaml.parse(text, Loader=yaml.SafeLoader), reading).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UnreadableFile(f"not YAML: {error.problem}.", mark.line + 1 if mark else None) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnreadableFile("holds a control character, which YAML does not take.", line) from error
    return reading


def resolve(text: str) -> bool | int | str | None:
    """Return the value of an unquoted scalar, a decimal number as its text. Raises ValueError for a doubtful number."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _DOUBTFUL.fullmatch(text):
        raise ValueError("is a number to some readers and a text to others; put it in quotes, or write it plainly")
    if _WHOLE.fullmatch(text):
        if len(text) > strict_json.MAX_DIGITS:
            raise ValueError(f"has more than {strict_json.MAX_DIGITS} digits")
        return int(text)
    return text


def is_plain(text: str) -> bool:
    """Tell whether a text without quotes would be read as itself, and as a text to all readers."""
    try:
        return resolve(text) == text and _DECIMAL.fullmatch(text) is None
    except ValueError:
        return False


class _Builder:
    def __init__(self, events: Iterator[yaml.Event], reading: Reading) -> None:
        self._events = events
        self._reading = reading

    def document(self) -> None:
        """Build the value of the only document."""
        next(self._events)  # the stream begins
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise UnreadableFile("holds nothing.")
        self._reading.value = self._value(next(self._events), ())
        next(self._events)  # the document ends
        if isinstance(again := next(self._events), yaml.DocumentStartEvent):
            raise UnreadableFile("holds several documents; write one.", _line(again))

    def _value(self, event: yaml.Event, path: Path) -> Any:
        self._reading.lines.setdefault(path, _line(event))
        if isinstance(event, yaml.AliasEvent):
            self._note(path, event, "Aliases (*) are not taken; write the value out.")
            return None
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
        if event.anchor is not None:
            self._note(path, event, "Anchors (&) are not taken; write the value out where it is needed.")
        if event.tag is not None:
            self._note(path, event, "Tags (!) are not taken; put a text in quotes.")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if len(path) >= strict_json.MAX_DEPTH:
            raise UnreadableFile(f"is nested deeper than {strict_json.MAX_DEPTH} levels.", _line(event))
        return self._items(path) if isinstance(event, yaml.SequenceStartEvent) else self._members(path)

    def _items(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _members(self, path: Path) -> dict[str, Any]:
        members: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            name = self._name(event, path)
            place = (*path, name)
            if name in members:
                self._note(place, event, f"Is given twice; first in line {self._reading.lines[place]}.")
            self._reading.lines.setdefault(place, _line(event))
            value = self._value(next(self._events), place)
            members.setdefault(name, value)
        return members

    def _name(self, event: yaml.Event, path: Path) -> str:
        """Return the name of a member; what is no text is noted, and stands for its line."""
        stand_in = f"<line {_line(event)}>"
        place = (*path, stand_in)
        name = self._value(event, place)
        quoted = isinstance(event, yaml.ScalarEvent) and event.style is not None
        if isinstance(name, str) and (quoted or is_plain(name)):
            return name
        self._note(place, event, "A name must be a text; put it in quotes.")
        return stand_in

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> bool | int | str | None:
        try:
            strict_json.refuse_bad_text(event.value)
            return resolve(event.value) if event.style is None else str(event.value)
        except strict_json.MalformedJson:
            self._note(path, event, "Holds a NUL character or a lone surrogate.")
        except ValueError as error:
            self._note(path, event, f"{event.value} {error}.")
        return None

    def _note(self, path: Path, event: yaml.Event, message: str) -> None:
        self._reading.problems.append(Problem(path, _line(event), message))


def _line(event: yaml.Event) -> int:
    assert event.start_mark is not None, "the parser marks every event"
    return event.start_mark.line + 1
