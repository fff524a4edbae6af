"""The lines of a file of events, read one by one however large the file is."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from app import strict_json
from app.metering.codec import MAX_EVENT_BYTES


class BadLine(ValueError):
    """A line that is no event, and why."""


@dataclass(frozen=True, slots=True)
class EventLine:
    """A line without its end; of one that is too long only the beginning. `size` is what it takes in the file."""

    number: int
    text: bytes
    size: int

    @property
    def fingerprint(self) -> str:
        """What tells the line from all others: a hash of its number and text."""
        return hashlib.blake2b(f"{self.number}:".encode() + self.text, digest_size=16).hexdigest()

    def body(self) -> bytes:
        """Return what is sent: the line as it is; without an idempotency key it gets one of its number and text.

        Raises BadLine where that can't be told, as the line is not JSON.
        """
        if len(self.text) > MAX_EVENT_BYTES:
            raise BadLine(f"An event has at most {MAX_EVENT_BYTES} bytes.")
        try:
            event = strict_json.decode(self.text)
        except strict_json.MalformedJson as error:
            raise BadLine(f"The line can't be read: {error}.") from error
        if not isinstance(event, dict):
            raise BadLine("The line must be a JSON object.")
        if not event or event.get("idempotencyKey") is not None:
            return self.text
        # Behind all others, since of repeated names the last counts. The text stays, and with it every digit.
        return self.text.rstrip()[:-1] + f',"idempotencyKey":"import-{self.fingerprint}"}}'.encode()


def read_lines(stream: IO[bytes]) -> Iterator[EventLine]:
    """Yield the lines of a stream."""
    number = 0
    while piece := stream.readline(MAX_EVENT_BYTES + 2):
        number += 1
        size, text = len(piece), piece
        while piece and not piece.endswith(b"\n"):
            piece = stream.readline(MAX_EVENT_BYTES)
            size += len(piece)
        yield EventLine(number, text.rstrip(b"\r\n"), size)


def chained(before: str, line: EventLine) -> str:
    """Return a hash of all lines up to this one, given that of those before."""
    return hashlib.blake2b(f"{before}{line.fingerprint}".encode(), digest_size=16).hexdigest()
