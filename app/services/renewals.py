"""The years after the start: at each boundary a draft, after the grace time an issued invoice."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.lifecycle import InvoiceReason, InvoiceStatus, SubscriptionStatus
from app.metering.usage import close_counters
from app.models import table_of
from app.services.adjusting import adjusting_of
from app.services.due import DueKind, schedule
from app.services.invoices import issue_invoice, lines_of, open_invoice, owner_of, rewrite_lines, total_up
from app.services.late_lines import late_lines, line_of
from app.services.lookup import must_lock
from app.services.rating import charges_at_boundary, rate, usage_request
from app.services.subscriptions import open_windows, schedule_boundary
from app.services.terms import terms_of_subscription

_RENEWING = (SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE)


async def pass_boundary(
    session: AsyncSession, environment_id: str, subscription_id: str, due_at: datetime, now: datetime
) -> str | None:
    """End the windows that end at `due_at`: draft their invoice, begin the next windows, let both fall due.

    Return the id of the draft, if there is anything to bill.
    """
    subscription = await must_lock(session, models.Subscription, environment_id, subscription_id)
    if subscription.status not in _RENEWING:
        return None
    terms = await terms_of_subscription(session, subscription)
    charges = charges_at_boundary(subscription, terms, due_at)
    await open_windows(session, subscription, terms, due_at, now)
    customer = await session.get_one(models.Customer, (environment_id, subscription.customer_id))
    clock_id = customer.test_clock_id
    await schedule_boundary(session, subscription, clock_id, now)
    if not charges:
        await _close_windows(session, subscription, due_at, now)
        return None
    lines = await rate(session, environment_id, charges)
    reason = InvoiceReason.SUBSCRIPTION_CYCLE
    invoice = await open_invoice(session, subscription, now, reason, due_at, lines, boundary_at=due_at)
    merchant, _ = await owner_of(session, environment_id)
    close_at = due_at + timedelta(seconds=merchant.grace_seconds)
    await schedule(session, environment_id, DueKind.INVOICE_CLOSE, invoice.id, close_at, clock_id, now)
    return invoice.id


async def close_invoice(
    session: AsyncSession, environment_id: str, invoice_id: str, _due_at: datetime, now: datetime
) -> str | None:
    """End the grace time of a draft: close its windows, rate them with all that was counted, issue.

    Usage of earlier periods that came late is billed with them.

    Return the id of the invoice.
    """
    peek = await session.get_one(models.Invoice, (environment_id, invoice_id))
    subscription = await must_lock(session, models.Subscription, environment_id, peek.subscription_id)
    invoice = await must_lock(session, models.Invoice, environment_id, invoice_id)
    if invoice.status is not InvoiceStatus.DRAFT:
        return None
    assert invoice.boundary_at is not None, "only the draft of a boundary waits to be closed"
    await _close_windows(session, subscription, invoice.boundary_at, now)
    lines = await lines_of(session, invoice)
    terms = await terms_of_subscription(session, subscription)
    charges = charges_at_boundary(subscription, terms, invoice.boundary_at)
    ended = [usage_request(charge) for charge in charges if charge.term.metering]
    await close_counters(session, environment_id, ended, now)
    rated = await rate(session, environment_id, charges)
    priced = [line for line in lines if line.price_id is not None]
    rewrite_lines(priced, rated)
    for line, fresh in zip(priced, rated, strict=True):
        line.usage_counter_id = fresh.usage_counter_id
    late = (await late_lines(session, environment_id, [subscription], now)).get(subscription.id, ())
    added = [line_of(line, invoice, lines[-1].position + place, now) for place, line in enumerate(late, 1)]
    session.add_all(added)
    corrections = {row.id: line.correction for row, line in zip(added, late, strict=True)}
    total_up(invoice, [*lines, *added], await adjusting_of(session, subscription), corrections)
    await issue_invoice(session, invoice, now, now + timedelta(days=subscription.payment_term_days))
    return invoice.id


async def _close_windows(
    session: AsyncSession, subscription: models.Subscription, boundary_at: datetime, now: datetime
) -> None:
    """Lock and mark the windows that end at a boundary: events that come later are late for them."""
    columns = table_of(models.SubscriptionPeriod).c
    mine = (
        columns.environment_id == subscription.environment_id,
        columns.subscription_id == subscription.id,
        columns.end_at == boundary_at,
    )
    for period in await session.scalars(select(models.SubscriptionPeriod).where(*mine).with_for_update()):
        period.closed_at = now
    await session.flush()
