"""Lines of events as they are sent: every digit kept, and a key for those that have none."""

import io
import json

import pytest

from app.cli.event_lines import BadLine, EventLine, read_lines
from app.metering.codec import MAX_EVENT_BYTES, decode_event


def line(text: str, number: int = 1) -> EventLine:
    return EventLine(number, text.encode(), len(text))


def test_a_line_with_a_key_is_sent_as_it_is() -> None:
    text = '{ "n": 0.10, "idempotencyKey" : "k" }  '
    assert line(text).body() == text.encode()


@pytest.mark.parametrize("key", ["", '"idempotencyKey": null, ', '"idempotencyKey": "k", "idempotencyKey": null, '])
def test_a_line_without_a_key_gets_one_that_only_its_number_and_text_decide(key: str) -> None:
    text = f'{{"type": "a", "source": "s", "subject": "c", {key}"data": {{"n": 0.10}}}} '
    sent = line(text).body()
    event = decode_event(sent)
    assert event.data == '{"n": 0.10}'
    assert (event.idempotency_key or "").startswith("import-")
    assert line(text).body() == sent
    assert decode_event(line(text, 2).body()).idempotency_key != event.idempotency_key
    assert decode_event(line(text + " ").body()).idempotency_key != event.idempotency_key


@pytest.mark.parametrize("text", ["{", "[]", "5", '{"a": NaN}', '{"a": "\\ud800"}', "{" * 100, '{"a": 1e999}'])
def test_what_is_no_event_is_refused_before_it_is_sent(text: str) -> None:
    with pytest.raises(BadLine):
        line(text).body()


def test_an_empty_object_is_left_for_the_server_to_refuse() -> None:
    assert line("{}").body() == b"{}"


def test_lines_are_read_whatever_their_ends_and_lengths() -> None:
    full = json.dumps({"a": "x" * (MAX_EVENT_BYTES - 9)}).encode()
    assert len(full) == MAX_EVENT_BYTES
    long = b"y" * (3 * MAX_EVENT_BYTES + 5)
    content = b"a\r\n\n" + full + b"\r\n" + long + b"\n" + b"last"
    lines = list(read_lines(io.BytesIO(content)))
    assert [(each.number, each.text[:5]) for each in lines] == [
        *((1, b"a"), (2, b""), (3, b'{"a":'), (4, b"yyyyy"), (5, b"last")),
    ]
    assert sum(each.size for each in lines) == len(content)
    assert lines[2].text == full
    with pytest.raises(BadLine, match="at most 65536 bytes"):
        lines[3].body()
    assert len(lines[3].text) <= MAX_EVENT_BYTES + 2
