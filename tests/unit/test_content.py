import json
from typing import Any

import pytest

from app.metering.codec import EventInput, decode_event
from app.metering.content import content_hash
from app.metering.received import identify
from tests.support.world import JANUARY_31

MINIMUM = {"type": "api-call", "source": "s", "subject": "cus_1", "data": {"tokens": 1}}


def body(**changes: Any) -> bytes:
    return json.dumps(MINIMUM | changes).encode()


def hash_of(event: EventInput, environment_id: str = "env_1") -> str:
    return content_hash(identify(environment_id, event, JANUARY_31))


def test_events_that_mean_the_same_have_one_hash() -> None:
    one = decode_event(
        b'{"type":"a","source":"s","subject":"c","timestamp":"2026-08-01T12:00:00Z","data":{"x":1.50,"y":[1e2,"z"]}}'
    )
    other = decode_event(
        b'{ "data":{"y":[100,"\\u007a"],"x":1.5},"idempotencyKey":"k","namespace":"org_1","unknown":1,"subject":"c",'
        b'"source":"s","type":"a","timestamp":"2026-08-01T14:00:00.000+02:00"}'
    )
    assert hash_of(one) == hash_of(other)
    assert hash_of(one) != hash_of(one, "env_2")


@pytest.mark.parametrize(
    "changes",
    [{"type": "b"}, {"source": "t"}, {"subject": "cus_2"}, {"externalSubject": "a"}, {"externalId": "a"},
     {"timestamp": "2026-08-01T12:00:00Z"}, {"data": {"tokens": 2}}, {"data": {"tokens": "1"}},
     {"data": {"tokens": True}}, {"data": {"tokens": None}}, {"data": {"tokens": [1]}}, {"data": {}}],
)  # fmt: skip
def test_events_that_differ_have_different_hashes(changes: dict[str, Any]) -> None:
    assert hash_of(decode_event(body(**changes))) != hash_of(decode_event(body()))
