"""What becomes of those who do not pay in time: a first invoice ends its subscription, others make it past due."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.lifecycle import (
    InvoiceReason,
    InvoiceStatus,
    SubscriptionStatus,
    TerminationReason,
    move_invoice,
    move_subscription,
)
from app.metering.jobs import schedule_job
from app.models import UsageJobKind, table_of
from app.services.credit import return_credit
from app.services.lookup import must_lock


async def expire_subscription(
    session: AsyncSession, environment_id: str, subscription_id: str, due_at: datetime, now: datetime
) -> str | None:
    """End a subscription whose first invoice was not paid in time, and void that; return its id.

    What it used is billed to nobody, unless another subscription of the customer covers it.
    """
    subscription = await must_lock(session, models.Subscription, environment_id, subscription_id)
    if subscription.status is not SubscriptionStatus.PENDING_PAYMENT:
        return None
    subscription.status = move_subscription(subscription.status, SubscriptionStatus.TERMINATED)
    subscription.termination_reason = TerminationReason.INITIAL_PAYMENT_EXPIRED
    subscription.ended_at, subscription.next_boundary_at = due_at, None
    invoices = table_of(models.Invoice).c
    first = select(invoices.id).where(
        invoices.environment_id == environment_id,
        invoices.subscription_id == subscription_id,
        invoices.reason == InvoiceReason.SUBSCRIPTION_START,
        invoices.status == InvoiceStatus.ISSUED,
    )
    invoice = await must_lock(session, models.Invoice, environment_id, (await session.scalars(first)).one())
    await void_invoice(session, invoice, now)
    await schedule_job(session, environment_id, UsageJobKind.SUBSCRIPTION, subscription_id, now)
    return invoice.id


async def void_invoice(session: AsyncSession, invoice: models.Invoice, now: datetime) -> None:
    """Take back an issued invoice, which keeps its number: what was paid for it becomes the customer's credit."""
    invoice.status = move_invoice(invoice.status, InvoiceStatus.VOID)
    await return_credit(session, invoice, now)
    await session.flush()


async def mark_overdue(
    session: AsyncSession, environment_id: str, invoice_id: str, _due_at: datetime, _now: datetime
) -> str | None:
    """Note on a subscription that an invoice was not paid in time. It renews all the same."""
    peek = await session.get_one(models.Invoice, (environment_id, invoice_id))
    subscription = await must_lock(session, models.Subscription, environment_id, peek.subscription_id)
    invoice = await must_lock(session, models.Invoice, environment_id, invoice_id)
    if invoice.status is InvoiceStatus.ISSUED and subscription.status is SubscriptionStatus.ACTIVE:
        subscription.status = move_subscription(subscription.status, SubscriptionStatus.PAST_DUE)
        await session.flush()
    return None


async def forgive_if_settled(session: AsyncSession, subscription: models.Subscription, now: datetime) -> None:
    """Make a locked subscription that was past due active again, once none of its invoices is overdue any more."""
    if subscription.status is not SubscriptionStatus.PAST_DUE:
        return
    invoices = table_of(models.Invoice).c
    overdue = select(func.count()).where(
        invoices.environment_id == subscription.environment_id,
        invoices.subscription_id == subscription.id,
        invoices.status == InvoiceStatus.ISSUED,
        invoices.due_at <= now,
    )
    if not await session.scalar(overdue):
        subscription.status = move_subscription(subscription.status, SubscriptionStatus.ACTIVE)
        await session.flush()
