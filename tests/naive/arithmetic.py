"""Rounding and splitting, by hand."""

from fractions import Fraction


def half_up(exact: Fraction) -> int:
    """The nearest whole number; of two, the one farther from zero."""
    size = abs(exact)
    whole = size.numerator // size.denominator
    if size - whole >= Fraction(1, 2):
        whole += 1
    return whole if exact >= 0 else -whole


def split(total: int, weights: list[int]) -> list[int]:
    """A total in parts by weight: first whole units, then one each to the largest remainders, the earlier first.

    What is below zero is split as if it were above.
    """
    if total < 0:
        return [-part for part in split(-total, weights)]
    together = sum(weights)
    if together == 0:
        assert total == 0
        return [0 for _ in weights]
    exact = [Fraction(total) * weight / together for weight in weights]
    parts = [part.numerator // part.denominator for part in exact]
    while sum(parts) < total:
        best = 0
        for place in range(len(parts)):
            if exact[place] - parts[place] > exact[best] - parts[best]:
                best = place
        parts[best] += 1
    return parts
