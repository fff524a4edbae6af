"""Customer credit: money that a customer has in hand, taken by its invoices when they are issued."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.corrections import CreditRemovalDraft, check_credit_removal, minor_of
from app.billing.catalog.invoices import CreditDraft, check_credit
from app.billing.credit import Balance, apply_credit
from app.billing.errors import ErrorCode, Problems, Refused, UserError
from app.billing.lifecycle import CreditKind
from app.billing.money import Money, decimal_to_minor
from app.ids import new_id
from app.models import table_of
from app.services.customer_time import customers_now
from app.services.lookup import locked_all, require
from app.services.merchants import get_merchant
from app.services.principal import Principal


async def give_credit(
    session: AsyncSession, principal: Principal, now: datetime, draft: CreditDraft
) -> models.CreditEntry:
    """Put credit into a customer's hands. The invoices that are issued from now on take it."""
    problems = Problems()
    customer = await require(session, problems, "customerId", models.Customer, principal.environment_id, draft.customer)
    check_credit(draft, problems)
    currency = draft.currency or (await get_merchant(session, principal.merchant_id)).default_currency
    amount_minor = _whole_minor(draft, currency, problems)
    problems.raise_if_any()
    assert customer is not None
    entry = models.CreditEntry(
        environment_id=customer.environment_id,
        id=new_id("cre"),
        created_at=await customers_now(session, customer, now),
        customer_id=customer.id,
        currency=currency,
        kind=CreditKind.ADDED,
        amount_minor=amount_minor,
        note=draft.note,
    )
    session.add(entry)
    await session.flush()
    return entry


async def remove_credit(
    session: AsyncSession, principal: Principal, now: datetime, draft: CreditRemovalDraft
) -> tuple[models.CreditEntry, ...]:
    """Take credit out of a customer's hands, never more than it has; return an entry for each that it is taken from."""
    problems = Problems()
    customer = await require(session, problems, "customerId", models.Customer, principal.environment_id, draft.customer)
    check_credit_removal(draft, problems)
    problems.raise_if_any()
    assert customer is not None
    currency = draft.currency or (await get_merchant(session, principal.merchant_id)).default_currency
    amount_minor = minor_of(draft.amount, currency, "amount", problems)
    problems.raise_if_any()
    now = await customers_now(session, customer, now)
    return tuple(await take_credit(session, customer, Money(amount_minor, currency), now, note=draft.reason))


async def take_credit(
    session: AsyncSession,
    customer: models.Customer,
    wanted: Money,
    now: datetime,
    *,
    note: str | None = None,
    refund_id: str | None = None,
) -> list[models.CreditEntry]:
    """Take an amount of a customer's credit, of the oldest entries first: for a refund, or else removed for good.

    The customer is locked, so that no invoice takes the same credit. Refused where there is not as much.
    """
    await locked_all(session, models.Customer, customer.environment_id, [customer.id])
    balances = await _balances(session, customer.environment_id, customer.id, wanted.currency)
    in_hand = sum(balance.left_minor for balance in balances)
    if wanted.amount_minor > in_hand:
        message = f"the customer has only {Money(in_hand, wanted.currency).amount} {wanted.currency} of credit"
        raise Refused((UserError(ErrorCode.CREDIT_BALANCE_EXCEEDED, "amount", message),))
    entries = [
        models.CreditEntry(
            environment_id=customer.environment_id,
            id=new_id("cre"),
            created_at=now,
            customer_id=customer.id,
            currency=wanted.currency,
            kind=CreditKind.REMOVED if refund_id is None else CreditKind.REFUNDED,
            amount_minor=-taken.left_minor,
            source_id=taken.entry_id,
            refund_id=refund_id,
            note=note,
        )
        for taken in apply_credit(wanted.amount_minor, balances)
    ]
    session.add_all(entries)
    await session.flush()
    return entries


