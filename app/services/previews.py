"""What a subscription has used and what its next invoice would be, for any number of subscriptions at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.invoicing import total_lines
from app.billing.lifecycle import SubscriptionStatus
from app.models import table_of
from app.services.rating import Charge, RatedLine, charges_at_boundary, rate
from app.services.terms import terms_by_version


@dataclass(frozen=True)
class MeteredUsage:
    """What one metric counted in the running period, and what that costs so far."""

    billable_metric_id: str
    quantity: Decimal
    amount_minor: int
    currency: str


@dataclass(frozen=True)
class UpcomingInvoice:
    """The invoice of the next boundary if nothing more happened."""

    currency: str
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    lines: tuple[RatedLine, ...]


async def usage_by_subscription(
    session: AsyncSession, environment_id: str, subscription_ids: Sequence[str]
) -> dict[str, list[MeteredUsage]]:
    """Return the usage of each subscription's running period, metric by metric in the order of the plan's prices."""
    rated = await _rated(session, environment_id, subscription_ids)
    return {
        subscription_id: [_usage(line) for line in lines if line.charge.term.billable_metric_id is not None]
        for subscription_id, lines in rated.items()
    }


async def upcoming_by_subscription(
    session: AsyncSession, environment_id: str, subscription_ids: Sequence[str]
) -> dict[str, UpcomingInvoice]:
    """Return the next invoice of each subscription that has one; a terminated one has none."""
    rated = await _rated(session, environment_id, subscription_ids)
    return {subscription_id: _upcoming(lines) for subscription_id, lines in rated.items()}


async def _rated(
    session: AsyncSession, environment_id: str, subscription_ids: Sequence[str]
) -> dict[str, list[RatedLine]]:
    subscriptions = await _live(session, environment_id, subscription_ids)
    versions = {row.plan_version_id for row in subscriptions}
    terms = await terms_by_version(session, environment_id, versions)
    charges: list[Charge] = []
    for row in subscriptions:
        charges += charges_at_boundary(row, terms[row.plan_version_id])
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
    metric_id = line.charge.term.billable_metric_id
    assert metric_id is not None
    return MeteredUsage(metric_id, line.quantity, line.amount_minor, line.currency)


def _upcoming(lines: Sequence[RatedLine]) -> UpcomingInvoice:
    totals = total_lines([line.amount_minor for line in lines])
    return UpcomingInvoice(
        currency=lines[0].currency,
        subtotal_minor=totals.subtotal_minor,
        tax_minor=totals.tax_minor,
        total_minor=totals.total_minor,
        lines=tuple(lines),
    )
