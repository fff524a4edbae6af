import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from app.billing.errors import ErrorCode
from app.metering.codec import EventInput, InvalidEvent, decode_event

MINIMUM = {"type": "api-call", "source": "s", "subject": "cus_1", "data": {"tokens": 1}}


def body(**changes: Any) -> bytes:
    return json.dumps(MINIMUM | changes).encode()


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in MINIMUM.items() if key != name}).encode()


def problems(sent: bytes) -> list[tuple[str | None, ErrorCode]]:
    with pytest.raises(InvalidEvent) as invalid:
        decode_event(sent)
    return [(error.field, error.code) for error in invalid.value.errors]


def test_the_minimum() -> None:
    event = decode_event(body())
    assert event == EventInput("api-call", "s", msgspec.Raw(b'{"tokens": 1}'), "cus_1")


def test_everything() -> None:
    event = decode_event(
        body(externalSubject="acme-1", externalId="ext_1", namespace="org_1", idempotencyKey="evt 1 ü",
             timestamp="2026-08-01T12:00:00Z", unknown={"x": None})
    )  # fmt: skip
    assert (event.external_subject, event.external_id, event.namespace) == ("acme-1", "ext_1", "org_1")
    assert (event.idempotency_key, event.timestamp) == ("evt 1 ü", datetime(2026, 8, 1, 12, tzinfo=UTC))


def test_null_is_absent() -> None:
    names = ("externalSubject", "externalId", "namespace", "idempotencyKey", "timestamp")
    assert decode_event(body(**dict.fromkeys(names))) == decode_event(body())
    assert decode_event(body(subject=None, externalSubject="a")).subject is None


@pytest.mark.parametrize(
    "data",
    [
        '{"n": 12345678901234567890123456789012345678901234567890}',
        '{"n":0.1234567890123456789012345678901234567890}',
        '{"n":1.10,"m":1E+2,"d":"0.10"}',
        '{"a":{"b":[1,{"c":"\\u00fc \\ud83d\\ude00"}]}}',
        "{}",
        '{ "spaced" :\n [ ] }',
    ],
)
def test_data_is_kept_to_the_last_digit_and_space(data: str) -> None:
    assert decode_event(f'{{"type":"a","source":"s","subject":"c","data":{data}}}'.encode()).data == msgspec.Raw(
        data.encode()
    )


def test_of_repeated_names_the_last_counts() -> None:
    sent = b'{"type":"a","type":"b","data":{"x":1},"source":"s","subject":"c","d\\u0061ta":{"x":2,"x":3}}'
    event = decode_event(sent)
    assert (event.type, bytes(event.data)) == ("b", b'{"x":2,"x":3}')


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-08-01T12:00:00Z", datetime(2026, 8, 1, 12, tzinfo=UTC)),
        ("2026-08-01T12:00:00", datetime(2026, 8, 1, 12, tzinfo=UTC)),
        ("2026-08-01 12:00", datetime(2026, 8, 1, 12, tzinfo=UTC)),
        ("2026-08-01t12:00:00z", datetime(2026, 8, 1, 12, tzinfo=UTC)),
        ("2026-08-01T12:00:00.123456+02:00", datetime(2026, 8, 1, 10, 0, 0, 123456, tzinfo=UTC)),
        ("2026-08-01T12:00:00-0530", datetime(2026, 8, 1, 17, 30, tzinfo=UTC)),
        ("2026-08-01T12:00:00.1Z", datetime(2026, 8, 1, 12, 0, 0, 100000, tzinfo=UTC)),
        ("2026-08-01T12:00:00.123456789Z", datetime(2026, 8, 1, 12, 0, 0, 123456, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2501-01-01T01:00:00+02:00", datetime(2500, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_timestamps(text: str, instant: datetime) -> None:
    assert decode_event(body(timestamp=text)).timestamp == instant


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-02-29T00:00:00Z", ErrorCode.INVALID),
        ("2026-08-01T25:00:00Z", ErrorCode.INVALID),
        ("2026-08-01T12:00:60Z", ErrorCode.INVALID),
        ("2026-08-01T12:00:00+25:00", ErrorCode.INVALID),
        ("0000-01-01T00:00:00Z", ErrorCode.INVALID),
        ("2026-08-01", ErrorCode.INVALID),
        ("2026-W31-6T12:00:00Z", ErrorCode.INVALID),
        ("2026-08-01T12:00:00Z ", ErrorCode.INVALID),
        ("٢٠٢٦-08-01T12:00:00Z", ErrorCode.INVALID),
        ("yesterday", ErrorCode.INVALID),
        ("", ErrorCode.INVALID),
        (1785585600, ErrorCode.INVALID),
        ("1969-12-31T23:59:59Z", ErrorCode.OUT_OF_RANGE),
        ("2501-01-01T00:00:00Z", ErrorCode.OUT_OF_RANGE),
        ("0001-01-01T00:00:00+10:00", ErrorCode.OUT_OF_RANGE),
        ("9999-12-31T23:59:59-10:00", ErrorCode.OUT_OF_RANGE),
    ],
)
def test_bad_timestamps(text: object, code: ErrorCode) -> None:
    assert problems(body(timestamp=text)) == [("timestamp", code)]


