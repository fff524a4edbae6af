"""Reading events quickly: what is plain to see is read here, and the strict reader of `codec` judges everything else.

Nothing is taken here that the strict reader would refuse, or read in another way. Whatever is unusual is left to it:
escapes by number, long numbers, deep nesting, instants with offsets, and whatever may be wrong.
"""

from datetime import UTC
from typing import Final

import msgspec

from app.billing.text import is_external_id
from app.metering.codec import FIRST_YEAR, LAST_YEAR, MAX_EVENT_BYTES, EventInput, decode_event
from app.strict_json import MAX_DEPTH, MAX_DIGITS

_one: Final = msgspec.json.Decoder(EventInput)
_many: Final = msgspec.json.Decoder(list[EventInput])
_pieces: Final = msgspec.json.Decoder(list[msgspec.Raw])
#: Makes what is unusual easy to see: digits are all 0, signs go, brackets are of one kind.
_EVEN: Final = bytes.maketrans(b"0123456789E[", b"0000000000e{")
#: Half of the digits that a number may have, on either side of its point; an exponent of three digits; a fraction of a
#: second with more digits than microseconds have, which is rounded here and cut off by the strict reader.
_LONG_NUMBER: Final = "0" * (MAX_DIGITS // 2)
_LARGE_EXPONENT: Final = "0e000"
_FINE_TIME: Final = ":00.0000000"
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
#: The first byte of an object.
_OBJECT: Final = ord("{")
#: Levels of nesting up to which a batch is read quickly, its own array included.
_PLAIN_DEPTH: Final = 8


def read_event(body: bytes) -> EventInput:
    """Return what `decode_event` makes of some bytes, most often without its cost; raise the same InvalidEvent."""
    if _is_plain(body, MAX_DEPTH):
        try:
            event = _one.decode(body)
        except (msgspec.DecodeError, RecursionError):
            return decode_event(body)
        if _is_event(event):
            return event
    return decode_event(body)


def read_events(body: bytes) -> list[EventInput] | None:
    """Return the events of a JSON array in one go where all are of the usual kind; else None, and each is to be read by
    itself.
    """
    if not _is_flat(body) or not _is_plain(body):
        return None
    try:
        if len(body) > MAX_EVENT_BYTES and max(map(len, _pieces.decode(body))) > MAX_EVENT_BYTES:
            return None
        events = _many.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    # What all of them hold together may be held by each: none of these texts is empty.
    texts = [text for event in events for text in (event.external_subject, event.external_id) if text is not None]
    return events if is_external_id("".join(texts) or "-") and all(map(_is_event_of_batch, events)) else None


def _is_event(event: EventInput) -> bool:
    """Tell whether what was decoded is an event for certain."""
    external_subject, external_id = event.external_subject, event.external_id
    if external_subject is not None and not is_external_id(external_subject):
        return False
    return (external_id is None or is_external_id(external_id)) and _is_event_of_batch(event)


def _is_event_of_batch(event: EventInput) -> bool:
    """Tell the same, but for the characters of external ids."""
    timestamp = event.timestamp
    if timestamp is not None and (timestamp.tzinfo is not UTC or not FIRST_YEAR <= timestamp.year <= LAST_YEAR):
        return False
    if event.external_subject is None and event.subject is None:
        return False
    return bytes(event.data)[0] == _OBJECT


def _is_plain(body: bytes, most_brackets: int | None = None) -> bool:
    """Tell whether texts are UTF-8 without escapes by number, and numbers and instants are of the usual kind."""
    try:
        # Short texts are found quicker in a string than in bytes.
        text = body.translate(_EVEN, b"+-").decode()
        is_text = body.isascii() or bool(body.decode())
    except UnicodeDecodeError:
        return False
    if _LARGE_EXPONENT in text or _FINE_TIME in text or _LONG_NUMBER in text:
        return False
    # A single character is found much quicker than two.
    if "\\" in text and "\\u" in text:
        return False
    return is_text and (most_brackets is None or text.count("{") <= most_brackets)


def _is_flat(body: bytes) -> bool:
    """Tell whether nothing is nested deeply: brackets that close at once are taken away, level by level."""
    brackets = body.translate(None, _NO_BRACKETS)
    for _ in range(_PLAIN_DEPTH):
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    return not brackets
