"""Catalogs in files: YAML or JSON, read with every problem named, written so that they read the same."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path as FilePath
from typing import IO, Any

from graphql import GraphQLInputType, is_input_object_type, is_list_type, is_non_null_type
from graphql.utilities import validate_input_value

from app import strict_json
from app.cli.file_problems import Path, Problem, UnreadableFile, describe
from app.cli.target import STANDARD, CommandError
from app.cli.terminal import standard_input
from app.cli.yaml_reader import Reading, read_yaml
from app.cli.yaml_writer import write_yaml

MAX_BYTES = 1_048_576


class FileFormat(StrEnum):
    """How a catalog is written."""

    YAML = "yaml"
    JSON = "json"


@dataclass(frozen=True)
class CatalogFile:
    """A catalog that was read, and where its parts stand in the file."""

    name: str
    catalog: dict[str, Any]
    lines: Mapping[Path, int]

    def explain(self, errors: Sequence[Mapping[str, Any]]) -> str:
        """Return what the server found wrong, with the places in the file."""
        problems = [Problem(_steps(error["field"]), None, error["message"]) for error in errors]
        return describe(self.name, problems, self.lines)


def format_of(file: str, given: FileFormat | None) -> FileFormat:
    """Return the format of a file by its suffix, where none is given; of a stream it is YAML."""
    if given is not None or file == STANDARD:
        return given or FileFormat.YAML
    formats = {".yaml": FileFormat.YAML, ".yml": FileFormat.YAML, ".json": FileFormat.JSON}
    if (found := formats.get(FilePath(file).suffix.lower())) is None:
        raise CommandError(f"{file} ends neither in .yaml nor in .json; say which it is with --format.")
    return found


def load_catalog(file: str, given: FileFormat | None, kind: GraphQLInputType) -> CatalogFile:
    """Read a catalog and hold it against its type; raise CommandError with every problem there is."""
    name = "stdin" if file == STANDARD else file
    form = format_of(file, given)
    try:
        reading = _read(_content(file), form)
    except UnreadableFile as error:
        raise CommandError(describe(name, [error.problem], {})) from error
    # A repeated name of a JSON file has no path, and hides nothing.
    noted = {problem.path for problem in reading.problems if problem.path}
    problems = [each for each in problems_of(reading.value, kind) if not noted & set(_ways(each.path))]
    if reading.problems or problems:
        raise CommandError(describe(name, [*reading.problems, *problems], reading.lines))
    return CatalogFile(name, reading.value, reading.lines)


def write_catalog(catalog: Mapping[str, Any], form: FileFormat) -> str:
    """Write a catalog; a decimal becomes a text, so that no reader takes it for a float."""
    plain = _without_decimals(catalog)
    if form is FileFormat.JSON:
        return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"
    return write_yaml(plain)


def problems_of(value: Any, kind: GraphQLInputType) -> list[Problem]:
    """Return everything of a value that an input type does not take."""
    problems: list[Problem] = []
    known = _known_fields(value, kind, (), problems)
    validate_input_value(
        known,
        kind,
        lambda error, path: problems.append(Problem(tuple(path), None, f"{error.message.partition(', found')[0]}")),
        hide_suggestions=True,
    )
    return problems


def _known_fields(value: Any, kind: Any, path: Path, problems: list[Problem]) -> Any:
    """Return the value without the fields that its type does not have, and note those."""
    kind = kind.of_type if is_non_null_type(kind) else kind
    if is_list_type(kind) and isinstance(value, list):
        return [_known_fields(item, kind.of_type, (*path, at), problems) for at, item in enumerate(value)]
    if not is_input_object_type(kind) or not isinstance(value, dict):
        return value
    for name in value.keys() - kind.fields.keys():
        expected = ", ".join(kind.fields)
        problems.append(Problem((*path, name), None, f"Is not a field of {kind.name}; those are {expected}."))
    return {
        name: _known_fields(value[name], field.type, (*path, name), problems)
        for name, field in kind.fields.items()
        if name in value
    }


def _content(file: str) -> str:
    try:
        if file == STANDARD:
            content = _bounded(standard_input())
        else:
            with FilePath(file).open("rb") as stream:
                content = _bounded(stream)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}.") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFile("is not UTF-8.", content.count(b"\n", 0, error.start) + 1) from error


def _bounded(stream: IO[bytes]) -> bytes:
    content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise UnreadableFile(f"has more than {MAX_BYTES} bytes.")
    return content


def _read(text: str, form: FileFormat) -> Reading:
    reading = read_yaml(text) if form is FileFormat.YAML else _read_json(text)
    if not isinstance(reading.value, dict):
        raise UnreadableFile("must hold a mapping with products, billableMetrics, fees, prices and plans.")
    return reading


def _read_json(text: str) -> Reading:
    try:
        reading = Reading(_without_decimals(strict_json.decode(text.encode())))
    except strict_json.MalformedJson as error:
        raise UnreadableFile(f"{error}.") from error

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        repeated = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
        reading.problems.extend(Problem((), None, f'"{name}" is given twice in one object.') for name in repeated)
        return members

    json.loads(text, object_pairs_hook=look)
    return reading


def _without_decimals(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Mapping):
        return {name: _without_decimals(item) for name, item in value.items()}
    return [_without_decimals(item) for item in value] if isinstance(value, list) else value


def _steps(field: str | None) -> Path:
    """Return the way to what a user error names, from the top of the catalog."""
    steps = (field or "").removeprefix("catalog").strip(".").split(".")
    return tuple(int(step) if step.isdecimal() else step for step in steps if step)


def _ways(path: Path) -> Iterator[Path]:
    """Yield a path and all that lead to it."""
    return (path[:length] for length in range(len(path) + 1))
