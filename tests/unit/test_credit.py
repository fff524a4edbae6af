import pytest

from app.billing.credit import Balance, apply_credit

BALANCES = [Balance("old", 30), Balance("used", 0), Balance("middle", 50), Balance("new", 40)]


@pytest.mark.parametrize(
    ("due", "taken"),
    [
        (0, []),
        (1, [("old", 1)]),
        (30, [("old", 30)]),
        (31, [("old", 30), ("middle", 1)]),
        (100, [("old", 30), ("middle", 50), ("new", 20)]),
        (120, [("old", 30), ("middle", 50), ("new", 40)]),
        (10**20, [("old", 30), ("middle", 50), ("new", 40)]),
        (-5, []),
    ],
)
def test_the_oldest_credit_is_taken_first_and_never_more_than_is_due(due: int, taken: list[tuple[str, int]]) -> None:
    assert apply_credit(due, BALANCES) == taken


def test_without_credit_nothing_is_taken() -> None:
    assert apply_credit(100, []) == []