async def settle_with_credit(
    session: AsyncSession, environment_id: str, invoices: Sequence[models.Invoice], now: datetime
) -> None:
    """Pay invoices that are being issued, in their order, with what their customers have in hand, oldest first.

    What an invoice lies below zero is carried to its customer's credit. The rows of customers who have any are locked,
    so that two invoices never take the same credit.
    """
    for invoice in invoices:
        if invoice.carried_to_credit_minor:
            await add_entry(session, invoice, now, CreditKind.CARRIED, invoice.carried_to_credit_minor)
    due = [invoice for invoice in invoices if invoice.due_minor > 0]
    if not due:
        return
    entries = table_of(models.CreditEntry).c
    having = select(entries.customer_id).where(
        entries.environment_id == environment_id, entries.customer_id.in_({invoice.customer_id for invoice in due})
    )
    # Who has no credit, as most, needs no lock: what comes from now on is for later invoices.
    rich = (await session.scalars(having.distinct())).all()
    customers = await locked_all(session, models.Customer, environment_id, rich) if rich else {}
    for invoice in due:
        if invoice.customer_id in customers:
            balances = await _balances(session, environment_id, invoice.customer_id, invoice.currency)
            for taken in apply_credit(invoice.due_minor, balances):
                await add_entry(session, invoice, now, CreditKind.APPLIED, -taken.left_minor, source_id=taken.entry_id)
                invoice.credit_applied_minor += taken.left_minor


async def return_credit(session: AsyncSession, invoice: models.Invoice, now: datetime) -> None:
    """Give back what a voided invoice took of its customer's credit, and make credit of the payments it received."""
    if invoice.credit_applied_minor:
        await add_entry(session, invoice, now, CreditKind.RETURNED, invoice.credit_applied_minor)
    if invoice.paid_minor:
        await add_entry(session, invoice, now, CreditKind.OVERPAID, invoice.paid_minor)


async def add_entry(
    session: AsyncSession,
    invoice: models.Invoice,
    now: datetime,
    kind: CreditKind,
    amount_minor: int,
    *,
    source_id: str | None = None,
    credit_note_id: str | None = None,
) -> models.CreditEntry:
    """Write what an invoice, or a credit note of it, does to its customer's credit."""
    entry = models.CreditEntry(
        environment_id=invoice.environment_id,
        id=new_id("cre"),
        created_at=now,
        customer_id=invoice.customer_id,
        currency=invoice.currency,
        kind=kind,
        amount_minor=amount_minor,
        invoice_id=invoice.id,
        source_id=source_id,
        credit_note_id=credit_note_id,
    )
    session.add(entry)
    await session.flush()
    return entry


async def credit_by_customer(
    session: AsyncSession, environment_id: str, customer_ids: Iterable[str]
) -> dict[str, dict[str, int]]:
    """Return each customer's balances in minor units by currency, in the order of the codes. One statement."""
    entries = table_of(models.CreditEntry).c
    statement = select(entries.customer_id, entries.currency, entries.amount_minor).where(
        entries.environment_id == environment_id, entries.customer_id.in_(set(customer_ids))
    )
    balances: dict[str, dict[str, int]] = defaultdict(dict)
    for row in await session.execute(statement.order_by(entries.currency)):
        balances[row.customer_id][row.currency] = balances[row.customer_id].get(row.currency, 0) + row.amount_minor
    return balances


def _whole_minor(draft: CreditDraft, currency: str, problems: Problems) -> int:
    if problems.errors:
        return 0
    try:
        return decimal_to_minor(draft.amount, currency)
    except ValueError as error:
        problems.add(ErrorCode.INVALID, "amount", str(error))
        return 0


async def _balances(session: AsyncSession, environment_id: str, customer_id: str, currency: str) -> list[Balance]:
    """Return what is left of each entry of a customer and a currency that brought credit, oldest first."""
    entries = table_of(models.CreditEntry).c
    statement = select(entries.id, entries.source_id, entries.amount_minor).where(
        entries.environment_id == environment_id,
        entries.customer_id == customer_id,
        entries.currency == currency,
    )
    rows: Any = (await session.execute(statement.order_by(entries.created_at, entries.id))).all()
    taken: dict[str, int] = defaultdict(int)
    for row in rows:
        if row.source_id is not None:
            taken[row.source_id] += row.amount_minor
    left = [Balance(row.id, row.amount_minor + taken[row.id]) for row in rows if row.source_id is None]
    return [balance for balance in left if balance.left_minor > 0]
