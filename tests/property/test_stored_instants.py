"""An instant that is written past the layers is what the layers write."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from app.metering.store_sqlite import read_instant, write_instant

FIRST, LAST = datetime(1, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001 - the zone comes with them
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(FIRST, LAST, timezones=st.just(UTC) | ZONES)
#: With whole seconds, whose fraction must be written, too.
ROUND = INSTANTS.map(lambda instant: instant.replace(microsecond=0))


@given(INSTANTS | ROUND)
def test_an_instant_is_written_in_utc_to_the_microsecond(instant: datetime) -> None:
    written, utc = write_instant(instant), instant.astimezone(UTC)
    assert written == f"{utc.year:04}-{utc:%m-%d %H:%M:%S.%f}"
    assert read_instant(written) == instant


@given(st.lists(INSTANTS, min_size=2))
def test_texts_sort_as_instants_do(instants: list[datetime]) -> None:
    assert sorted(map(write_instant, instants)) == list(map(write_instant, sorted(instants)))
