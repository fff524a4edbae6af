from decimal import Decimal

import pytest

from app.billing.aggregation import Aggregation, MeteredValue
from app.billing.errors import InvariantBroken
from app.billing.extraction import (
    MESSAGES,
    MISSING,
    UncountedReason,
    dimensions,
    lookup,
    metered_value,
    unit_price,
    valid_path,
)

SUM = Aggregation.SUM
UNIQUE = Aggregation.UNIQUE_COUNT


@pytest.mark.parametrize(
    "path", ["$.tokens", "$.usage.output_tokens", "$.a.b.c.d", "$.output-tokens", "$.größe", "$.0"]
)
def test_paths_of_nested_names_are_valid(path: str) -> None:
    assert valid_path(path)


@pytest.mark.parametrize(
    "path", ["", "$", "$.", "tokens", ".tokens", "$tokens", "$..tokens", "$.a..b", "$.a.", "$.a[0]", "$['a']", "$.*",
             "$.a b", "$.a\n", " $.a", "$.a.b\x00"]
)  # fmt: skip
def test_other_paths_are_not(path: str) -> None:
    assert not valid_path(path)


def test_lookup_follows_the_names() -> None:
    data = {"usage": {"tokens": 5, "cached": None}, "tags": ["a"]}
    assert lookup(data, "$.usage.tokens") == 5
    assert lookup(data, "$.usage") == {"tokens": 5, "cached": None}
    assert lookup(data, "$.usage.cached") is None
    assert lookup(data, "$.usage.input") is MISSING
    assert lookup(data, "$.usage.tokens.deeper") is MISSING
    assert lookup(data, "$.tags.0") is MISSING
    assert lookup({}, "$.usage") is MISSING


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        (1500, "1500"),
        (-3, "-3"),
        (0, "0"),
        (10**20 - 1, "99999999999999999999"),
        (Decimal("0.1"), "0.1"),
        (Decimal("1E-05"), "0.00001"),
        (Decimal("1.5E+3"), "1500"),
        (Decimal("1.50000000000000000000"), "1.5"),
        (Decimal("-0.0"), "0"),
        ("12.50", "12.5"),
        ("-7", "-7"),
        ("0012", "12"),
    ],
)
def test_numbers_count_by_their_value(sent: object, value: str) -> None:
    found = metered_value(SUM, "$.tokens", "evt_1", {"tokens": sent})
    assert found == MeteredValue("evt_1", Decimal(value))
    assert isinstance(found, MeteredValue)
    assert str(found.value) == value or value == "0.00001"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (None, UncountedReason.VALUE_MISSING),
        (True, UncountedReason.VALUE_NOT_A_NUMBER),
        ("many", UncountedReason.VALUE_NOT_A_NUMBER),
        ("", UncountedReason.VALUE_NOT_A_NUMBER),
        ("1e3", UncountedReason.VALUE_NOT_A_NUMBER),
        ("NaN", UncountedReason.VALUE_NOT_A_NUMBER),
        ("\u0663", UncountedReason.VALUE_NOT_A_NUMBER),
        ([1], UncountedReason.VALUE_NOT_A_NUMBER),
        ({"n": 1}, UncountedReason.VALUE_NOT_A_NUMBER),
        (10**20, UncountedReason.VALUE_OUT_OF_RANGE),
        (-(10**99), UncountedReason.VALUE_OUT_OF_RANGE),
        (Decimal("1E+100"), UncountedReason.VALUE_OUT_OF_RANGE),
        (Decimal("1E-19"), UncountedReason.VALUE_OUT_OF_RANGE),
        ("1" + "0" * 20, UncountedReason.VALUE_OUT_OF_RANGE),
        ("9" * 60_000, UncountedReason.VALUE_OUT_OF_RANGE),
        ("0.0000000000000000001", UncountedReason.VALUE_OUT_OF_RANGE),
    ],
)
@pytest.mark.parametrize("aggregation", [Aggregation.SUM, Aggregation.MAX])
def test_what_can_not_be_summed_counts_for_nothing(
    sent: object, reason: UncountedReason, aggregation: Aggregation
) -> None:
    assert metered_value(aggregation, "$.tokens", "evt_1", {"tokens": sent}) is reason


