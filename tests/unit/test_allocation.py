from collections.abc import Sequence

import pytest

from app.billing.allocation import spread
from app.billing.errors import InvariantBroken


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (101, [1, 1, 1], [34, 34, 33]),
        (1, [1, 1], [1, 0]),
        (7, [3, 3, 3, 3], [2, 2, 2, 1]),
        (10, [1, 2, 3, 4], [1, 2, 3, 4]),
        # 3.33, 6.67: the larger remainder is the later one's.
        (10, [1, 2], [3, 7]),
        (50, [0, 100, 0], [0, 50, 0]),
        (1597, [5000, 5000], [799, 798]),
        (0, [1, 2], [0, 0]),
        (0, [1, -1], [0, 0]),
        (0, [0, 0], [0, 0]),
        (0, [], []),
        # A line below zero takes the other sign.
        (380, [5000, -1200], [500, -120]),
        (1, [3, -1], [2, -1]),
        (10**30 + 1, [10**20, 10**20], [(10**30 + 2) // 2, 10**30 // 2]),
    ],
)
def test_parts_add_up_and_ties_go_to_the_earlier(total: int, weights: Sequence[int], parts: list[int]) -> None:
    assert spread(total, weights) == parts
    assert sum(parts) == total
    assert spread(-total, weights) == [-part for part in parts]


@pytest.mark.parametrize("weights", [[], [0, 0], [5, -5]])
def test_there_must_be_something_to_split_by(weights: list[int]) -> None:
    with pytest.raises(InvariantBroken):
        spread(1, weights)
