"""A subscription that somebody changes: locked, brought up to its time, and known to be still there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.errors import ErrorCode, Problems, Refused, UserError
from app.billing.lifecycle import NOT_BILLED_YET, InvoiceReason, SubscriptionStatus
from app.services.customer_time import customers_now
from app.services.invoices import Issuing, Opening, issue_invoices, open_invoices
from app.services.lookup import must_lock, require
from app.services.principal import Principal
from app.services.rating import RatedLine
from app.services.renewals import RENEWING, pass_boundaries
from app.services.starts import start_subscriptions


@dataclass(frozen=True)
class Changing:
    """A locked subscription, its customer, and what time it is for them."""

    subscription: models.Subscription
    customer: models.Customer
    now: datetime


def _step(subscription: models.Subscription, now: datetime) -> datetime:
    """Return the last instant up to now at which something becomes of a subscription that is not billed yet."""
    steps = (subscription.started_at, subscription.phase_started_at, subscription.ending_at)
    return max(step for step in steps if step is not None and step <= now)


async def must_change(session: AsyncSession, principal: Principal, now: datetime, subscription_id: str) -> Changing:
    """Lock the subscription that an input names by `subscriptionId`, and pass the boundaries that lie behind it.

    Refused where it is none, or has ended.
    """
    problems = Problems()
    environment_id = principal.environment_id
    peek = await require(session, problems, "subscriptionId", models.Subscription, environment_id, subscription_id)
    problems.raise_if_any()
    assert peek is not None
    customer = await session.get_one(models.Customer, (environment_id, peek.customer_id))
    now = await customers_now(session, customer, now)
    subscription = await must_lock(session, models.Subscription, environment_id, peek.id)
    if subscription.status in NOT_BILLED_YET and subscription.started_at <= now:
        # The worker may not have come to it yet.
        await start_subscriptions(session, environment_id, {subscription.id: _step(subscription, now)}, now)
    while (
        subscription.status in RENEWING
        and subscription.next_boundary_at is not None
        and subscription.next_boundary_at <= now
    ):
        await pass_boundaries(session, environment_id, {subscription.id: subscription.next_boundary_at}, now)
    if subscription.status is SubscriptionStatus.TERMINATED:
        message = "the subscription has ended"
        raise Refused((UserError(ErrorCode.SUBSCRIPTION_TERMINATED, "subscriptionId", message),))
    return Changing(subscription, customer, now)


async def charge_now(
    session: AsyncSession, changing: Changing, cause: str, lines: Sequence[RatedLine]
) -> models.Invoice | None:
    """Issue an invoice of what begins in advance in the middle of a period; None where nothing does."""
    if not lines:
        return None
    subscription, customer, now = changing.subscription, changing.customer, changing.now
    opening = Opening(subscription, customer, InvoiceReason.SUBSCRIPTION_CHANGE, cause, lines)
    [invoice] = await open_invoices(session, subscription.environment_id, [opening], now)
    due_at = now + timedelta(days=subscription.payment_term_days)
    await issue_invoices(session, subscription.environment_id, [Issuing(invoice, customer, due_at)], now)
    return invoice
