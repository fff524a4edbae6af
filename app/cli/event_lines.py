"""The lines of a file of events, read one by one however large the file is."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import msgspec

from app import strict_json
from app.metering.codec import MAX_EVENT_BYTES

#: An event as it is exported is longer than the server takes it: the server added a timestamp and a key.
MAX_LINE_BYTES = 2 * MAX_EVENT_BYTES
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class _Key(msgspec.Struct, rename="camel"):
    idempotency_key: str | None = None


_keys = msgspec.json.Decoder(_Key)


class BadLine(ValueError):
    """A line that is no event, and why."""


@dataclass(frozen=True, slots=True)
class EventLine:
    """A line without its end; of one that is too long only the beginning. `size` is what it takes in the file.

    `made_key` is the idempotency key for a line that has none, and None for one that has.
    """

    number: int
    text: bytes
    size: int
    made_key: str | None

    @property
    def is_cut(self) -> bool:
        """Whether the text is only the beginning of the line."""
        return len(self.text) > MAX_LINE_BYTES

    @property
    def fingerprint(self) -> str:
        """What tells the line from all others: a hash of its number and text."""
        return _hash(f"{self.number}:".encode() + self.text)

    def body(self) -> bytes:
        """Return what is sent: the line as it is, with the key made for it; spaces go where it is too long with them.

        Raises BadLine where the line is no JSON object.
        """
        if self.is_cut:
            raise BadLine(f"A line has at most {MAX_LINE_BYTES} bytes.")
        try:
            event = strict_json.decode(self.text)
        except strict_json.MalformedJson as error:
            raise BadLine(f"The line can't be read: {error}.") from error
        if not isinstance(event, dict):
            raise BadLine("The line must be a JSON object.")
        text = self.text
        if event and event.get("idempotencyKey") is None:
            # Behind all others, since of repeated names the last counts. The text stays, and with it every digit.
            text = text.rstrip()[:-1] + f',"idempotencyKey":"{self.made_key}"}}'.encode()
        return text if len(text) <= MAX_EVENT_BYTES else msgspec.json.format(text, indent=-1)


def read_lines(stream: IO[bytes], run: str = "") -> Iterator[EventLine]:
    """Yield the lines of a stream.

    The key made for a line is of its text, of how often that text came before, and of `run`: other lines may come or go
    without changing it.
    """
    number = 0
    seen: Counter[bytes] = Counter()
    while piece := stream.readline(MAX_LINE_BYTES + 2):
        number += 1
        size, text = len(piece), piece
        while piece and not piece.endswith(b"\n"):
            piece = stream.readline(MAX_LINE_BYTES)
            size += len(piece)
        if size == len(text):
            text = text.rstrip(b"\r\n")
        if number == 1:
            text = text.removeprefix(_BYTE_ORDER_MARK)
        yield EventLine(number, text, size, None if _has_key(text) else _made_key(text, seen, run))


def chained(before: str, line: EventLine) -> str:
    """Return a hash of all lines up to this one, given that of those before."""
    return _hash(f"{before}{line.fingerprint}".encode())


def _has_key(text: bytes) -> bool:
    try:
        return _keys.decode(text).idempotency_key is not None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # whoever sends the line says what is wrong
        return False


def _made_key(text: bytes, seen: Counter[bytes], run: str) -> str:
    digest = hashlib.blake2b(text, digest_size=16).digest()
    seen[digest] += 1
    return f"import-{_hash(f'{run}:{seen[digest]}:'.encode() + text)}"


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
