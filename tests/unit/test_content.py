import json
from typing import Any

import pytest

from app.metering.codec import EventInput, decode_event
from app.metering.content import content_of

MINIMUM = {"type": "api-call", "source": "s", "subject": "cus_1", "data": {"tokens": 1}}


def body(**changes: Any) -> bytes:
    return json.dumps(MINIMUM | changes).encode()


def content(event: EventInput) -> str:
    return content_of(event, event.timestamp, bytes(event.data).decode())


def test_events_that_mean_the_same_have_one_content() -> None:
    one = decode_event(
        b'{"type":"a","source":"s","subject":"c","timestamp":"2026-08-01T12:00:00Z","data":{"x":1.50,"y":[1e2,"z"]}}'
    )
    other = decode_event(
        b'{ "data":{"y":[100,"\\u007a"],"x":1.5},"idempotencyKey":"k","namespace":"org_1","unknown":1,"subject":"c",'
        b'"source":"s","type":"a","timestamp":"2026-08-01T14:00:00.000+02:00"}'
    )
    assert content(one) == content(other)


@pytest.mark.parametrize(
    "changes",
    [{"type": "b"}, {"source": "t"}, {"subject": "cus_2"}, {"externalSubject": "a"}, {"externalId": "a"},
     {"timestamp": "2026-08-01T12:00:00Z"}, {"data": {"tokens": 2}}, {"data": {"tokens": "1"}},
     {"data": {"tokens": True}}, {"data": {"tokens": None}}, {"data": {"tokens": [1]}}, {"data": {}}],
)  # fmt: skip
def test_events_that_differ_have_different_contents(changes: dict[str, Any]) -> None:
    assert content(decode_event(body(**changes))) != content(decode_event(body()))
