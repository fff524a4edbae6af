"""Totals and numbers of invoices."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.billing.errors import InvariantBroken


class Series(StrEnum):
    """The sequences of invoice numbers, each gapless: live, sandbox, and customers on a test clock."""

    LIVE = "LIVE"
    SANDBOX = "SANDBOX"
    TEST = "TEST"


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of an invoice in minor units of its currency."""

    subtotal_minor: int
    tax_minor: int
    total_minor: int


def total_lines(amounts: Sequence[int]) -> Totals:
    """Add up the rounded amounts of the lines, in minor units. No tax is charged."""
    subtotal = sum(amounts)
    return Totals(subtotal_minor=subtotal, tax_minor=0, total_minor=subtotal)


def invoice_number(prefix: str, series: Series, number: int) -> str:
    """Return the number an invoice is known by: INV-000001, SANDBOX-INV-000001, TEST-INV-000001.

    `number` counts from 1 in its series and grows beyond six digits when it must.
    """
    if number < 1:
        raise InvariantBroken("The numbers of a series start at 1.")
    counted = f"{prefix}-{number:06d}"
    return counted if series is Series.LIVE else f"{series}-{counted}"
