"""Refunds: money of payments that is given back, for a credit note or out of the customer's credit."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.corrections import RefundDraft, check_refund, minor_of
from app.billing.errors import ErrorCode, Problems
from app.billing.money import Money, minor_to_decimal
from app.ids import new_id
from app.models import table_of
from app.services.credit import take_credit
from app.services.customer_time import customers_now
from app.services.lookup import must_lock, require
from app.services.principal import Principal


async def record_refund(
    session: AsyncSession, principal: Principal, now: datetime, draft: RefundDraft
) -> tuple[models.Refund, models.Payment]:
    """Record that money of a payment was given back: all that is left of it, unless an amount is given.

    It is taken out of the customer's credit, so that nobody gets back what an invoice holds. Who credits an invoice
    gives money back with the credit note.
    """
    environment_id, problems = principal.environment_id, Problems()
    payment = await require(session, problems, "paymentId", models.Payment, environment_id, draft.payment)
    check_refund(draft, problems)
    problems.raise_if_any()
    assert payment is not None
    customer = await session.get_one(models.Customer, (environment_id, payment.customer_id))
    now = await customers_now(session, customer, now)
    # The lock of its invoice is that of a payment: who corrects an invoice refunds its payments.
    peek = await session.get_one(models.Invoice, (environment_id, payment.invoice_id))
    await must_lock(session, models.Subscription, environment_id, peek.subscription_id)
    await must_lock(session, models.Invoice, environment_id, peek.id)
    await session.refresh(payment)
    left_minor = payment.amount_minor - payment.refunded_minor
    amount_minor = left_minor if draft.amount is None else minor_of(draft.amount, payment.currency, "amount", problems)
    if amount_minor > left_minor or not left_minor:
        left = minor_to_decimal(left_minor, payment.currency)
        message = f"only {left} {payment.currency} of the payment are not refunded yet"
        problems.add(ErrorCode.REFUND_EXCEEDS_PAYMENT, "amount", message)
    problems.raise_if_any()
    refund = _refund(payment, amount_minor, draft.reason, now)
    refund.reference = draft.reference
    session.add(refund)
    await session.flush()
    await take_credit(session, customer, Money(amount_minor, payment.currency), now, refund_id=refund.id)
    return refund, payment


async def refund_credit_note(session: AsyncSession, note: models.CreditNote, now: datetime) -> None:
    """Give back what a credit note refunds, of the payments of its locked invoice, the oldest first."""
    left_minor = note.refunded_minor
    for payment in await payments_of(session, note.environment_id, note.invoice_id):
        part_minor = min(left_minor, payment.amount_minor - payment.refunded_minor)
        if part_minor:
            refund = _refund(payment, part_minor, note.reason, now)
            refund.credit_note_id = note.id
            session.add(refund)
            left_minor -= part_minor
    assert not left_minor, "the payments brought what is refunded"
    await session.flush()


async def payments_of(session: AsyncSession, environment_id: str, invoice_id: str) -> Sequence[models.Payment]:
    """Return the payments for an invoice in the order in which they came, as they are now."""
    payments = table_of(models.Payment).c
    mine = (payments.environment_id == environment_id, payments.invoice_id == invoice_id)
    statement = select(models.Payment).where(*mine).order_by(payments.created_at, payments.id)
    return (await session.scalars(statement.execution_options(populate_existing=True))).all()


def _refund(payment: models.Payment, amount_minor: int, reason: str, now: datetime) -> models.Refund:
    payment.refunded_minor += amount_minor
    return models.Refund(
        environment_id=payment.environment_id,
        id=new_id("rfd"),
        created_at=now,
        payment_id=payment.id,
        customer_id=payment.customer_id,
        amount_minor=amount_minor,
        currency=payment.currency,
        reason=reason,
    )
