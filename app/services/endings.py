"""How subscriptions end: now, at the end of their period, or not after all."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.changes import TerminationDraft
from app.billing.errors import ErrorCode, Problems, Refused, UserError
from app.billing.lifecycle import NOT_BILLED_YET, ChangeTime, PaymentTerm, SubscriptionStatus, TerminationReason
from app.billing.periods import Period
from app.billing.proration import PartOfPeriod
from app.services.agreements import Agreement, agreements_of
from app.services.changing import Changing, charge_now, must_change
from app.services.charges import Charge, charge_of
from app.services.lookup import all_by_id
from app.services.phases import end_of_period
from app.services.principal import Principal
from app.services.rating import rate
from app.services.renewals import pass_boundaries
from app.services.starts import end_unbilled
from app.services.subscription_windows import fit_windows
from app.services.unpaid import end_pending
from app.services.unused import find_unused, give_back


async def terminate_subscription(
    session: AsyncSession, principal: Principal, now: datetime, draft: TerminationDraft
) -> tuple[models.Subscription | models.Invoice | models.CreditNote | None, ...]:
    """End a subscription now or at the end of its period.

    Return it, the draft of its last arrears, if any, and the credit notes for what it does not use. One that waits for
    its first payment ends at once, and that invoice is void.
    """
    changing = await must_change(session, principal, now, draft.subscription)
    subscription = changing.subscription
    if subscription.status is SubscriptionStatus.PENDING_PAYMENT:
        await end_pending(session, subscription, TerminationReason.REQUESTED, changing.now, changing.now)
        return subscription, None
    if subscription.status in NOT_BILLED_YET:
        await _end_unbilled(session, changing, draft.at)
        return subscription, None
    if draft.at is ChangeTime.NOW:
        notes = await _give_back(session, changing) if draft.credit_unused else []
        return (subscription, await _end_now(session, changing), *notes)
    end = end_of_period(subscription)
    _refuse_later(subscription, end)
    subscription.termination_reason = TerminationReason.REQUESTED
    await move_end(session, changing, end)
    return subscription, None


def _refuse_later(subscription: models.Subscription, end: datetime) -> None:
    """Refuse an end that is not before the one that is known already."""
    if subscription.ending_at is not None and subscription.ending_at <= end:
        message = f"the subscription ends at {subscription.ending_at.isoformat()} already"
        raise Refused((UserError(ErrorCode.NOTHING_CHANGES, "subscriptionId", message),))


async def _end_unbilled(session: AsyncSession, changing: Changing, at: ChangeTime) -> None:
    """End what is not billed yet: a trial at its end, if that is asked for, and all else at once."""
    subscription, now = changing.subscription, changing.now
    if at is ChangeTime.PERIOD_END and subscription.status is SubscriptionStatus.TRIALING:
        _refuse_later(subscription, subscription.phase_started_at)
        subscription.termination_reason = TerminationReason.REQUESTED
        await move_end(session, changing, subscription.phase_started_at)
    else:
        await end_unbilled(session, subscription, TerminationReason.REQUESTED, now, now)


async def _give_back(session: AsyncSession, changing: Changing) -> list[models.CreditNote]:
    subscription, now = changing.subscription, changing.now
    held = [
        term for one in await agreements_of(session, subscription) if one.calendar.covers(now) for term in one.terms
    ]
    unused = await find_unused(session, subscription, {term.price_id for term in held}, now)
    return await give_back(session, subscription, unused, now, subscription.id, now)


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
) -> tuple[models.Subscription, models.Invoice | None]:
    """Let a subscription that was to end go on.

    What was charged in advance until the end only is charged for the rest of its period, on an invoice.
    """
    changing = await must_change(session, principal, now, subscription_id)
    subscription, problems = changing.subscription, Problems()
    if subscription.status is SubscriptionStatus.PENDING_PAYMENT:
        message = "the subscription waits for its first payment"
        problems.add(ErrorCode.SUBSCRIPTION_NOT_ACTIVE, "subscriptionId", message)
    elif subscription.ending_at is None:
        problems.add(ErrorCode.NOTHING_CHANGES, "subscriptionId", "the subscription is not about to end")
    problems.raise_if_any()
    ending_at, short = subscription.ending_at, await agreements_of(session, subscription)
    subscription.termination_reason = None
    await move_end(session, changing, None)
    lines = await rate(session, subscription.environment_id, _rests(subscription, short, changing.now))
    cause = f"{subscription.id}@{ending_at}"
    return subscription, await charge_now(session, changing, cause, lines)


def _rests(subscription: models.Subscription, short: Iterable[Agreement], now: datetime) -> list[Charge]:
    """Return the rests of the periods in advance that run now, behind the end that they were charged until."""
    rests = []
    for agreement in short:
        calendar = agreement.calendar
        for term in agreement.terms if calendar.covers(now) and calendar.ended_at is not None else ():
            if term.payment_term is PaymentTerm.IN_ADVANCE and term.interval is not None:
                window = calendar.window(term.interval, now)
                if window.part.end < window.whole.end:
                    rest = PartOfPeriod(Period(window.part.end, window.whole.end), window.whole)
                    rests.append(charge_of(subscription, term, rest))
    return rests


async def move_end(session: AsyncSession, changing: Changing, ending_at: datetime | None) -> None:
    """Let a running subscription end at another instant, or at none."""
    changing.subscription.ending_at = ending_at
    await session.flush()
    await fit_windows(session, changing)