def test_an_absent_value_is_missing() -> None:
    assert metered_value(SUM, "$.usage.tokens", "evt_1", {"usage": 5}) is UncountedReason.VALUE_MISSING
    assert metered_value(UNIQUE, "$.user", "evt_1", {}) is UncountedReason.VALUE_MISSING


@pytest.mark.parametrize("aggregation", [Aggregation.COUNT, Aggregation.UNIQUE_COUNT])
def test_without_a_value_property_the_event_itself_counts(aggregation: Aggregation) -> None:
    assert metered_value(aggregation, None, "evt_1", {}) == MeteredValue("evt_1", None)


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("ann", "ann"), ("", ""), (1, "1"), (Decimal("1.0"), "1"), (Decimal("1E+0"), "1"), ("1", "1"), ("1.0", "1.0"),
        (True, "true"), (False, "false"), (10**99, "1" + "0" * 99), (Decimal("1E+100"), "1" + "0" * 100),
    ],
)  # fmt: skip
def test_unique_values_are_told_apart_as_text(sent: object, text: str) -> None:
    assert metered_value(UNIQUE, "$.user", "evt_1", {"user": sent}) == MeteredValue("evt_1", text)


@pytest.mark.parametrize("sent", [{"id": 1}, ["ann"], {}, []])
def test_an_object_is_no_unique_value(sent: object) -> None:
    assert metered_value(UNIQUE, "$.user", "evt_1", {"user": sent}) is UncountedReason.VALUE_NOT_A_SCALAR


@pytest.mark.parametrize("aggregation", [Aggregation.SUM, Aggregation.UNIQUE_COUNT])
def test_a_float_is_a_bug_of_the_reader(aggregation: Aggregation) -> None:
    with pytest.raises(InvariantBroken, match="floats"):
        metered_value(aggregation, "$.tokens", "evt_1", {"tokens": 0.1})


@pytest.mark.parametrize(
    ("sent", "carried"),
    [
        (2, "2"), ("2.50", "2.50"), (-1, "-1"), (10**30, "1" + "0" * 30), ("1" + "0" * 30, "1" + "0" * 30),
        (Decimal("0.0012345678901234567"), "0.0012345678901234567"), (Decimal("1E-100"), "1E-100"),
        ("0." + "1" * 98, "0." + "1" * 98),
    ],
)  # fmt: skip
def test_a_price_is_carried_whatever_its_size(sent: object, carried: str) -> None:
    """What is charged lies within minPrice and maxPrice anyway."""
    assert unit_price("$.price", {"price": sent}) == Decimal(carried)


@pytest.mark.parametrize("sent", [None, True, "dear", "", "1e3", [2], {"n": 2}, "0." + "1" * 99, "9" * 60_000])
def test_what_is_no_number_is_no_price(sent: object) -> None:
    assert unit_price("$.price", {"price": sent}) is None
    assert unit_price("$.price", {}) is None


def test_dimensions_are_texts_or_nothing() -> None:
    data = {"model": "large", "gpu": 2, "spot": True, "region": {"name": "eu"}, "tags": [], "note": None}
    group_by = [
        ("model", "$.model"), ("gpu", "$.gpu"), ("spot", "$.spot"), ("region", "$.region.name"),
        ("place", "$.region"), ("tags", "$.tags"), ("note", "$.note"), ("other", "$.other"),
    ]  # fmt: skip
    assert dimensions(group_by, data) == {
        "model": "large", "gpu": "2", "spot": "true", "region": "eu",
        "place": None, "tags": None, "note": None, "other": None,
    }  # fmt: skip


def test_every_reason_has_a_sentence() -> None:
    assert list(MESSAGES) == list(UncountedReason)
    assert all(message.endswith(".") for message in MESSAGES.values())
