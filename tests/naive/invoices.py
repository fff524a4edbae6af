"""Invoices in the one form in which the naive replay and the product are compared."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from fractions import Fraction
from typing import Literal

from tests.naive.history import Credit, Typed

Reason = Literal["START", "CYCLE", "CHANGE", "END", "SUPPLEMENT"]


@dataclass(frozen=True)
class Line:
    """`exact` is in major units, to 18 places; amounts in minor ones. `events` are keys."""

    description: str
    start: datetime
    end: datetime
    quantity: Fraction
    exact: Fraction
    amount_minor: int
    discount_minor: int
    tax_minor: int
    events: frozenset[str]


@dataclass(frozen=True)
class Invoice:
    """An issued invoice of a subscription, given by its place. `boundary` is the one it bills; None is Invoice 0.

    What no boundary bills, a change or what came late after the end, has the instant of issue there.

    `known_before` says which events had come when it was issued: those that arrived before; `expired`, which
    subscriptions had never been paid for by then; `credit_before`, which credit such payments brought since the invoice
    before. The last lines are those `typed` by hand.
    """

    subscription: int
    reason: Reason
    boundary: datetime | None
    lines: tuple[Line, ...]
    subtotal_minor: int
    discount_minor: int
    tax_minor: int
    carried_minor: int
    total_minor: int
    credit_minor: int
    known_before: datetime | None = field(default=None, compare=False)
    expired: frozenset[int] = field(default=frozenset(), compare=False)
    credit_before: tuple[Credit, ...] = field(default=(), compare=False)
    typed: tuple[Typed, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class CreditNote:
    """A credit note of an invoice, given by its place among all, and what became of its total."""

    invoice: int
    amount_minor: int
    discount_minor: int
    tax_minor: int
    total_minor: int
    reduced_minor: int
    to_credit_minor: int
    refunded_minor: int


def differences(expected: list[Invoice], found: list[Invoice]) -> list[str]:
    """Say where two lists of invoices differ, the naive figure first. Nothing where they agree."""
    said = []
    if len(expected) != len(found):
        said.append(f"invoices: {[_name(one) for one in expected]} / {[_name(one) for one in found]}")
    for one, other in zip(expected, found, strict=False):
        said += _differing(_name(one), one, other)
        if len(one.lines) == len(other.lines):
            for place, (line, twin) in enumerate(zip(one.lines, other.lines, strict=True)):
                said += _differing(f"{_name(one)} line {place} {line.description}", line, twin)
    return said


def _differing(where: str, one: Invoice | Line, other: Invoice | Line) -> list[str]:
    said = []
    for item in fields(one):
        mine, theirs = getattr(one, item.name), getattr(other, item.name)
        if item.name == "lines":
            mine, theirs = len(mine), len(theirs)
        if item.compare and mine != theirs:
            said.append(f"{where}: {item.name} {mine} / {theirs}")
    return said


def _name(invoice: Invoice) -> str:
    return f"#{invoice.subscription} {invoice.reason} @{invoice.boundary.isoformat() if invoice.boundary else 'start'}"
