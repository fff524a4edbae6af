"""Lines of events as they are sent: every digit kept, and a key for those that have none."""

import io
import json

import pytest

from app.cli.event_lines import MAX_LINE_BYTES, BadLine, EventLine, read_lines
from app.metering.codec import MAX_EVENT_BYTES, decode_event


def line(text: str) -> EventLine:
    return lines(text)[0]


def lines(*texts: str, run: str = "") -> list[EventLine]:
    return list(read_lines(io.BytesIO("\n".join(texts).encode()), run))


def keys(*texts: str, run: str = "") -> list[str | None]:
    return [decode_event(each.body()).idempotency_key for each in lines(*texts, run=run)]


def test_a_line_with_a_key_is_sent_as_it_is() -> None:
    text = '{ "n": 0.10, "idempotencyKey" : "k" }  '
    assert line(text).body() == text.encode()


@pytest.mark.parametrize("key", ["", '"idempotencyKey": null, ', '"idempotencyKey": "k", "idempotencyKey": null, '])
def test_a_line_without_a_key_gets_one_that_only_its_text_decides(key: str) -> None:
    text = f'{{"type": "a", "source": "s", "subject": "c", {key}"data": {{"n": 0.10}}}} '
    sent = line(text).body()
    event = decode_event(sent)
    assert bytes(event.data) == b'{"n": 0.10}'
    assert (event.idempotency_key or "").startswith("import-")
    assert line(text).body() == sent
    assert decode_event(line(text + " ").body()).idempotency_key != event.idempotency_key


A, B, C = (f'{{"type": "{name}", "source": "s", "subject": "c", "data": {{}}}}' for name in "abc")


def test_lines_that_come_or_go_change_no_key_of_others() -> None:
    a, b, again, third = keys(A, B, A, A)
    assert len({a, b, again, third}) == 4
    assert keys(A, A, A) == [a, again, third]
    assert keys(C, B, A, f"{B}\r\n{A}")[1:3] == [b, a]
    assert keys(A, B, A, A) == [a, b, again, third]


def test_a_key_elsewhere_in_the_line_is_none_of_the_event() -> None:
    inner = A.replace("{}", '{"idempotencyKey": "k"}')
    first, second = keys(inner, inner)
    assert first != second
    assert keys(A.replace("data", '\\u0069dempotencyKey": "k", "data')) == ["k"]


def test_each_run_of_a_stream_makes_keys_of_its_own() -> None:
    assert set(keys(A, A, run="x")).isdisjoint(keys(A, A, run="y"))


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert keys("\ufeff" + A, B) == keys(A, B)


@pytest.mark.parametrize("text", ["{", "[]", "5", '{"a": NaN}', '{"a": "\\ud800"}', "{" * 100, '{"a": 1e999}'])
def test_what_is_no_event_is_refused_before_it_is_sent(text: str) -> None:
    with pytest.raises(BadLine):
        line(text).body()


def test_an_empty_object_is_left_for_the_server_to_refuse() -> None:
    assert line("{}").body() == b"{}"


def test_lines_are_read_whatever_their_ends_and_lengths() -> None:
    full = json.dumps({"a": "x" * (MAX_LINE_BYTES - 9)}).encode()
    assert len(full) == MAX_LINE_BYTES
    long = b"y" * (3 * MAX_LINE_BYTES + 5)
    content = b"a\r\n\n" + full + b"\r\n" + long + b"\n" + b"last"
    found = list(read_lines(io.BytesIO(content)))
    assert [(each.number, each.text[:5]) for each in found] == [
        *((1, b"a"), (2, b""), (3, b'{"a":'), (4, b"yyyyy"), (5, b"last")),
    ]
    assert sum(each.size for each in found) == len(content)
    assert found[2].text == full
    with pytest.raises(BadLine, match="at most 131072 bytes"):
        found[3].body()
    assert len(found[3].text) <= MAX_LINE_BYTES + 2
    assert [each.is_cut for each in found] == [False, False, False, True, False]


def test_what_follows_a_long_line_is_never_taken_for_its_end() -> None:
    whole = json.dumps({"a": "x" * (MAX_LINE_BYTES - 9)})
    assert line(f"{whole}\r\r more").is_cut


def test_a_line_is_made_as_short_as_the_server_takes_it_where_spaces_are_what_is_too_much() -> None:
    text = (
        '{"idempotencyKey": "k", "n": 0.10, "a": ["'
        + "x" * (MAX_EVENT_BYTES - 60)
        + '",  "\\u00e4 " ]'
        + " " * 99
        + "}"
    )
    assert len(text) > MAX_EVENT_BYTES >= len(line(text).body())
    short = '{"idempotencyKey":"k","n":0.10,"a":["' + "x" * (MAX_EVENT_BYTES - 60) + '","\\u00e4 "]}'
    assert line(text).body() == short.encode()


def test_a_made_key_may_make_an_event_longer_than_the_server_takes() -> None:
    text = A.replace("{}", '{"a": "' + "x" * (MAX_EVENT_BYTES - 80) + '"}').replace(" ", "")
    assert len(text) <= MAX_EVENT_BYTES < len(line(text).body())
