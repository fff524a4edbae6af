"""Values of static features are kept with all digits of their numbers."""

from decimal import Decimal
from typing import Any

import pytest

from app.billing.entitlements import StaticTerms, terms_from_json, terms_to_json


@pytest.mark.parametrize(
    "value",
    [
        Decimal("0.10"),
        Decimal("-1.5"),
        10**99,
        {"seats": 5, "ratio": Decimal("0.1"), "none": None, 'a"b': [True, "x\\y", {}, []]},
        "0.1",
        "",
        None,
        [Decimal("100000000000000000000.000000000000000001")],
    ],
)
def test_what_is_stored_is_what_was_given(value: Any) -> None:
    stored = terms_to_json(StaticTerms(value))
    assert set(map(type, stored.values())) == {str}
    assert terms_from_json(stored) == StaticTerms(value)
    assert terms_to_json(terms_from_json(stored)) == stored


def test_an_exponent_is_written_out() -> None:
    assert terms_to_json(StaticTerms(Decimal("1E+20")))["text"] == "100000000000000000000"


def test_what_was_stored_before_is_read() -> None:
    assert terms_from_json({"kind": "STATIC", "value": {"seats": 5}}) == StaticTerms({"seats": 5})
