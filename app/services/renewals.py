"""The years after the start: at each boundary a draft, which closing issues after the grace time.

Both are done for any number of subscriptions at once, by as many statements as for one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.lifecycle import InvoiceReason, SubscriptionStatus, TerminationReason, move_subscription
from app.due import Due, DueKind, schedule
from app.metering.jobs import schedule_job
from app.metering.supplements import note_supplements
from app.models import UsageJobKind
from app.services.agreements import Agreement, agreements_by_subscription, listed_phases
from app.services.charges import Charge
from app.services.closing import close_windows
from app.services.entering import cancel_scheduled, enter_phase
from app.services.following import charges_with_phase
from app.services.invoices import Opening, cause_at, open_invoices, owner_of
from app.services.lookup import all_by_id, locked_all
from app.services.phases import load_next_phases
from app.services.provisioning import end_entitlements, provision
from app.services.rating import lines_by_subscription, rate
from app.services.starts import boundary_of, open_windows

#: While a subscription is one of these, its boundaries fall due.
RENEWING = (SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE)


async def pass_boundaries(
    session: AsyncSession, environment_id: str, passed: Mapping[str, datetime], now: datetime
) -> list[str]:
    """End the windows of subscriptions that end at the instants that are given by their ids.

    Their invoices are drafted, the next windows begin, and both fall due. Return the ids of the drafts: there is none
    where there is nothing to bill.
    """
    locked = await locked_all(session, models.Subscription, environment_id, passed)
    # What a change has moved falls due in vain.
    subscriptions = [
        locked[one]
        for one, at in passed.items()
        if locked[one].status in RENEWING and locked[one].next_boundary_at == at
    ]
    following = await load_next_phases(session, environment_id, subscriptions)
    agreements = await agreements_by_subscription(session, environment_id, subscriptions, listed_phases(following))
    passing = []
    for one in subscriptions:
        at, own = passed[one.id], agreements[one.id]
        phase = following.get(one.id)
        charges = charges_with_phase(one, own, phase, at, one.last_boundary_at)
        if phase is not None and phase.start_at == at and one.ending_at != at:
            await enter_phase(session, one, phase, now)
            await provision(session, one, at, now)
            # What was counted ahead of time was so by the terms that end here.
            await schedule_job(session, environment_id, UsageJobKind.SUBSCRIPTION, one.id, now)
        _pass(session, one, own, at, now)
        if one.change_at is not None and one.status is SubscriptionStatus.TERMINATED:
            await cancel_scheduled(session, one)
        passing.append(Passing(one, at, charges))
    await session.flush()
    gone = {one.id: one.ended_at for one in subscriptions if one.ended_at is not None}
    await end_entitlements(session, environment_id, gone)
    return await draft_invoices(session, environment_id, passing, now)


class Passing(NamedTuple):
    """A subscription that is taken over a boundary, and what that bills."""

    subscription: models.Subscription
    boundary: datetime
    charges: Sequence[Charge]


async def draft_invoices(
    session: AsyncSession, environment_id: str, passing: Sequence[Passing], now: datetime
) -> list[str]:
    """Draft what boundaries bill, and let the end of the grace time fall due, and the boundaries that come next.

    Return the ids of the drafts. Where there is nothing to bill the windows are closed at once.
    """
    subscriptions = [one.subscription for one in passing]
    customers = await all_by_id(session, models.Customer, environment_id, [one.customer_id for one in subscriptions])
    lines = lines_by_subscription(await rate(session, environment_id, [c for one in passing for c in one.charges]))
    unbilled = [(one.subscription.id, one.boundary) for one in passing if one.subscription.id not in lines]
    await close_windows(session, environment_id, unbilled, now)
    ended = [one.id for one in subscriptions if one.status is SubscriptionStatus.TERMINATED and one.id not in lines]
    if ended:  # late usage that is known already has no last invoice to be on
        await note_supplements(session, environment_id, ended)
    openings = [
        Opening(one, customers[one.customer_id], _reason(one), cause_at(one, at), lines[one.id], boundary_at=at)
        for one, at, _ in passing
        if one.id in lines
    ]
    invoices = await open_invoices(session, environment_id, openings, now)
    grace = timedelta(seconds=(await owner_of(session, environment_id)).merchant.grace_seconds)
    due = [boundary_of(one, customers[one.customer_id]) for one in subscriptions if one.next_boundary_at is not None]
    for invoice, opening in zip(invoices, openings, strict=True):
        assert opening.boundary_at is not None
        closes_at = opening.boundary_at + grace
        due.append(Due(DueKind.INVOICE_CLOSE, invoice.id, closes_at, opening.customer.test_clock_id))
    await schedule(session, environment_id, due, now)
    return [invoice.id for invoice in invoices]


def _pass(
    session: AsyncSession,
    subscription: models.Subscription,
    agreements: Sequence[Agreement],
    boundary: datetime,
    now: datetime,
) -> None:
    """Take a subscription over a boundary: into its next windows, or to its end."""
    subscription.last_boundary_at = boundary
    if subscription.ending_at is None or boundary < subscription.ending_at:
        open_windows(session, subscription, agreements, boundary, now)
        return
    subscription.status = move_subscription(subscription.status, SubscriptionStatus.TERMINATED)
    subscription.ended_at, subscription.next_boundary_at = boundary, None
    if subscription.termination_reason is None:
        subscription.termination_reason = TerminationReason.ENDED


def _reason(subscription: models.Subscription) -> InvoiceReason:
    if subscription.status is SubscriptionStatus.TERMINATED:
        return InvoiceReason.SUBSCRIPTION_END
    return InvoiceReason.SUBSCRIPTION_CYCLE