@pytest.mark.parametrize("name", ["type", "source", "data"])
def test_a_required_member_is_missing(name: str) -> None:
    assert problems(without(name)) == [(name, ErrorCode.BLANK)]
    assert problems(body(**{name: None})) == [(name, ErrorCode.BLANK)]


def test_one_of_the_subjects_is_required() -> None:
    assert problems(without("subject")) == [("subject", ErrorCode.BLANK)]


@pytest.mark.parametrize("name", ["type", "source", "subject", "externalSubject", "externalId", "namespace",
                                  "idempotencyKey"])  # fmt: skip
def test_texts_of_the_envelope(name: str) -> None:
    assert problems(body(**{name: 1})) == [(name, ErrorCode.INVALID)]
    assert problems(body(**{name: ["x"]})) == [(name, ErrorCode.INVALID)]
    assert problems(body(**{name: ""})) == [(name, ErrorCode.BLANK)]
    assert problems(body(**{name: "x" * 256})) == [(name, ErrorCode.TOO_LONG)]
    decode_event(body(**{name: "x" * 255}))


@pytest.mark.parametrize("name", ["externalSubject", "externalId"])
@pytest.mark.parametrize("text", ["a b", "a.b", "ü", "a\n", "a/b"])
def test_external_ids_are_letters_digits_underscores_and_hyphens(name: str, text: str) -> None:
    assert problems(body(**{name: text})) == [(name, ErrorCode.INVALID)]


@pytest.mark.parametrize("data", [[], "x", 1, True])
def test_data_is_an_object(data: object) -> None:
    assert problems(body(data=data)) == [("data", ErrorCode.INVALID)]


def test_all_problems_come_at_once_in_the_order_of_the_fields() -> None:
    sent = {"type": "", "externalId": "!", "timestamp": "x", "idempotencyKey": "", "data": 1, "namespace": 5}
    assert problems(json.dumps(sent).encode()) == [
        ("type", ErrorCode.BLANK),
        ("source", ErrorCode.BLANK),
        ("subject", ErrorCode.BLANK),
        ("data", ErrorCode.INVALID),
        ("timestamp", ErrorCode.INVALID),
        ("idempotencyKey", ErrorCode.BLANK),
        ("externalId", ErrorCode.INVALID),
        ("namespace", ErrorCode.INVALID),
    ]


@pytest.mark.parametrize(
    "sent",
    [b"", b"{", b"[]", b"null", b'"x"', b"1", b"\xff\xfe", b'{"a":NaN}', b'{"a":Infinity}', b"{'a':1}", b'{"a":1}{}',
     b"\xef\xbb\xbf{}", b'{"a":' + b"9" * 101 + b"}", b'{"a":1e101}', b"[" * 60000],
)  # fmt: skip
def test_what_is_no_json_object_has_one_problem_without_a_field(sent: bytes) -> None:
    assert problems(sent) == [(None, ErrorCode.INVALID)]


@pytest.mark.parametrize("text", [r"\u0000", r"\ud800", r"\udc00x"])
@pytest.mark.parametrize("place", ['{"type":"%s"}', '{"data":{"a":["%s"]}}', '{"data":{"%s":1}}', '{"unknown":"%s"}'])
def test_text_no_database_holds_is_refused_wherever_it_is(place: str, text: str) -> None:
    assert problems((place % text).encode()) == [(None, ErrorCode.INVALID)]


def test_depth() -> None:
    def nested(levels: int) -> bytes:
        return body().replace(b'{"tokens": 1}', b'{"a":' * levels + b"1" + b"}" * levels)

    decode_event(nested(31))
    assert problems(nested(32)) == [(None, ErrorCode.INVALID)]
