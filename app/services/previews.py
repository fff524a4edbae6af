"""What a subscription has used and what its next invoice would be, for any number of subscriptions at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from dateutil.relativedelta import relativedelta
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.errors import ErrorCode, Refused, UserError
from app.billing.invoicing import Assessment
from app.billing.lifecycle import SubscriptionStatus
from app.models import table_of
from app.services.adjusting import adjusting_by_subscription
from app.services.agreements import Agreement, agreements_by_subscription, listed_phases
from app.services.charges import (
    Charge,
    charges_at_start,
    charges_running,
    next_boundary,
)
from app.services.following import charges_with_phase
from app.services.invoices import drafted_subscriptions
from app.services.late_lines import LateLine, late_lines
from app.services.phases import NextPhase, load_next_phases
from app.services.rating import RatedLine, rate, with_covered

#: How far behind its next boundary a subscription is projected.
FURTHEST: Final = relativedelta(years=2)


@dataclass(frozen=True)
class MeteredUsage:
    """What one price counted in the window that runs, and what that costs so far."""

    billable_metric_id: str
    price_id: str
    quantity: Decimal
    amount_minor: int
    currency: str
    counted_up_to: datetime | None = None


@dataclass(frozen=True)
class UpcomingInvoice:
    """The invoice of a boundary to come if nothing more happened."""

    boundary_at: datetime
    currency: str
    assessment: Assessment
    lines: tuple[RatedLine | LateLine, ...]
    counted_up_to: datetime | None = None


async def usage_by_subscription(
    session: AsyncSession, environment_id: str, subscription_ids: Sequence[str]
) -> dict[str, list[MeteredUsage]]:
    """Return what each subscription used in the windows that run, price by price in the order of the plan's."""
    subscriptions = await _live(session, environment_id, subscription_ids)
    rated = await _rated(session, environment_id, subscriptions, charges_running)
    return {subscription_id: [_usage(line) for line in lines] for subscription_id, lines in rated.items()}


async def upcoming_by_subscription(
    session: AsyncSession, environment_id: str, subscription_ids: Sequence[str]
) -> dict[str, UpcomingInvoice]:
    """Return the next invoice of each subscription that has one; one that ended, or has nothing to bill, has none."""
    subscriptions = await _to_bill(session, environment_id, subscription_ids)
    upcoming = await _projected(session, environment_id, subscriptions, _next_ones)
    return {subscription_id: invoices[0] for subscription_id, invoices in upcoming.items() if invoices}


async def projected_by_subscription(
    session: AsyncSession, environment_id: str, subscription_ids: Sequence[str], until: datetime
) -> dict[str, list[UpcomingInvoice]]:
    """Return the invoices of each subscription's boundaries up to an instant, if nothing more happened.

    Usage is what is counted by now: most in the windows that run, and what was reported for later ones. Refused with
    OUT_OF_RANGE on "until" where that lies more than two years behind a next boundary.
    """
    subscriptions = await _to_bill(session, environment_id, subscription_ids)
    if any(until > _following(row) + FURTHEST for row in subscriptions):
        message = "must lie at most 2 years behind the next boundary"
        raise Refused((UserError(ErrorCode.OUT_OF_RANGE, "until", message),))
    return await _projected(session, environment_id, subscriptions, lambda row, own: _boundaries_until(row, own, until))


def _boundaries_until(subscription: Any, agreements: Sequence[Agreement], until: datetime) -> list[datetime]:
    boundary, found = _following(subscription), []
    while boundary <= until:
        found.append(boundary)
        if boundary == subscription.ending_at:
            break
        boundary = next_boundary(subscription, agreements, boundary)
    return found


def _next_ones(subscription: Any, agreements: Sequence[Agreement]) -> list[datetime]:
    """Return the next boundary; of one not billed yet, when that begins, and one more, as that may bill nothing."""
    following = _following(subscription)
    if subscription.next_boundary_at is not None:
        return [following]
    return [following, next_boundary(subscription, agreements, following)]


