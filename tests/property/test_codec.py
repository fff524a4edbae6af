"""The quick reader of events accepts nothing that the strict one does not, and reads it the same."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from app.metering.codec import EventInput, InvalidEvent, decode_event
from app.metering.quick_codec import read_event, read_events

TEXT = st.text(alphabet=st.one_of(st.characters(), st.sampled_from('"\\/{}[]0e\0\ud800é')), max_size=6)
LITERALS = st.sampled_from(
    ["0", "-0", "01", "1.", "1.50", "-", "1e5", "1E+99", "1e100", "1e101", "1e-100", "9" * 100, "9" * 101, "null",
     "true", "NaN", "Infinity", "[]", "{}", "[" * 31 + "]" * 31, "[" * 33 + "]" * 33, '"\\u0000"', '"\\ud800"',
     '"\\ud83d\\ude00"', '"\\x"', '"\x01"', '"é"', "1,", "1 2", ""]
)  # fmt: skip
NAMES = ("type", "source", "subject", "externalSubject", "data", "timestamp", "idempotencyKey", "externalId", "other")
TIMES = st.sampled_from(
    ["2026-08-01T12:00:00Z", "2026-08-01T12:00:60Z", "2026-02-30T12:00:00Z", "2026-W31-6T12:00:00Z",
     "1969-12-31T00:00:00Z", "2026-08-01 12:00:00Z", "2026-08-01T12:00:00.5Z", "2026-08-01T12:00:00+02:00",
     "२०२६-08-01T12:00:00Z"]
)  # fmt: skip


@st.composite
def bodies(draw: Any) -> bytes:
    """Mostly events, with members of every kind, some of them twice, and often a byte that does not belong there."""
    members = ['"type":"t"', '"source":"s"', '"subject":"c"', '"data":{"n":1}']
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=4)):
        kind = draw(st.integers(0, 4))
        if kind == 0:
            value = draw(LITERALS)
        elif kind == 1:
            value = f'{{"n":{draw(LITERALS)}}}'
        elif kind == 2:
            value = json.dumps(draw(TIMES))
        else:
            value = json.dumps(draw(TEXT), ensure_ascii=draw(st.booleans()))
        members.append(f'"{name}":{value}')
    draw(st.randoms()).shuffle(members)
    body: bytes = ("{" + draw(st.sampled_from([",", " , ", ",\n"])).join(members) + "}").encode(
        "utf-8", "surrogatepass"
    )
    if draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, len(body)))
        body = body[:place] + draw(st.binary(max_size=2)) + body[place + draw(st.integers(0, 1)) :]
    return body


def outcome(read: Any, body: bytes) -> EventInput | list[Any]:
    try:
        event: EventInput = read(body)
    except InvalidEvent as invalid:
        return list(invalid.errors)
    return event


@given(bodies())
@example(b'\xef\xbb\xbf{"type":"t","source":"s","subject":"c","data":{}}')
@example(b'{"type":"t","source":"s","subject":"c","data":{"a":"\xff"}}')
@example(b'{"type":"t","source":"s","subject":"c","data":{"a":"\xed\xa0\x80"}}')
def test_both_readers_say_the_same(body: bytes) -> None:
    assert outcome(read_event, body) == outcome(decode_event, body)


@given(st.binary(max_size=60))
def test_so_they_do_of_noise(body: bytes) -> None:
    assert outcome(read_event, body) == outcome(decode_event, body)


@given(st.lists(bodies(), max_size=3), st.sampled_from([b",", b" , ", b""]))
def test_a_batch_is_read_in_one_go_only_where_each_is_read_so(pieces: list[bytes], separator: bytes) -> None:
    read = read_events(b"[" + separator.join(pieces) + b"]")
    if read:
        assert read == [outcome(decode_event, piece) for piece in pieces]
