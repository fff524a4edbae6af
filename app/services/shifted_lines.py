"""Closed periods that nothing came late for, but whose units may be covered otherwise, as earlier usage came late."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.lifecycle import InvoiceStatus
from app.billing.line_inputs import line_inputs_from_json
from app.metering.late_usage import LateUsage
from app.models import table_of
from app.services.rating import has_coverable_units

_lines = table_of(models.InvoiceLine).c
_invoices = table_of(models.Invoice).c
_counters = table_of(models.UsageCounter).c


async def shifted_periods(session: AsyncSession, environment_id: str, firsts: Iterable[Row[Any]]) -> list[LateUsage]:
    """Return the closed periods to be rated again beside some, given by their first lines, with the last round of each.

    They are of the same subscriptions and metrics, and end after the earliest of these begins. None where no customer
    has an entitlement to units of a metric; else four statements.
    """
    given = list(firsts)
    entitled = await _entitled(session, environment_id, {(row.customer_id, _metric_of(row)) for row in given})
    starts: dict[tuple[str, str], datetime] = {}
    for row in given:
        key = (row.subscription_id, _metric_of(row))
        if (row.customer_id, _metric_of(row)) in entitled:
            starts[key] = min(row.period_start, starts.get(key, row.period_start))
    if not starts:
        return []
    known = {row.id for row in given}
    found = [
        row
        for row in await _closed(session, environment_id, {owner for owner, _ in starts}, min(starts.values()))
        if row.id not in known
        and (start := starts.get((row.subscription_id, _metric_of(row)))) is not None
        and row.period_end > start
        and has_coverable_units(line_inputs_from_json(row.inputs))
    ]
    return await _with_last_rounds(session, environment_id, found)


def _metric_of(row: Row[Any]) -> str:
    return str(row.metering["billableMetricId"])


async def _entitled(
    session: AsyncSession, environment_id: str, pairs: Collection[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Return which of some customers have, or had, units of which of some metrics."""
    features, entitlements = table_of(models.Feature).c, table_of(models.Entitlement).c
    of_feature = (entitlements.environment_id == features.environment_id) & (entitlements.feature_id == features.id)
    statement = (
        select(entitlements.customer_id, features.billable_metric_id)
        .join(models.Feature, of_feature)
        .where(features.environment_id == environment_id)
        .where(features.billable_metric_id.in_({metric_id for _, metric_id in pairs}))
        .where(entitlements.customer_id.in_({customer_id for customer_id, _ in pairs}))
        .distinct()
    )
    return {(customer_id, metric_id) for customer_id, metric_id in await session.execute(statement)}


async def _closed(
    session: AsyncSession, environment_id: str, subscription_ids: Collection[str], since: datetime
) -> Sequence[Any]:
    """Return the lines that closed periods of subscriptions, which end after an instant, were billed by first."""
    columns = [_lines[name] for name in ("id", "usage_counter_id", "period_start", "period_end", "metering", "inputs")]
    of_invoice = (_invoices.environment_id == _lines.environment_id) & (_invoices.id == _lines.invoice_id)
    statement = (
        select(_invoices.subscription_id, *columns)
        .join(models.Invoice, of_invoice)
        .where(_invoices.environment_id == environment_id, _invoices.subscription_id.in_(subscription_ids))
        .where(_lines.period_end > since)
        .where(_invoices.issued_at.is_not(None), _invoices.status != InvoiceStatus.VOID)
        .where(_lines.usage_counter_id.is_not(None), _lines.corrects_line_id.is_(None))
    )
    return (await session.execute(statement)).all()


async def _with_last_rounds(session: AsyncSession, environment_id: str, firsts: Sequence[Row[Any]]) -> list[LateUsage]:
    """Return periods, given by their first lines, each up to the last round of its usage that was billed."""
    billed = {row.id: {row.usage_counter_id} for row in firsts}
    again = select(_lines.corrects_line_id, _lines.usage_counter_id).where(
        _lines.environment_id == environment_id, _lines.corrects_line_id.in_(billed)
    )
    for line_id, counter_id in await session.execute(again):
        billed[line_id].add(counter_id)
    ids = {identifier for some in billed.values() for identifier in some}
    counters = select(_counters.id, _counters.key, _counters.round).where(_counters.id.in_(ids))
    by_id = {row.id: row for row in await session.execute(counters)}
    found = []
    for row in firsts:
        last = max((by_id[identifier] for identifier in billed[row.id]), key=lambda counter: counter.round)
        base = last.key.rpartition("/")[0]
        found.append(LateUsage(row.subscription_id, base, last.round, last.id, row.usage_counter_id))
    return found