def _following(subscription: Any) -> datetime:
    """Return the next boundary of a subscription; of one that is not billed yet, when that begins."""
    following: datetime = subscription.next_boundary_at or subscription.phase_started_at
    return following


def _charges(
    subscription: Any,
    agreements: Sequence[Agreement],
    phase: NextPhase | None,
    boundary: datetime,
    since: datetime | None,
) -> list[Charge]:
    if subscription.next_boundary_at is None and boundary == subscription.phase_started_at:
        return charges_at_start(subscription, agreements, boundary)
    return charges_with_phase(subscription, agreements, phase, boundary, since)


async def _projected(
    session: AsyncSession,
    environment_id: str,
    subscriptions: Sequence[Row[Any]],
    boundaries_of: Callable[[Any, Sequence[Agreement]], list[datetime]],
) -> dict[str, list[UpcomingInvoice]]:
    """Return the invoices of some boundaries of each subscription; late usage is on the first."""
    following = await load_next_phases(session, environment_id, subscriptions)
    planned = listed_phases(following)
    agreements = await agreements_by_subscription(session, environment_id, subscriptions, planned)
    asked = []
    for row in subscriptions:
        since, own = row.last_boundary_at, agreements[row.id]
        for boundary in boundaries_of(row, own):
            if charges := _charges(row, own, following.get(row.id), boundary, since):
                asked.append((row.id, boundary, charges))
            since = boundary
    rated = iter(await rate(session, environment_id, [charge for _, _, charges in asked for charge in charges]))
    drafted = await drafted_subscriptions(session, environment_id, [row.id for row in subscriptions])
    late = await late_lines(session, environment_id, [row for row in subscriptions if row.id not in drafted])
    adjusting = await adjusting_by_subscription(session, environment_id, subscriptions)
    found: dict[str, list[UpcomingInvoice]] = {row.id: [] for row in subscriptions}
    for subscription_id, boundary, charges in asked:
        lines: tuple[RatedLine | LateLine, ...] = tuple(with_covered(islice(rated, len(charges))))
        if not found[subscription_id]:
            lines += tuple(late.get(subscription_id, ()))
        assessment = adjusting[subscription_id].assess([line.assessed for line in lines])
        found[subscription_id].append(UpcomingInvoice(boundary, lines[0].currency, assessment, lines))
    return found


async def _rated(
    session: AsyncSession,
    environment_id: str,
    subscriptions: Sequence[Row[Any]],
    charges_of: Callable[[Any, Sequence[Agreement], datetime], list[Charge]],
) -> dict[str, list[RatedLine]]:
    agreements = await agreements_by_subscription(session, environment_id, subscriptions)
    charges: list[Charge] = []
    for row in subscriptions:
        if row.next_boundary_at is not None:
            charges += charges_of(row, agreements[row.id], row.next_boundary_at)
    rated: dict[str, list[RatedLine]] = {row.id: [] for row in subscriptions}
    for line in await rate(session, environment_id, charges):
        rated[line.charge.subscription_id].append(line)
    return rated


async def _to_bill(session: AsyncSession, environment_id: str, subscription_ids: Sequence[str]) -> list[Row[Any]]:
    """Return those that will be billed: not what ends before that begins."""
    live = await _live(session, environment_id, subscription_ids)
    return [row for row in live if row.ending_at is None or row.ending_at > row.phase_started_at]


async def _live(session: AsyncSession, environment_id: str, subscription_ids: Sequence[str]) -> Sequence[Row[Any]]:
    table = table_of(models.Subscription)
    statement = select(table).where(
        table.c.environment_id == environment_id,
        table.c.id.in_(subscription_ids),
        table.c.status != SubscriptionStatus.TERMINATED,
    )
    return (await session.execute(statement)).all()


def _usage(line: RatedLine) -> MeteredUsage:
    metering = line.charge.term.metering
    assert metering is not None, "only metered prices run"
    amount_minor = line.amount_minor + (0 if line.covered is None else line.covered.amount_minor)
    return MeteredUsage(metering.metric.id, line.price_id, line.quantity, amount_minor, line.currency)
