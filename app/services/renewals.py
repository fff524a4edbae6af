"""The years after the start: at each boundary a draft, after the grace time an issued invoice."""

from datetime import datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.lifecycle import InvoiceReason, InvoiceStatus, SubscriptionStatus
from app.billing.periods import Period
from app.ids import new_id
from app.models import table_of
from app.services.due import DueKind, schedule
from app.services.invoices import issue_invoice, lines_of, open_invoice, owner_of, rewrite_lines
from app.services.lookup import must_lock
from app.services.rating import Charge, RatedLine, charges_at_boundary, rate
from app.services.subscriptions import open_period, schedule_boundary
from app.services.terms import terms_by_price, terms_by_version

_RENEWING = (SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE)


async def pass_boundary(
    session: AsyncSession, environment_id: str, subscription_id: str, due_at: datetime, now: datetime
) -> str | None:
    """End the running period at `due_at`: draft its invoice, begin the next period, let both fall due.

    Return the id of the draft.
    """
    subscription = await must_lock(session, models.Subscription, environment_id, subscription_id)
    if subscription.status not in _RENEWING:
        return None
    terms = await terms_by_version(session, environment_id, [subscription.plan_version_id])
    lines = await rate(session, environment_id, charges_at_boundary(subscription, terms[subscription.plan_version_id]))
    ended = subscription.period_number
    reason = InvoiceReason.SUBSCRIPTION_CYCLE
    invoice = await open_invoice(session, subscription, now, reason, due_at, lines, closing_period_number=ended)
    subscription.period_number = ended + 1
    await open_period(session, subscription, now)
    merchant, _ = await owner_of(session, environment_id)
    customer = await session.get_one(models.Customer, (environment_id, subscription.customer_id))
    close_at = due_at + timedelta(seconds=merchant.grace_seconds)
    clock_id = customer.test_clock_id
    await schedule(session, environment_id, DueKind.INVOICE_CLOSE, invoice.id, close_at, clock_id, now)
    await schedule_boundary(session, subscription, clock_id, now)
    return invoice.id


async def close_invoice(
    session: AsyncSession, environment_id: str, invoice_id: str, _due_at: datetime, now: datetime
) -> str | None:
    """End the grace time of a draft: close its period, rate it with all that was received, assign the events, issue.

    Return the id of the invoice.
    """
    peek = await session.get_one(models.Invoice, (environment_id, invoice_id))
    subscription = await must_lock(session, models.Subscription, environment_id, peek.subscription_id)
    invoice = await must_lock(session, models.Invoice, environment_id, invoice_id)
    if invoice.status is not InvoiceStatus.DRAFT:
        return None
    await _close_period(session, subscription, invoice, now)
    lines = await lines_of(session, invoice)
    terms = await terms_by_price(session, environment_id, {line.price_id for line in lines})
    charges = [
        Charge(
            subscription.id, subscription.customer_id, terms[line.price_id], Period(line.period_start, line.period_end)
        )
        for line in lines
    ]
    rated = await rate(session, environment_id, charges)
    rewrite_lines(invoice, lines, rated)
    for line, fresh in zip(lines, rated, strict=True):
        await _assign_events(session, line, fresh, now)
    await issue_invoice(session, invoice, now, now + timedelta(days=subscription.payment_term_days))
    return invoice.id


async def _close_period(
    session: AsyncSession, subscription: models.Subscription, invoice: models.Invoice, now: datetime
) -> None:
    columns = table_of(models.SubscriptionPeriod).c
    mine = (
        columns.environment_id == subscription.environment_id,
        columns.subscription_id == subscription.id,
        columns.cadence == subscription.billing_interval,
        columns.number == invoice.closing_period_number,
    )
    period = (await session.scalars(select(models.SubscriptionPeriod).where(*mine).with_for_update())).one()
    period.closed_at = now
    await session.flush()


async def _assign_events(session: AsyncSession, line: models.InvoiceLine, rated: RatedLine, now: datetime) -> None:
    if not rated.event_ids:
        return
    owner = {"environment_id": line.environment_id, "created_at": now, "invoice_line_id": line.id}
    metric_id = rated.charge.term.billable_metric_id
    rows = [
        {**owner, "id": new_id("lie"), "billable_metric_id": metric_id, "event_id": event_id}
        for event_id in rated.event_ids
    ]
    await session.execute(insert(table_of(models.InvoiceLineEvent)), rows)
