import itertools
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from app.billing.errors import InvariantBroken
from app.billing.periods import Period
from app.billing.proration import PartOfPeriod, Share, share_from_json


def part(start: datetime, end: datetime, whole_start: datetime, whole_end: datetime) -> Share | None:
    return PartOfPeriod(Period(start, end), Period(whole_start, whole_end)).share


def day(month: int, day: int, year: int = 2026) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "whole_start", "whole_end", "share"),
    [
        (day(1, 17), day(2, 1), day(1, 1), day(2, 1), Fraction(15, 31)),
        (day(1, 21), day(1, 31), day(1, 1), day(1, 31), Fraction(1, 3)),
        (day(2, 15), day(3, 1), day(2, 1), day(3, 1), Fraction(1, 2)),
        # A leap February has 29 days.
        (day(2, 15, 2028), day(3, 1, 2028), day(2, 1, 2028), day(3, 1, 2028), Fraction(15, 29)),
        (day(7, 2), day(1, 1, 2027), day(1, 1), day(1, 1, 2027), Fraction(183, 365)),
        # New York's March of 2026 has one hour less, and its second half begins after the clocks moved.
        (
            datetime(2026, 3, 16, 4, tzinfo=UTC), datetime(2026, 4, 1, 4, tzinfo=UTC),
            datetime(2026, 3, 1, 5, tzinfo=UTC), datetime(2026, 4, 1, 4, tzinfo=UTC),
            Fraction(16 * 24, 31 * 24 - 1),
        ),
        (day(1, 31), day(2, 1), day(1, 1), day(2, 1), Fraction(1, 31)),
        (day(2, 1) - timedelta(microseconds=1), day(2, 1), day(1, 1), day(2, 1), Fraction(1, 31 * 86400 * 10**6)),
    ],
)  # fmt: skip
def test_a_share_is_so_many_seconds_of_those_of_the_whole(
    start: datetime, end: datetime, whole_start: datetime, whole_end: datetime, share: Fraction
) -> None:
    found = part(start, end, whole_start, whole_end)
    assert found is not None
    assert found.exact == share


def test_the_whole_has_no_share() -> None:
    assert part(day(1, 1), day(2, 1), day(1, 1), day(2, 1)) is None


def test_shares_that_tile_a_period_add_up_to_it() -> None:
    cuts = [day(1, 1), day(1, 1) + timedelta(microseconds=1), day(1, 17), day(1, 31), day(2, 1)]
    shares = [part(one, other, cuts[0], cuts[-1]) for one, other in itertools.pairwise(cuts)]
    assert sum(share.exact for share in shares if share) == 1


def test_the_stored_form_reads_back() -> None:
    share = Share(Decimal("1296000.000001"), Decimal("2678400.0"))
    assert share.to_json() == {"part": "1296000.000001", "whole": "2678400"}
    assert share_from_json(json.loads(json.dumps(share.to_json()))) == share
    assert share_from_json(None) is None
    assert share_from_json({"part": "0", "whole": "1"}) == Share(Decimal(0), Decimal(1))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"part": "1"},
        {"part": 1, "whole": 2},
        {"part": "0", "whole": "0"},
        {"part": "-1", "whole": "2"},
        {"part": "1", "whole": "-2"},
        {"part": "3", "whole": "2"},
        {"part": "half", "whole": "1"},
    ],
)
def test_another_stored_form_is_corrupted_data(data: dict[str, object]) -> None:
    with pytest.raises(InvariantBroken):
        share_from_json(data)
