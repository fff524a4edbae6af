"""Splitting an amount so that its parts add up to it."""

from collections.abc import Sequence
from fractions import Fraction

from app.billing.errors import InvariantBroken


def spread(total: int, weights: Sequence[int]) -> list[int]:
    """Split an amount in minor units in proportion to weights, by the largest remainder; ties go to the earlier.

    The parts add up to the total, and each is within one unit of its exact share. A total below zero is split as its
    opposite is, so that what reverses an amount reverses its parts. A weight may be negative, as that of a line below
    zero is; then its part has the other sign. InvariantBroken when there is something to split and the
    weights add up to nothing.
    """
    if total < 0:
        return [-part for part in spread(-total, weights)]
    whole = sum(weights)
    if whole == 0:
        if total != 0:
            raise InvariantBroken("There is nothing to split an amount by.")
        return [0] * len(weights)
    exact = [Fraction(total * weight, whole) for weight in weights]
    parts = [share.numerator // share.denominator for share in exact]
    by_rest = sorted(range(len(parts)), key=lambda place: (parts[place] - exact[place], place))
    for place in by_rest[: total - sum(parts)]:
        parts[place] += 1
    return parts
