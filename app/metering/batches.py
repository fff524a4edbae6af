"""Batches of events: a JSON array, or a line for each, cut into the bytes of single events."""

from collections.abc import Sequence
from typing import Final

import msgspec

MAX_EVENTS: Final = 1000
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
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidBatch("MALFORMED_JSON", f"The body can't be read as a JSON array of events: {error}.") from error
    check_size(len(events))
    return events


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
