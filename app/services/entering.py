"""From one phase of a subscription to the next: what it had agreed to is kept, what it agrees to is written."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.decimals import plain
from app.billing.lifecycle import ChangeStatus, VersionPolicy
from app.ids import new_id
from app.models import table_of
from app.services.phases import NextPhase, quantities_by_subscription


async def enter_phase(
    session: AsyncSession, subscription: models.Subscription, phase: NextPhase, now: datetime
) -> None:
    """Let a locked subscription agree to a phase from its start on; a change that was scheduled for then is applied.

    Its windows are the caller's to bring to that.
    """
    environment_id = subscription.environment_id
    quantities = await quantities_by_subscription(session, environment_id, [subscription.id])
    if subscription.phase_started_at < phase.start_at:
        _keep(session, subscription, quantities.get(subscription.id, {}), phase.start_at, now)
        subscription.phase_number += 1
        subscription.phase_started_at = phase.start_at
    if subscription.billing_interval is not phase.billing_interval:
        subscription.calendar_number += 1
        subscription.anchor_at = phase.anchor_at
    subscription.plan_id, subscription.plan_version_id = phase.plan_id, phase.plan_version_id
    subscription.billing_interval = phase.billing_interval
    if phase.quantities is not None:
        await _write_quantities(session, subscription, phase.quantities, now)
    await _mark_applied(session, subscription, phase.start_at)


def _keep(
    session: AsyncSession,
    subscription: models.Subscription,
    quantities: Mapping[str, Decimal],
    end_at: datetime,
    now: datetime,
) -> None:
    session.add(
        models.SubscriptionPhase(
            environment_id=subscription.environment_id,
            id=new_id("phase"),
            created_at=now,
            subscription_id=subscription.id,
            number=subscription.phase_number,
            plan_version_id=subscription.plan_version_id,
            billing_interval=subscription.billing_interval,
            anchor_at=subscription.anchor_at,
            calendar_number=subscription.calendar_number,
            start_at=subscription.phase_started_at,
            end_at=end_at,
            quantities={price_id: plain(quantity) for price_id, quantity in quantities.items()},
        )
    )


async def _write_quantities(
    session: AsyncSession, subscription: models.Subscription, quantities: Mapping[str, Decimal], now: datetime
) -> None:
    taken = table_of(models.SubscriptionQuantity)
    mine = (taken.c.environment_id == subscription.environment_id, taken.c.subscription_id == subscription.id)
    await session.execute(delete(taken).where(*mine))
    session.add_all(
        models.SubscriptionQuantity(
            environment_id=subscription.environment_id,
            id=new_id("sq"),
            created_at=now,
            subscription_id=subscription.id,
            price_id=price_id,
            quantity=quantity,
        )
        for price_id, quantity in quantities.items()
    )
    await session.flush()


async def _mark_applied(session: AsyncSession, subscription: models.Subscription, at: datetime) -> None:
    if subscription.change_at != at:
        return
    subscription.change_at = None
    changes = table_of(models.SubscriptionChange)
    mine = (changes.c.environment_id == subscription.environment_id, changes.c.subscription_id == subscription.id)
    scheduled = update(changes).where(*mine, changes.c.status == ChangeStatus.SCHEDULED)
    pins = await session.scalar(scheduled.values(status=ChangeStatus.APPLIED).returning(changes.c.pins))
    if pins:
        subscription.version_policy = VersionPolicy.PINNED
    await session.flush()


async def cancel_scheduled(session: AsyncSession, subscription: models.Subscription) -> None:
    """Cancel the change of a locked subscription that is to come, if there is one."""
    subscription.change_at = None
    changes = table_of(models.SubscriptionChange)
    mine = (changes.c.environment_id == subscription.environment_id, changes.c.subscription_id == subscription.id)
    scheduled = update(changes).where(*mine, changes.c.status == ChangeStatus.SCHEDULED)
    await session.execute(scheduled.values(status=ChangeStatus.CANCELED))
    await session.flush()
