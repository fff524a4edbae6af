"""What a subscription has used and what its next invoice would be, for any number of subscriptions at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.invoicing import Assessment
from app.billing.lifecycle import SubscriptionStatus
from app.models import table_of
from app.services.adjusting import adjusting_by_subscription
from app.services.late_lines import LateLine, late_lines
from app.services.rating import Charge, RatedLine, charges_at_boundary, charges_running, rate
from app.services.terms import Term, terms_by_subscription


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
    """The invoice of the next boundary if nothing more happened."""

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
    subscriptions = await _live(session, environment_id, subscription_ids)
    rated = await _rated(session, environment_id, subscriptions, _next_charges)
    late = await late_lines(session, environment_id, subscriptions)
    adjusting = await adjusting_by_subscription(session, environment_id, subscriptions)
    found = {}
    for subscription_id, own in rated.items():
        if own:
            lines = (*own, *late.get(subscription_id, ()))
            assessment = adjusting[subscription_id].assess([line.assessed for line in lines])
            found[subscription_id] = UpcomingInvoice(own[0].currency, assessment, lines)
    return found


def _next_charges(subscription: Any, terms: Sequence[Term]) -> list[Charge]:
    return charges_at_boundary(subscription, terms, subscription.next_boundary_at)


async def _rated(
    session: AsyncSession,
    environment_id: str,
    subscriptions: Sequence[Row[Any]],
    charges_of: Callable[[Any, Sequence[Term]], list[Charge]],
) -> dict[str, list[RatedLine]]:
    terms = await terms_by_subscription(session, environment_id, subscriptions)
    charges: list[Charge] = []
    for row in subscriptions:
        charges += charges_of(row, terms[row.id])
    rated: dict[str, list[RatedLine]] = {row.id: [] for row in subscriptions}
    for line in await rate(session, environment_id, charges):
        rated[line.charge.subscription_id].append(line)
    return rated


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
    return MeteredUsage(metering.metric.id, line.price_id, line.quantity, line.amount_minor, line.currency)
