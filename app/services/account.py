"""Customers' accounts, read from the rows that moved them: nothing is kept twice."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.account import AccountEntry, AccountEntryKind
from app.billing.lifecycle import CreditKind, InvoiceDecisionKind
from app.models import table_of

#: Credit that invoices take, get back, or that payments, credit notes and refunds move, moves no account by itself.
_BY_ITSELF = {
    CreditKind.ADDED: AccountEntryKind.CREDIT_ADDED,
    CreditKind.CARRIED: AccountEntryKind.CREDIT_CARRIED,
    CreditKind.REMOVED: AccountEntryKind.CREDIT_REMOVED,
}


async def entries_by_customer(
    session: AsyncSession, environment_id: str, customer_ids: Collection[str], currency: str
) -> dict[str, list[AccountEntry]]:
    """Return what moved the accounts of some customers in a currency, in no order. Six statements.

    The entries of one add up to what is due on its issued invoices less the credit that it has in hand.
    """
    found: defaultdict[str, list[AccountEntry]] = defaultdict(list)
    for table, entry_of in _READ.items():
        mine = (
            table.c.environment_id == environment_id,
            table.c.customer_id.in_(set(customer_ids)),
            table.c.currency == currency,
        )
        for row in await session.execute(select(table).where(*mine)):
            entry = entry_of(row)
            if entry is not None:
                found[row.customer_id].append(entry)
    return found


def _of_invoice(row: Any) -> AccountEntry | None:
    if row.issued_at is None:
        return None
    return AccountEntry(AccountEntryKind.INVOICE, row.issued_at, row.id, row.total_minor, row.currency, row.id)


def _of_payment(row: Any) -> AccountEntry:
    return replace(_entry(row, AccountEntryKind.PAYMENT, -row.amount_minor), invoice_id=row.invoice_id)


def _of_note(row: Any) -> AccountEntry:
    return replace(_entry(row, AccountEntryKind.CREDIT_NOTE, -row.total_minor), invoice_id=row.invoice_id)


def _of_refund(row: Any) -> AccountEntry:
    return _entry(row, AccountEntryKind.REFUND, row.amount_minor)


def _of_decision(row: Any) -> AccountEntry:
    is_owed_again = row.kind is InvoiceDecisionKind.WRITE_OFF_REVERSAL
    amount = row.amount_minor if is_owed_again else -row.amount_minor
    return replace(_entry(row, AccountEntryKind(row.kind), amount), invoice_id=row.invoice_id)


def _of_credit(row: Any) -> AccountEntry | None:
    kind = _BY_ITSELF.get(row.kind)
    return None if kind is None else replace(_entry(row, kind, -row.amount_minor), invoice_id=row.invoice_id)


def _entry(row: Any, kind: AccountEntryKind, amount_minor: int) -> AccountEntry:
    return AccountEntry(kind, row.created_at, row.id, amount_minor, row.currency)


_READ: Mapping[Table, Callable[[Any], AccountEntry | None]] = {
    table_of(models.Invoice): _of_invoice,
    table_of(models.Payment): _of_payment,
    table_of(models.CreditNote): _of_note,
    table_of(models.Refund): _of_refund,
    table_of(models.InvoiceDecision): _of_decision,
    table_of(models.CreditEntry): _of_credit,
}
