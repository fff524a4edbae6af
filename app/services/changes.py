"""Changing what a subscription agrees to: its plan, its version, its quantities; now, or at the end of its period."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.changes import ChangeDraft
from app.billing.decimals import plain
from app.billing.errors import ErrorCode, Problems
from app.billing.lifecycle import ChangeStatus, ChangeTime, VersionPolicy
from app.ids import new_id
from app.services.changing import Changing, charge_now, must_change
from app.services.charges import arrears_at
from app.services.discounts import add_discount
from app.services.entering import cancel_scheduled, enter_phase
from app.services.phases import NextPhase, end_of_period
from app.services.planning_changes import PlannedChange, Target, check_target, plan_change
from app.services.principal import Principal
from app.services.provisioning import provision
from app.services.renewals import Passing, draft_invoices
from app.services.subscription_windows import begin_windows, cut_windows, fit_windows
from app.services.unused import give_back

Changed = tuple[models.SubscriptionChange | models.Subscription | models.Invoice | models.CreditNote | None, ...]


async def change_subscription(
    session: AsyncSession, principal: Principal, now: datetime, draft: ChangeDraft
) -> Changed:
    """Change a subscription; return the change, it, the invoice of what is charged now, if any, and the credit notes.

    A change that was to come is canceled: the last one said counts.
    """
    changing = await must_change(session, principal, now, draft.subscription)
    subscription, now = changing.subscription, changing.now
    target, discounts = await check_target(session, subscription, draft, now)
    await cancel_scheduled(session, subscription)
    pins = draft.plan_version is not None and target.version.number != target.plan.default_number
    if draft.at is ChangeTime.PERIOD_END:
        return (await _schedule(session, changing, target, pins=pins), subscription, None)
    if pins:
        subscription.version_policy = VersionPolicy.PINNED
    for discount, amount_minor in zip(draft.discounts, discounts, strict=True):
        amount = (amount_minor, subscription.currency)
        await add_discount(session, changing.customer, subscription, discount, amount, now)
    planned = await plan_change(session, subscription, target, now)
    return await _change_now(session, changing, planned)


async def cancel_change(
    session: AsyncSession, principal: Principal, now: datetime, subscription_id: str
) -> models.Subscription:
    """Cancel the change of a subscription that is to come; it goes on as it is."""
    problems = Problems()
    changing = await must_change(session, principal, now, subscription_id)
    if changing.subscription.change_at is None:
        problems.add(ErrorCode.NOTHING_CHANGES, "subscriptionId", "no change of the subscription is to come")
    problems.raise_if_any()
    await cancel_scheduled(session, changing.subscription)
    return changing.subscription


async def _schedule(
    session: AsyncSession, changing: Changing, target: Target, *, pins: bool
) -> models.SubscriptionChange:
    subscription = changing.subscription
    at = end_of_period(subscription)
    change = _change(subscription, target.plan.id, target.version.id, at, changing.now)
    change.status, change.billing_interval = ChangeStatus.SCHEDULED, target.plan.billing_interval
    change.quantities = {price_id: plain(quantity) for price_id, quantity in target.quantities.items()}
    change.pins = pins
    session.add(change)
    subscription.change_at = at
    await session.flush()
    return change


async def _change_now(session: AsyncSession, changing: Changing, planned: PlannedChange) -> Changed:
    subscription, now = changing.subscription, changing.now
    change = _applied(subscription, planned.phase, now)
    session.add(change)
    await session.flush()
    notes = await give_back(session, subscription, planned.unused, now, change.id, now)
    if planned.begins_calendar(subscription):
        arrears = arrears_at(subscription, planned.agreements, now, subscription.last_boundary_at)
        await cut_windows(session, subscription, now)
        await enter_phase(session, subscription, planned.phase, now)
        begin_windows(session, subscription, planned.agreements, now)
        await draft_invoices(session, subscription.environment_id, [Passing(subscription, now, arrears)], now)
    else:
        await enter_phase(session, subscription, planned.phase, now)
    await provision(session, subscription, now, now)
    invoice = await charge_now(session, changing, change.id, planned.lines)
    change.invoice_id = None if invoice is None else invoice.id
    await fit_windows(session, changing)
    return (change, subscription, invoice, *notes)


def _applied(subscription: models.Subscription, phase: NextPhase, now: datetime) -> models.SubscriptionChange:
    change = _change(subscription, phase.plan_id, phase.plan_version_id, phase.start_at, now)
    change.status, change.billing_interval = ChangeStatus.APPLIED, phase.billing_interval
    change.quantities = {price_id: plain(quantity) for price_id, quantity in (phase.quantities or {}).items()}
    return change


def _change(
    subscription: models.Subscription, plan_id: str, version_id: str, at: datetime, now: datetime
) -> models.SubscriptionChange:
    return models.SubscriptionChange(
        environment_id=subscription.environment_id,
        id=new_id("chg"),
        created_at=now,
        subscription_id=subscription.id,
        status=ChangeStatus.APPLIED,
        effective_at=at,
        plan_id=plan_id,
        plan_version_id=version_id,
        former_plan_version_id=subscription.plan_version_id,
        billing_interval=subscription.billing_interval,
        quantities={},
    )
