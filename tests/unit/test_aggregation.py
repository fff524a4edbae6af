from collections.abc import Sequence
from decimal import Decimal

import pytest

from app.billing.aggregation import Aggregation, MeteredValue, Tallied, aggregate, needs_value
from app.billing.errors import InvariantBroken


def numbers(*texts: str) -> list[MeteredValue]:
    return [MeteredValue(f"evt_{index}", Decimal(text)) for index, text in enumerate(texts)]


def texts(*values: str | None) -> list[MeteredValue]:
    return [MeteredValue(f"evt_{index}", value) for index, value in enumerate(values)]


@pytest.mark.parametrize(
    ("aggregation", "values", "expected"),
    [
        (Aggregation.COUNT, texts(None, None, None), "3"),
        (Aggregation.SUM, numbers("1500000"), "1500000"),
        (Aggregation.SUM, numbers("0.1", "0.2", "-0.05"), "0.25"),
        (Aggregation.SUM, numbers("5", "-5"), "0"),
        (Aggregation.SUM, numbers("99999999999999999999", "1E-18"), "99999999999999999999.000000000000000001"),
        (Aggregation.MAX, numbers("3", "12.5", "7"), "12.5"),
        (Aggregation.MAX, numbers("-3", "-7"), "-3"),
        (Aggregation.UNIQUE_COUNT, texts("ann", "bob", "ann"), "2"),
        (Aggregation.UNIQUE_COUNT, texts(None, None), "2"),
        (Aggregation.UNIQUE_COUNT, texts("", "a"), "2"),
    ],
)
def test_worked_quantities(aggregation: Aggregation, values: Sequence[MeteredValue], expected: str) -> None:
    assert aggregate(aggregation, values) == Decimal(expected)


@pytest.mark.parametrize("aggregation", Aggregation)
def test_no_events_are_a_quantity_of_zero(aggregation: Aggregation) -> None:
    assert str(aggregate(aggregation, [])) == "0"


@pytest.mark.parametrize("aggregation", Aggregation)
def test_an_event_counts_once_however_often_it_is_read(aggregation: Aggregation) -> None:
    event = MeteredValue("evt_1", Decimal(4))
    assert aggregate(aggregation, [event, event]) == aggregate(aggregation, [event])


def test_a_quantity_has_one_form_whatever_form_its_values_had() -> None:
    assert str(aggregate(Aggregation.SUM, numbers("1.50", "1.5"))) == "3"
    assert str(aggregate(Aggregation.MAX, numbers("2.0", "2"))) == "2"
    assert str(aggregate(Aggregation.MAX, numbers("2", "2.0"))) == "2"


def test_ten_thousand_tiny_values_lose_nothing() -> None:
    values = [MeteredValue(str(index), Decimal("1E-18")) for index in range(10_000)]
    assert aggregate(Aggregation.SUM, [*values, MeteredValue("big", Decimal("1E+19"))]) == Decimal(
        "10000000000000000000.00000000000001"
    )


def test_one_event_with_two_values_is_a_bug() -> None:
    with pytest.raises(InvariantBroken, match="two different values"):
        aggregate(Aggregation.SUM, [MeteredValue("evt_1", Decimal(1)), MeteredValue("evt_1", Decimal(2))])


@pytest.mark.parametrize("aggregation", [Aggregation.SUM, Aggregation.MAX])
@pytest.mark.parametrize("value", ["12", None])
def test_a_text_in_a_sum_is_a_bug(aggregation: Aggregation, value: str | None) -> None:
    with pytest.raises(InvariantBroken, match="without a number"):
        aggregate(aggregation, [MeteredValue("evt_1", value)])


def test_what_is_made_of_numbers_needs_a_value() -> None:
    needing = [aggregation for aggregation in Aggregation if needs_value(aggregation)]
    assert needing == ["SUM", "AVG", "MIN", "MAX", "LATEST"]


@pytest.mark.parametrize("value", ["99999999999999999999.999999999999999999", "1E-18", "-0.5", "0"])
def test_what_goes_leaves_what_was_there_before_to_the_last_digit(value: str) -> None:
    """Found by random lives: a sum of 38 digits was rounded to 28 when an event of it was counted elsewhere."""
    before = Tallied(2, Decimal("14.5"))
    assert before.plus(Tallied(1, Decimal(value))).minus(Tallied(1, Decimal(value))) == before
