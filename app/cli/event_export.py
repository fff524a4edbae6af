"""Stored events as lines of JSON, in the form that POST /v0/events takes."""

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import msgspec

from app import strict_json
from app.cli.client import Api
from app.cli.progress import Progress
from app.cli.state_file import read_state, write_state
from app.cli.target import CommandError

PAGE = """
query ExportedEvents($after: String) {
  meterEvents(first: 100, after: $after) {
    nodes { type source subject externalSubject data timestamp idempotencyKey externalId }
    pageInfo { hasNextPage endCursor }
  }
}
"""
COUNT = "{ meterEvents { totalCount } }"
_encoder = msgspec.json.Encoder(decimal_format="number")


class Place(msgspec.Struct):
    """How far an export came: all events up to `cursor` are the first `bytes` of the file."""

    cursor: str | None
    bytes: int
    events: int


def export_to_stream(api: Api, stream: IO[bytes]) -> int:
    """Write every event and return how many there were."""
    place = Place(None, 0, 0)
    for page in _pages(api, place):
        stream.write(page)
        stream.flush()
    return place.events


def export_to_file(api: Api, path: Path, *, resume: bool) -> int:
    """Write every event, or those that an interrupted export left; return how many the file holds.

    Where the export stands is kept beside the file until it is complete. What an interruption left half-written behind
    that place is cut off.
    """
    if not path.name:
        raise CommandError(f"{path} is a folder; name a file in it.")
    marker = path.with_name(f"{path.name}.cursor")
    place = _resumed(path, marker) if resume else None
    if place is None:
        place = Place(None, 0, 0)
        if path.exists():
            raise CommandError(f"{path} is there already; nothing was written.")
        write_state(marker, place)
    try:
        with path.open("r+b" if place.bytes else "wb") as file:
            file.truncate(place.bytes)
            file.seek(place.bytes)
            for page in _pages(api, place):
                file.write(page)
                file.flush()
                os.fsync(file.fileno())
                write_state(marker, place)
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}.") from error
    marker.unlink()
    return place.events


def _resumed(path: Path, marker: Path) -> Place | None:
    """Return where an interrupted export of this file stands, or None where none was begun."""
    place = read_state(marker, Place)
    size = path.stat().st_size if path.exists() else 0
    if place is None:
        if path.exists():
            raise CommandError(f"{path} has no {marker.name} beside it: it is complete, or no export of ours.")
        return None
    if size < place.bytes:
        raise CommandError(f"{path} is shorter than {marker.name} says. Delete both to start over.")
    return place


def _pages(api: Api, place: Place) -> Iterator[bytes]:
    """Yield the events behind a place, page by page, and move it along."""
    total = api.run(COUNT)["meterEvents"]["totalCount"]
    with Progress(total) as progress:
        progress.advance(place.events, f"{place.events} events")
        more = True
        while more:
            page = api.run(PAGE, after=place.cursor)["meterEvents"]
            lines = b"".join(line_of(node) for node in page["nodes"])
            place.cursor = page["pageInfo"]["endCursor"] or place.cursor
            place.bytes += len(lines)
            place.events += len(page["nodes"])
            more = page["pageInfo"]["hasNextPage"]
            progress.advance(len(page["nodes"]), f"{place.events} events")
            yield lines


def line_of(node: dict[str, Any]) -> bytes:
    """Return one event as it would be sent; what it did not give is left out."""
    given = {name: _bounded(value) for name, value in node.items() if value is not None}
    return _encoder.encode(given) + b"\n"


def _bounded(value: Any) -> Any:
    """Return a value with its numbers written so that the server takes them again."""
    if isinstance(value, dict):
        return {name: _bounded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_bounded(item) for item in value]
    return _with_bounded_exponent(value) if isinstance(value, Decimal) else value


def _with_bounded_exponent(number: Decimal) -> Decimal | msgspec.Raw:
    """Return a number that came with an exponent within bounds as it can be written with one, every digit kept."""
    limit = strict_json.MAX_EXPONENT
    if abs(number.adjusted()) <= limit:
        return number
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int), "JSON has no infinity"
    places = max(0, -limit - exponent)
    coefficient = "".join(map(str, digits)).rjust(places + 1, "0")
    whole, fraction = coefficient[: len(coefficient) - places], coefficient[len(coefficient) - places :]
    text = f"{'-' if sign else ''}{whole}{'.' if fraction else ''}{fraction}e{max(exponent, -limit)}"
    return msgspec.Raw(text.encode())
