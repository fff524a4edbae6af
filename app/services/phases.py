"""The phases of subscriptions beside the present one: what they had agreed to before, and what they will agree to."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.anchors import BillingAnchor, anchor_from_json, anchor_instant
from app.billing.calendars import Calendar
from app.billing.decimals import parse_plain
from app.billing.lifecycle import NOT_BILLED_YET, ChangeStatus, SubscriptionStatus, VersionPolicy
from app.billing.periods import BillingInterval
from app.models import SubscriptionPhase, table_of


class Changeable(Protocol):
    """A subscription that may change, be it a model or a light row."""

    id: str
    status: SubscriptionStatus
    plan_id: str
    plan_version_id: str
    billing_interval: BillingInterval
    anchor_at: datetime
    calendar_number: int
    timezone: str
    phase_started_at: datetime
    next_boundary_at: datetime | None
    change_at: datetime | None
    ending_at: datetime | None


class Destination(NamedTuple):
    """What a subscription goes over to: a version of a plan, with the interval and the billing anchor of that."""

    plan_id: str
    plan_version_id: str
    billing_interval: BillingInterval
    billing_anchor: BillingAnchor | None = None


@dataclass(frozen=True)
class NextPhase:
    """What a subscription agrees to from an instant on.

    Another interval begins a new anchor: there, or where the plan's billing anchor is. `is_other_plan` where it is of
    another plan, whose one-time fees are charged. `quantities` are of fees; None for those that it has.
    """

    start_at: datetime
    plan_id: str
    plan_version_id: str
    billing_interval: BillingInterval
    anchor_at: datetime
    quantities: Mapping[str, Decimal] | None
    is_other_plan: bool


def calendar_of(row: Changeable) -> Calendar:
    """Return the calendar of what a subscription agrees to now, which lasts from its last change to its end."""
    return Calendar(row.anchor_at, row.phase_started_at, row.timezone, row.ending_at, row.calendar_number)


def end_of_period(row: Changeable) -> datetime:
    """Return when the period of a running subscription ends, at the interval of its plan."""
    boundary = row.next_boundary_at
    assert boundary is not None, "what runs has a boundary"
    return calendar_of(row).window_before(row.billing_interval, boundary).part.end


async def load_phases(
    session: AsyncSession, environment_id: str, subscription_ids: Collection[str]
) -> dict[str, list[Row[Any]]]:
    """Return the former phases of some subscriptions, each one's in their order. One statement, none for none."""
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    if subscription_ids:
        phases = table_of(SubscriptionPhase)
        mine = (phases.c.environment_id == environment_id, phases.c.subscription_id.in_(subscription_ids))
        for row in await session.execute(select(phases).where(*mine).order_by(phases.c.number)):
            found[row.subscription_id].append(row)
    return found


async def load_next_phases(
    session: AsyncSession, environment_id: str, subscriptions: Iterable[Changeable]
) -> dict[str, NextPhase]:
    """Return what is planned for some subscriptions, or follows from their plans' default versions.

    One statement, and one for those with a change to come, where there are any.
    """
    listed = list(subscriptions)
    planned = await _scheduled(session, environment_id, [row for row in listed if row.change_at is not None])
    return await _followed(session, environment_id, listed) | planned


async def _followed(
    session: AsyncSession, environment_id: str, subscriptions: Collection[Changeable]
) -> dict[str, NextPhase]:
    """Return the phases of those that float, and whose plan has another default version: from their next period on.

    What is not billed yet begins with it.
    """
    running = {row.id: row for row in subscriptions if row.next_boundary_at is not None or row.status in NOT_BILLED_YET}
    if not running:
        return {}
    own, plans, versions = (table_of(m).c for m in (models.Subscription, models.Plan, models.PlanVersion))
    of_plan = (plans.environment_id == own.environment_id) & (plans.id == own.plan_id)
    is_default = (versions.plan_id == plans.id) & (versions.number == plans.default_number)
    moving = (
        select(own.id, versions.id.label("version_id"))
        .join(models.Plan, of_plan)
        .join(models.PlanVersion, (versions.environment_id == plans.environment_id) & is_default)
        .where(own.environment_id == environment_id, own.id.in_(running))
        .where(own.version_policy == VersionPolicy.FLOATING, own.plan_version_id != versions.id)
    )
    found = {}
    for moved in await session.execute(moving):
        row = running[moved.id]
        to = Destination(row.plan_id, moved.version_id, row.billing_interval)
        start_at = row.phase_started_at if row.next_boundary_at is None else end_of_period(row)
        found[row.id] = next_phase(row, start_at, to, None)
    return found


async def _scheduled(
    session: AsyncSession, environment_id: str, subscriptions: Collection[Changeable]
) -> dict[str, NextPhase]:
    changing = {row.id: row for row in subscriptions}
    if not changing:
        return {}
    changes, plans = table_of(models.SubscriptionChange), table_of(models.Plan).c
    mine = (changes.c.environment_id == environment_id, changes.c.subscription_id.in_(changing))
    of_plan = (plans.environment_id == changes.c.environment_id) & (plans.id == changes.c.plan_id)
    planned = select(changes, plans.billing_anchor).join(models.Plan, of_plan)
    scheduled = planned.where(*mine, changes.c.status == ChangeStatus.SCHEDULED)
    return {
        row.subscription_id: _of_change(changing[row.subscription_id], row) for row in await session.execute(scheduled)
    }


def _of_change(subscription: Changeable, change: Row[Any]) -> NextPhase:
    quantities = {price_id: parse_plain(quantity) for price_id, quantity in change.quantities.items()}
    anchor = anchor_from_json(change.billing_anchor)
    to = Destination(change.plan_id, change.plan_version_id, change.billing_interval, anchor)
    return next_phase(subscription, change.effective_at, to, quantities)


def next_phase(
    subscription: Changeable,
    start_at: datetime,
    to: Destination,
    quantities: Mapping[str, Decimal] | None,
) -> NextPhase:
    """Return the phase of a subscription that goes over to a plan's version, with its interval, at an instant."""
    anchor_at = subscription.anchor_at
    if to.billing_interval is not subscription.billing_interval:
        anchor_at = anchor_instant(to.billing_anchor, to.billing_interval, start_at, subscription.timezone)
    is_other = to.plan_id != subscription.plan_id
    interval = to.billing_interval
    return NextPhase(start_at, to.plan_id, to.plan_version_id, interval, anchor_at, quantities, is_other)


async def quantities_by_subscription(
    session: AsyncSession, environment_id: str, subscription_ids: Collection[str]
) -> dict[str, dict[str, Decimal]]:
    """Return, for each subscription, how many of which price's fee it takes where it says so."""
    taken = table_of(models.SubscriptionQuantity).c
    statement = select(taken.subscription_id, taken.price_id, taken.quantity).where(
        taken.environment_id == environment_id, taken.subscription_id.in_(subscription_ids)
    )
    quantities: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for row in await session.execute(statement):
        quantities[row.subscription_id][row.price_id] = row.quantity
    return quantities
