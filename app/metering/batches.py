"""Batches of events: a JSON array, or a line for each, cut into the bytes of single events."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

MAX_EVENTS: Final = 1000
_SPACES: Final = (" ", "\t", "\r", "\n")
#: Finds where entries end. Numbers stay texts: how long they may be is for the reader of events to say.
_scanner: Final = json.JSONDecoder(parse_int=str, parse_float=str)
_array: Final = msgspec.json.Decoder(list[msgspec.Raw])


class InvalidBatch(Exception):
    """The bytes are no batch at all; the message says why, in words safe to send back."""

    def __init__(self, code: str, message: str) -> None:
        """Take the code of the answer and its words."""
        super().__init__(message)
        self.code = code


def split_array(body: bytes) -> Sequence[bytes]:
    """Return the events of a JSON array as they came. InvalidBatch where it is none of 1 to 1,000."""
    try:
        events = [bytes(event) for event in _array.decode(body)]
    except (msgspec.DecodeError, RecursionError):
        # Half of a surrogate pair, as an escape, stops this reader; to the strict one it is the mistake of one event.
        events = list(_cut_leniently(body))
    check_size(len(events))
    return events


def _cut_leniently(body: bytes) -> Iterator[bytes]:
    """Yield the entries of a JSON array, whatever JSON they are."""
    text = body.decode("utf-8", "surrogateescape")
    try:
        place = _behind("[", text, 0)
        while True:
            start = _skip_space(text, place)
            _, end = _scanner.raw_decode(text, start)
            yield text[start:end].encode("utf-8", "surrogateescape")
            place = _skip_space(text, end)
            if text[place : place + 1] == "]":
                break
            place = _behind(",", text, place)
        _require_end(text, place + 1)
    except RecursionError as error:
        raise _malformed("it is nested too deeply") from error
    except ValueError as error:  # our own, and those of the scanner, which say what is wrong and where
        raise _malformed(str(error)) from error


def _malformed(why: str) -> InvalidBatch:
    return InvalidBatch("MALFORMED_JSON", f"The body can't be read as a JSON array of events: {why}.")


def _behind(wanted: str, text: str, place: int) -> int:
    place = _skip_space(text, place)
    if text[place : place + 1] != wanted:
        raise ValueError(f"{wanted} is missing at character {place}")
    return place + 1


def _require_end(text: str, place: int) -> None:
    if _skip_space(text, place) < len(text):
        raise ValueError("something follows the array")


def _skip_space(text: str, place: int) -> int:
    while text[place : place + 1] in _SPACES:
        place += 1
    return place


def split_lines(body: bytes) -> Sequence[bytes]:
    """Return the lines of NDJSON that are not blank, each of which should be an event. InvalidBatch as above."""
    lines = [line for line in (line.strip(b" \t\r") for line in body.split(b"\n")) if line]
    check_size(len(lines))
    return lines


def check_size(count: int) -> None:
    """Refuse a batch with no event, or with more than 1,000."""
    if not 1 <= count <= MAX_EVENTS:
        message = f"A batch has 1 to {MAX_EVENTS:,} events; this one has {count:,}."
        raise InvalidBatch("VALIDATION_ERROR", message)
