"""The years after the start: at each boundary a draft, which closing issues after the grace time.

Both are done for any number of subscriptions at once, by as many statements as for one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.lifecycle import InvoiceReason, SubscriptionStatus, TerminationReason, move_subscription
from app.due import Due, DueKind, schedule
from app.services.closing import close_windows
from app.services.invoices import Opening, cause_at, open_invoices, owner_of
from app.services.lookup import all_by_id, locked_all
from app.services.rating import charges_at_boundary, lines_by_subscription, rate
from app.services.subscriptions import boundary_of, open_windows
from app.services.terms import Agreement, agreements_by_subscription

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
    agreements = await agreements_by_subscription(session, environment_id, subscriptions)
    customers = await all_by_id(session, models.Customer, environment_id, [one.customer_id for one in subscriptions])
    charges = []
    for one in subscriptions:
        charges += charges_at_boundary(one, agreements[one.id], passed[one.id], one.last_boundary_at)
        _pass(session, one, agreements[one.id], passed[one.id], now)
    await session.flush()
    lines = lines_by_subscription(await rate(session, environment_id, charges))
    unbilled = [one for one in subscriptions if one.id not in lines]
    await close_windows(session, environment_id, [(one.id, passed[one.id]) for one in unbilled], now)
    openings = [
        Opening(one, customers[one.customer_id], _reason(one), cause_at(one, at), lines[one.id], boundary_at=at)
        for one, at in ((one, passed[one.id]) for one in subscriptions)
        if one.id in lines
    ]
    invoices = await open_invoices(session, environment_id, openings, now)
    grace = timedelta(seconds=(await owner_of(session, environment_id)).merchant.grace_seconds)
    due = [boundary_of(one, customers[one.customer_id]) for one in subscriptions if one.status in RENEWING]
    for invoice, opening in zip(invoices, openings, strict=True):
        closes_at = passed[opening.subscription.id] + grace
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
