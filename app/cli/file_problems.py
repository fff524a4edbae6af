"""What is wrong with a file, and where."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

#: The way to a value from the top of a file: names of members, numbers of items.
Path: TypeAlias = tuple[str | int, ...]


class Problem(NamedTuple):
    """One thing that is wrong; `line` is null where only the path is known."""

    path: Path
    line: int | None
    message: str


class UnreadableFile(ValueError):
    """A file that can't be read to its end."""

    def __init__(self, message: str, line: int | None = None) -> None:
        """Take what is wrong, and in which line."""
        super().__init__(message)
        self.problem = Problem((), line, message)


def describe(name: str, problems: Iterable[Problem], lines: Mapping[Path, int]) -> str:
    """Return the problems of a file, one a line, in the order of the file's lines."""
    placed = [(problem.line or line_of(problem.path, lines), problem) for problem in problems]
    placed.sort(key=lambda entry: entry[0] or 0)
    return "\n".join(_sentence(name, line, problem) for line, problem in placed)


def line_of(path: Path, lines: Mapping[Path, int]) -> int | None:
    """Return the line of a value; of one that is missing, that of what it is missing from."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path)


def _sentence(name: str, line: int | None, problem: Problem) -> str:
    place = f"{name}:{line}" if line else name
    path = ".".join(str(step) for step in problem.path)
    return f"{place}: {path}: {problem.message}" if path else f"{place}: {problem.message}"
