import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.billing.discounts import DiscountTerms, discount_from_json
from app.billing.errors import InvariantBroken

JANUARY, FEBRUARY = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
TENTH = DiscountTerms("disc_1", "Launch", Decimal("0.1"), None, JANUARY, FEBRUARY)
AMOUNT = DiscountTerms("disc_2", "Loyalty", None, 2500, JANUARY, None)


@pytest.mark.parametrize(
    ("terms", "base", "taken"),
    [
        (TENTH, 10000, 1000),
        (TENTH, 0, 0),
        (TENTH, -10000, 0),
        # 0.4 and 0.5, away from zero.
        (TENTH, 4, 0),
        (TENTH, 5, 1),
        (replace(TENTH, percentage=Decimal(1)), 12345, 12345),
        (replace(TENTH, percentage=Decimal(0)), 12345, 0),
        (replace(TENTH, percentage=Decimal("0.333")), 100, 33),
        (replace(TENTH, percentage=Decimal("0.000000000000000001")), 5 * 10**17, 1),
        (AMOUNT, 10000, 2500),
        (AMOUNT, 2500, 2500),
        (AMOUNT, 2499, 2499),
        (AMOUNT, 0, 0),
        (AMOUNT, -1, 0),
    ],
)
def test_a_discount_takes_of_what_is_left_and_never_more(terms: DiscountTerms, base: int, taken: int) -> None:
    assert terms.reduction(base) == taken


@pytest.mark.parametrize(
    ("terms", "start", "takes"),
    [
        (TENTH, JANUARY - TICK, False),
        (TENTH, JANUARY, True),
        (TENTH, FEBRUARY - TICK, True),
        (TENTH, FEBRUARY, False),
        (AMOUNT, JANUARY - TICK, False),
        (AMOUNT, JANUARY + timedelta(days=36500), True),
    ],
)
def test_it_takes_from_what_begins_in_its_span(terms: DiscountTerms, start: datetime, takes: bool) -> None:
    assert terms.takes_from(start) is takes


@pytest.mark.parametrize("terms", [TENTH, AMOUNT])
def test_the_stored_form_reads_back(terms: DiscountTerms) -> None:
    assert discount_from_json(json.loads(json.dumps(terms.to_json()))) == terms
    assert TENTH.to_json() == {
        "id": "disc_1",
        "name": "Launch",
        "percentage": "0.1",
        "amountMinor": None,
        "startsAt": "2026-01-01T00:00:00+00:00",
        "endsAt": "2026-02-01T00:00:00+00:00",
    }


@pytest.mark.parametrize(
    ("name", "value"), [("percentage", "ten"), ("percentage", 1), ("startsAt", "today"), ("endsAt", 5)]
)
def test_another_stored_form_is_corrupted_data(name: str, value: Any) -> None:
    stored = TENTH.to_json()
    with pytest.raises(InvariantBroken):
        discount_from_json({**stored, name: value})
    del stored[name]
    with pytest.raises(InvariantBroken):
        discount_from_json(stored)
