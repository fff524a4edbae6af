"""What a merchant decides about issued invoices: that they are void, written off, or expected to be paid after all."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.corrections import DecisionDraft, check_decision
from app.billing.errors import ErrorCode, Problems
from app.billing.lifecycle import (
    InvoiceDecisionKind,
    InvoiceStatus,
    SubscriptionStatus,
    move_invoice,
    move_subscription,
)
from app.services.customer_time import customers_now
from app.services.lookup import must_lock, require
from app.services.principal import Principal
from app.services.settling import gates
from app.services.unpaid import decide, forgive_if_settled, void_invoice


class _Decided(NamedTuple):
    """What a decision is about, locked, and when it is made."""

    subscription: models.Subscription
    invoice: models.Invoice
    now: datetime


async def void(session: AsyncSession, principal: Principal, now: datetime, draft: DecisionDraft) -> models.Invoice:
    """Take back an invoice that is not paid: what it was paid with so far becomes the customer's credit."""
    open_ = (InvoiceStatus.ISSUED, InvoiceStatus.UNCOLLECTIBLE)
    subscription, invoice, now = await _decided(session, principal, now, draft, open_)
    await void_invoice(session, invoice, draft.reason, now)
    await forgive_if_settled(session, subscription, now)
    return invoice


async def write_off(session: AsyncSession, principal: Principal, now: datetime, draft: DecisionDraft) -> models.Invoice:
    """Note that an invoice is not expected to be paid. Its subscription is no longer past due for it."""
    subscription, invoice, now = await _decided(session, principal, now, draft, (InvoiceStatus.ISSUED,))
    decide(session, invoice, InvoiceDecisionKind.WRITE_OFF, invoice.due_minor, draft.reason, now)
    invoice.status = move_invoice(invoice.status, InvoiceStatus.UNCOLLECTIBLE)
    await session.flush()
    await forgive_if_settled(session, subscription, now)
    return invoice


async def reverse_write_off(
    session: AsyncSession, principal: Principal, now: datetime, draft: DecisionDraft
) -> models.Invoice:
    """Note that an invoice that was written off is to be paid after all. If it is overdue, so is its subscription."""
    subscription, invoice, now = await _decided(session, principal, now, draft, (InvoiceStatus.UNCOLLECTIBLE,))
    decide(session, invoice, InvoiceDecisionKind.WRITE_OFF_REVERSAL, invoice.due_minor, draft.reason, now)
    invoice.status = move_invoice(invoice.status, InvoiceStatus.ISSUED)
    assert invoice.due_at is not None, "an issued invoice has a due date"
    if invoice.due_at <= now and subscription.status is SubscriptionStatus.ACTIVE:
        subscription.status = move_subscription(subscription.status, SubscriptionStatus.PAST_DUE)
    await session.flush()
    return invoice


async def _decided(
    session: AsyncSession,
    principal: Principal,
    now: datetime,
    draft: DecisionDraft,
    statuses: Collection[InvoiceStatus],
) -> _Decided:
    """Lock what a decision is about; refused unless the invoice has one of some statuses and nobody waits for it."""
    environment_id, problems = principal.environment_id, Problems()
    peek = await require(session, problems, "invoiceId", models.Invoice, environment_id, draft.invoice)
    check_decision(draft, problems)
    problems.raise_if_any()
    assert peek is not None
    customer = await session.get_one(models.Customer, (environment_id, peek.customer_id))
    now = await customers_now(session, customer, now)
    subscription = await must_lock(session, models.Subscription, environment_id, peek.subscription_id)
    invoice = await must_lock(session, models.Invoice, environment_id, peek.id)
    if invoice.status not in statuses:
        message = f"the invoice is {invoice.status}, and must be {' or '.join(statuses)}"
        problems.add(ErrorCode.INVOICE_NOT_OPEN, "invoiceId", message)
    elif gates(invoice, subscription):
        message = f"the subscription {subscription.id} waits for this invoice to be paid; terminate it instead"
        problems.add(ErrorCode.INVOICE_AWAITED, "invoiceId", message)
    problems.raise_if_any()
    return _Decided(subscription, invoice, now)
