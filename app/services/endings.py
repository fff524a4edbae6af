"""How subscriptions end: now, at the end of their period, or not after all."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.changes import TerminationDraft
from app.billing.errors import ErrorCode, Problems, Refused, UserError
from app.billing.lifecycle import ChangeTime, SubscriptionStatus, TerminationReason
from app.services.changing import Changing, must_change
from app.services.lookup import all_by_id
from app.services.principal import Principal
from app.services.renewals import pass_boundaries
from app.services.subscription_windows import fit_windows
from app.services.terms import calendar_of
from app.services.unpaid import end_pending


async def terminate_subscription(
    session: AsyncSession, principal: Principal, now: datetime, draft: TerminationDraft
) -> tuple[models.Subscription, models.Invoice | None]:
    """End a subscription now or at the end of its period; return it, and the draft of its last arrears, if any.

    One that waits for its first payment ends at once, and that invoice is void.
    """
    changing = await must_change(session, principal, now, draft.subscription)
    subscription = changing.subscription
    if subscription.status is SubscriptionStatus.PENDING_PAYMENT:
        await end_pending(session, subscription, TerminationReason.REQUESTED, changing.now, changing.now)
        return subscription, None
    if draft.at is ChangeTime.NOW:
        return subscription, await _end_now(session, changing)
    window = calendar_of(subscription).window(subscription.billing_interval, changing.now)
    if window.part.end == subscription.ending_at:
        message = f"the subscription ends at {window.part.end.isoformat()} already"
        raise Refused((UserError(ErrorCode.NOTHING_CHANGES, "subscriptionId", message),))
    subscription.termination_reason = TerminationReason.REQUESTED
    await move_end(session, changing, window.part.end)
    return subscription, None


async def _end_now(session: AsyncSession, changing: Changing) -> models.Invoice | None:
    """Let the end be a boundary that is passed at once: it drafts what is left to bill."""
    subscription, now = changing.subscription, changing.now
    subscription.termination_reason = TerminationReason.REQUESTED
    await move_end(session, changing, now)
    subscription.next_boundary_at = now
    drafts = await pass_boundaries(session, subscription.environment_id, {subscription.id: now}, now)
    invoices = await all_by_id(session, models.Invoice, subscription.environment_id, drafts)
    return next(iter(invoices.values()), None)


async def reactivate_subscription(
    session: AsyncSession, principal: Principal, now: datetime, subscription_id: str
) -> models.Subscription:
    """Let a subscription that was to end go on."""
    changing = await must_change(session, principal, now, subscription_id)
    subscription, problems = changing.subscription, Problems()
    if subscription.ending_at is None:
        problems.add(ErrorCode.NOTHING_CHANGES, "subscriptionId", "the subscription is not about to end")
    problems.raise_if_any()
    subscription.termination_reason = None
    await move_end(session, changing, None)
    return subscription


async def move_end(session: AsyncSession, changing: Changing, ending_at: datetime | None) -> None:
    """Let a running subscription end at another instant, or at none."""
    changing.subscription.ending_at = ending_at
    await session.flush()
    await fit_windows(session, changing)
