"""Where the billing of a subscription begins: now, when it starts later, or when its trial ends."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.lifecycle import (
    NOT_BILLED_YET,
    InvoiceReason,
    InvoiceStatus,
    SubscriptionStatus,
    TerminationReason,
    move_subscription,
)
from app.due import Due, DueKind, schedule
from app.ids import new_id
from app.metering.jobs import schedule_job
from app.models import UsageJobKind
from app.services.agreements import Agreement, agreements_of
from app.services.charges import charges_at_start, intervals_of, next_boundary
from app.services.entering import enter_phase
from app.services.invoices import Issuing, Opening, cause_at, issue_invoices, open_invoices, owner_of
from app.services.lookup import all_by_id, locked_all
from app.services.phases import calendar_of, load_next_phases
from app.services.provisioning import end_entitlements, provision
from app.services.rating import rate


def open_windows(
    session: AsyncSession,
    subscription: models.Subscription,
    agreements: Sequence[Agreement],
    begin: datetime,
    now: datetime,
) -> None:
    """Begin the windows that begin at an instant, of every cadence: their rows are what closing will lock and mark.

    The subscription moves on to the boundary that comes next.
    """
    calendar = calendar_of(subscription)
    held = [term for agreement in agreements if agreement.calendar.covers(begin) for term in agreement.terms]
    for interval in sorted(intervals_of(held) | {subscription.billing_interval}):
        window = calendar.window(interval, begin).part
        if window.start != begin:
            continue
        number = calendar.number(interval, begin)
        session.add(
            models.SubscriptionPeriod(
                environment_id=subscription.environment_id,
                id=new_id("per"),
                created_at=now,
                subscription_id=subscription.id,
                cadence=interval,
                calendar_number=subscription.calendar_number,
                number=number,
                start_at=window.start,
                end_at=window.end,
            )
        )
        if interval is subscription.billing_interval:
            subscription.period_number = number
    subscription.next_boundary_at = next_boundary(subscription, agreements, begin)


async def activate(
    session: AsyncSession, subscription: models.Subscription, customer: models.Customer, now: datetime
) -> None:
    """Make a pending subscription active. A boundary passed meanwhile falls due at once."""
    subscription.status = move_subscription(subscription.status, SubscriptionStatus.ACTIVE)
    subscription.activated_at = now
    await schedule(session, subscription.environment_id, [boundary_of(subscription, customer)], now)
    await session.flush()
    await provision(session, subscription, subscription.phase_started_at, now)


def boundary_of(subscription: models.Subscription, customer: models.Customer) -> Due:
    """Return that the next boundary falls due."""
    end = subscription.next_boundary_at
    assert end is not None, "a subscription that goes on has a boundary"
    return Due(DueKind.SUBSCRIPTION_BOUNDARY, subscription.id, end, customer.test_clock_id)


async def start_subscriptions(
    session: AsyncSession, environment_id: str, due: Mapping[str, datetime], now: datetime
) -> list[str]:
    """Start what starts, or whose trial ends; return the ids of the first invoices.

    One that is to end by then ends, and was never billed.
    """
    locked = await locked_all(session, models.Subscription, environment_id, due)
    waiting = [locked[one] for one in due if locked[one].status in NOT_BILLED_YET]
    customers = await all_by_id(session, models.Customer, environment_id, [one.customer_id for one in waiting])
    invoices = []
    for one in waiting:
        if one.ending_at is not None and one.ending_at <= due[one.id]:
            await end_unbilled(session, one, TerminationReason.ENDED, one.ending_at, now)
        elif due[one.id] >= one.phase_started_at:
            invoices.append(await begin_billing(session, one, customers[one.customer_id], now))
        else:  # its trial begins, or an end in the trial was taken back
            if one.status is SubscriptionStatus.SCHEDULED and due[one.id] >= one.started_at:
                one.status = move_subscription(one.status, SubscriptionStatus.TRIALING)
                await provision(session, one, one.started_at, now)
            await await_start(session, one, customers[one.customer_id], due[one.id], now)
    return [invoice.id for invoice in invoices if invoice is not None]


async def await_start(
    session: AsyncSession,
    subscription: models.Subscription,
    customer: models.Customer,
    at: datetime,
    now: datetime,
) -> None:
    """Let what comes next for a subscription that is not billed yet fall due: its start, its trial's end, its end."""
    steps = (subscription.started_at, subscription.phase_started_at, subscription.ending_at)
    following = min(step for step in steps if step is not None and step > at)
    due = Due(DueKind.SUBSCRIPTION_START, subscription.id, following, customer.test_clock_id)
    await schedule(session, subscription.environment_id, [due], now)


async def end_unbilled(
    session: AsyncSession,
    subscription: models.Subscription,
    reason: TerminationReason,
    ended_at: datetime,
    now: datetime,
) -> None:
    """End a locked subscription whose billing never began."""
    subscription.status = move_subscription(subscription.status, SubscriptionStatus.TERMINATED)
    subscription.termination_reason = subscription.termination_reason or reason
    subscription.ended_at = subscription.ending_at = ended_at
    await end_entitlements(session, subscription.environment_id, {subscription.id: ended_at})
    await schedule_job(session, subscription.environment_id, UsageJobKind.SUBSCRIPTION, subscription.id, now)


async def _follow(session: AsyncSession, subscription: models.Subscription, now: datetime) -> None:
    """Let one that floats begin with what is the default version by now. What was counted ahead is so by the former."""
    if subscription.status not in NOT_BILLED_YET:
        return
    phases = await load_next_phases(session, subscription.environment_id, [subscription])
    if subscription.id in phases:
        await enter_phase(session, subscription, phases[subscription.id], now)
        await schedule_job(session, subscription.environment_id, UsageJobKind.SUBSCRIPTION, subscription.id, now)


async def begin_billing(
    session: AsyncSession, subscription: models.Subscription, customer: models.Customer, now: datetime
) -> models.Invoice | None:
    """Bill what is due at the start, if anything is, and wait for its payment. With nothing to pay it is active."""
    start = subscription.phase_started_at
    await _follow(session, subscription, now)
    agreements = await agreements_of(session, subscription)
    open_windows(session, subscription, agreements, start, now)
    await session.flush()
    charges = charges_at_start(subscription, agreements, start)
    if start != (subscription.trial_ends_at or subscription.started_at):
        # What is charged once belongs to the first period, which is over and not billed.
        charges = [charge for charge in charges if charge.term.interval is not None]
    if not charges:
        await activate(session, subscription, customer, now)
        return None
    environment_id = subscription.environment_id
    if subscription.status in NOT_BILLED_YET:
        subscription.status = move_subscription(subscription.status, SubscriptionStatus.PENDING_PAYMENT)
        # What its trial gave waits for the payment, too.
        await end_entitlements(session, environment_id, {subscription.id: start})
    lines = await rate(session, environment_id, charges)
    opening = Opening(subscription, customer, InvoiceReason.SUBSCRIPTION_START, cause_at(subscription, start), lines)
    [invoice] = await open_invoices(session, environment_id, [opening], now)
    await issue_invoices(session, environment_id, [Issuing(invoice, customer, due_at=now)], now)
    if invoice.status is InvoiceStatus.PAID:
        await activate(session, subscription, customer, now)
        return invoice
    merchant, _ = await owner_of(session, environment_id)
    expires_at = now + timedelta(days=merchant.initial_payment_days)
    expiry = Due(DueKind.SUBSCRIPTION_EXPIRY, subscription.id, expires_at, customer.test_clock_id)
    await schedule(session, environment_id, [expiry], now)
    return invoice
