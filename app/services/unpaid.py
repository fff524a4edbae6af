"""What becomes of those who do not pay in time: a first invoice ends its subscription, others make it past due."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.lifecycle import (
    InvoiceDecisionKind,
    InvoiceReason,
    InvoiceStatus,
    SubscriptionStatus,
    TerminationReason,
    move_invoice,
    move_subscription,
)
from app.ids import new_id
from app.metering.jobs import schedule_job
from app.models import UsageJobKind, table_of
from app.services.credit import return_credit
from app.services.lookup import all_by_id, locked_all, must_lock


async def expire_subscriptions(
    session: AsyncSession, environment_id: str, due: Mapping[str, datetime], now: datetime
) -> list[str]:
    """End subscriptions whose first invoices were not paid in time, and void these; return their ids.

    What they used is billed to nobody, unless another subscription of the customer covers it.
    """
    locked = await locked_all(session, models.Subscription, environment_id, due)
    pending = [locked[one] for one in due if locked[one].status is SubscriptionStatus.PENDING_PAYMENT]
    voided = []
    for subscription in pending:
        reason = TerminationReason.INITIAL_PAYMENT_EXPIRED
        voided.append((await end_pending(session, subscription, reason, due[subscription.id], now)).id)
    return voided


async def end_pending(
    session: AsyncSession,
    subscription: models.Subscription,
    reason: TerminationReason,
    ended_at: datetime,
    now: datetime,
) -> models.Invoice:
    """End a locked subscription that waits for its first payment; return that invoice, which is void."""
    subscription.status = move_subscription(subscription.status, SubscriptionStatus.TERMINATED)
    subscription.termination_reason = reason
    subscription.ended_at = subscription.ending_at = ended_at
    subscription.next_boundary_at = None
    invoice = await _first_invoice(session, subscription)
    why = "Not paid in time" if reason is TerminationReason.INITIAL_PAYMENT_EXPIRED else "Terminated before it was paid"
    await void_invoice(session, invoice, why, now)
    await schedule_job(session, subscription.environment_id, UsageJobKind.SUBSCRIPTION, subscription.id, now)
    return invoice


async def _first_invoice(session: AsyncSession, subscription: models.Subscription) -> models.Invoice:
    """Return the invoice that a pending subscription waits for, locked."""
    invoices = table_of(models.Invoice).c
    first = select(invoices.id).where(
        invoices.environment_id == subscription.environment_id,
        invoices.subscription_id == subscription.id,
        invoices.reason == InvoiceReason.SUBSCRIPTION_START,
        invoices.status == InvoiceStatus.ISSUED,
    )
    invoice_id = (await session.scalars(first)).one()
    return await must_lock(session, models.Invoice, subscription.environment_id, invoice_id)


async def void_invoice(session: AsyncSession, invoice: models.Invoice, reason: str, now: datetime) -> None:
    """Take back an issued invoice, which keeps its number: what was paid for it becomes the customer's credit.

    Credit notes took what they did off what was due, as anything was, and gave nothing: there is nothing to take back.
    """
    if invoice.status is InvoiceStatus.UNCOLLECTIBLE:
        decide(session, invoice, InvoiceDecisionKind.WRITE_OFF_REVERSAL, invoice.due_minor, reason, now)
    decide(session, invoice, InvoiceDecisionKind.VOID, invoice.total_minor - invoice.credited_minor, reason, now)
    invoice.status = move_invoice(invoice.status, InvoiceStatus.VOID)
    await return_credit(session, invoice, now)
    await session.flush()


def decide(
    session: AsyncSession,
    invoice: models.Invoice,
    kind: InvoiceDecisionKind,
    amount_minor: int,
    reason: str,
    now: datetime,
) -> None:
    """Note what was decided about an invoice, and how much is no longer owed by it, or owed again."""
    session.add(
        models.InvoiceDecision(
            environment_id=invoice.environment_id,
            id=new_id("dec"),
            created_at=now,
            invoice_id=invoice.id,
            customer_id=invoice.customer_id,
            kind=kind,
            reason=reason,
            currency=invoice.currency,
            amount_minor=amount_minor,
        )
    )


async def mark_overdue(
    session: AsyncSession, environment_id: str, due: Mapping[str, datetime], _now: datetime
) -> list[str]:
    """Note on the subscriptions of invoices that these were not paid in time. They renew all the same."""
    peeks = await all_by_id(session, models.Invoice, environment_id, due)
    subscriptions = await locked_all(
        session, models.Subscription, environment_id, [one.subscription_id for one in peeks.values()]
    )
    for invoice in (await locked_all(session, models.Invoice, environment_id, due)).values():
        subscription = subscriptions[invoice.subscription_id]
        if invoice.status is InvoiceStatus.ISSUED and subscription.status is SubscriptionStatus.ACTIVE:
            subscription.status = move_subscription(subscription.status, SubscriptionStatus.PAST_DUE)
    await session.flush()
    return []


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
