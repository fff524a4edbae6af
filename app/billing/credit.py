"""Customer credit: money in hand, taken by invoices, oldest first."""

from collections.abc import Iterable
from typing import NamedTuple


class Balance(NamedTuple):
    """What is left of an entry that brought credit, in minor units."""

    entry_id: str
    left_minor: int


def apply_credit(due_minor: int, balances: Iterable[Balance]) -> list[Balance]:
    """Return what is taken from which entry to pay an amount, in the order given; all of it, or all there is."""
    taken = []
    for balance in balances:
        part = min(due_minor, balance.left_minor)
        if part > 0:
            taken.append(Balance(balance.entry_id, part))
            due_minor -= part
    return taken
