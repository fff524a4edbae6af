"""Malformed inputs, kept as files in `tests/corpus/malformed`: one a line, with what it must be answered.

`mutations.jsonl`: a mutation, a path in its input, what stands there instead of something valid, and the code. The rest
of the input is that of an act in `tests/support/life.py`, as valid as can be. `documents.jsonl`: a whole GraphQL
document, the code, and what the message has to name. The other files are requests of REST: what is changed of a good
one, and its status, code and fields. A line whose body is no JSON has its bytes in base 64.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.life import LIFE, Act

#: What `x*6000` in a file stands for.
LONG = "x" * 6000
FOLDER = Path(__file__).parent.parent / "corpus" / "malformed"
Steps = tuple[str | int, ...]


def lines(name: str) -> list[Any]:
    """Return what a file says, line by line."""
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]


@dataclass(frozen=True)
class BadInput:
    """Something in an input that no mutation takes."""

    mutation: str
    path: str
    value: Any
    code: str

    @property
    def steps(self) -> Steps:
        """The path, step by step."""
        return tuple(int(step) if step.isdecimal() else step for step in self.path.split("."))


def bad_inputs() -> list[BadInput]:
    """Return all of them."""
    return [
        BadInput(name, path, LONG if value == "x*6000" else value, code) for name, path, value, code in _mutations()
    ]


def _mutations() -> Iterator[tuple[str, str, Any, str]]:
    yield from map(tuple, lines("mutations"))


def act_for(mutation: str, steps: Steps) -> Act:
    """Return the first act of a mutation whose input has the object or the list that a path ends in."""
    return next(act for act in LIFE if act.mutation == mutation and _holds(act.input, steps))


def _holds(value: Any, steps: Steps) -> bool:
    for step in steps[:-1]:
        if not (isinstance(value, dict | list) and (step in value if isinstance(value, dict) else step < len(value))):  # type: ignore[operator]
            return False
        value = value[step]  # type: ignore[index]
    last = steps[-1]
    return isinstance(value, dict) if isinstance(last, str) else isinstance(value, list) and last < len(value)


def with_bad(value: Any, steps: Steps, bad: Any) -> Any:
    """Return an input with something else at a path."""
    if not steps:
        return bad
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    inner = copy[steps[0]] if len(steps) > 1 else None
    copy[steps[0]] = with_bad(inner, steps[1:], bad)
    return copy


@dataclass(frozen=True)
class BadRequest:
    """A request of REST that is refused."""

    status: int
    code: str
    fields: list[str] = field(default_factory=list)
    change: dict[str, Any] | None = None
    json: Any = None
    base64: str | None = None
    headers: dict[str, str | None] = field(default_factory=dict)
    query: str | None = None

    def body(self, good: dict[str, Any]) -> bytes:
        """Return the bytes to send."""
        if self.base64 is not None:
            return base64.b64decode(self.base64)
        if self.change is None:
            return json.dumps(good if self.json is None else self.json).encode()
        changed = {**good, **self.change}
        return json.dumps({name: value for name, value in changed.items() if value != "(left out)"}).encode()


def bad_requests(name: str) -> Iterator[BadRequest]:
    """Yield those of one file."""
    return (BadRequest(**line) for line in lines(name))
