"""Ids that are made many at a time are those that are made one by one."""

from hypothesis import given
from hypothesis import strategies as st

from app.ids import ID_PATTERN, event_id, event_ids

KEYS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40), max_size=120)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), KEYS)
def test_each_event_gets_the_id_of_its_key(environment_id: str, keys: list[str]) -> None:
    ids = event_ids(environment_id, keys)
    assert ids == [event_id(environment_id, key) for key in keys]
    assert all(ID_PATTERN.fullmatch(identifier) for identifier in ids)
    assert len(set(ids)) == len(set(keys))
