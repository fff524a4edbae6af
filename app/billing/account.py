"""The account of a customer in a currency: what it owes less what it has in hand, entry by entry."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AccountEntryKind(StrEnum):
    """What moved an account: up what is owed, down what is paid, credited, given or no longer owed."""

    INVOICE = "INVOICE"
    CREDIT_CARRIED = "CREDIT_CARRIED"
    PAYMENT = "PAYMENT"
    REFUND = "REFUND"
    CREDIT_NOTE = "CREDIT_NOTE"
    VOID = "VOID"
    WRITE_OFF = "WRITE_OFF"
    WRITE_OFF_REVERSAL = "WRITE_OFF_REVERSAL"
    CREDIT_ADDED = "CREDIT_ADDED"
    CREDIT_REMOVED = "CREDIT_REMOVED"


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """A change of an account in minor units, above zero where more is owed. `source_id` is the row that made it."""

    kind: AccountEntryKind
    at: datetime
    source_id: str
    amount_minor: int
    currency: str
    invoice_id: str | None = None


@dataclass(frozen=True, slots=True)
class BalancedEntry:
    """An entry with the balance after it."""

    entry: AccountEntry
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Account:
    """A span of an account: its balance before, its entries, its balance after them, and whether the span has more."""

    currency: str
    opening_minor: int
    closing_minor: int
    entries: Sequence[BalancedEntry]
    has_more: bool


def balance_account(
    entries: Iterable[AccountEntry], currency: str, start: datetime | None, before: datetime | None, limit: int
) -> Account:
    """Put entries in the order of time, add them up, and cut out those of a span `[start, before)`, the first ones.

    Of one instant the row that was made earlier comes first, as ids tell.
    """
    opening = balance = 0
    shown: list[BalancedEntry] = []
    for entry in sorted(entries, key=lambda one: (one.at, one.source_id.partition("_")[2], one.kind)):
        if before is not None and entry.at >= before:
            break
        if len(shown) == limit:
            return Account(currency, opening, balance, shown, has_more=True)
        balance += entry.amount_minor
        if start is not None and entry.at < start:
            opening = balance
        else:
            shown.append(BalancedEntry(entry, balance))
    return Account(currency, opening, balance, shown, has_more=False)
