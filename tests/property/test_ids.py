"""Ids that are made many at a time are those that are made one by one."""

from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from app.ids import ID_PATTERN, event_id, event_ids
from app.metering.codec import EventInput
from app.metering.received import identify, identify_all, receive

KEYS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40), max_size=120)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), KEYS)
def test_each_event_gets_the_id_of_its_key(environment_id: str, keys: list[str]) -> None:
    ids = event_ids(environment_id, keys)
    assert ids == [event_id(environment_id, key) for key in keys]
    assert all(ID_PATTERN.fullmatch(identifier) for identifier in ids)
    assert len(set(ids)) == len(set(keys))


@given(st.lists(st.tuples(st.sampled_from(["env_1", "env_2", "env_3"]), st.sampled_from(["a", "b", "c", "d", "é"]))))
def test_events_of_several_environments_get_theirs(places: list[tuple[str, str]]) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    given_events = [
        (environment_id, EventInput("t", "s", msgspec.Raw(b"{}"), "subject", idempotency_key=key))
        for environment_id, key in places
    ]
    events = [receive(environment_id, event, now) for environment_id, event in given_events]
    assert not any(event.id for event in events)
    identify_all(events)
    assert events == [identify(environment_id, event, now) for environment_id, event in given_events]
