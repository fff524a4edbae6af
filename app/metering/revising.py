"""Correcting events: a new revision takes the place of the last one, whose key stays used for ever."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.ids import new_id
from app.metering.counters import add_counts, note_late, open_counters
from app.metering.deciding import Count, Fact, Span, load_deciding
from app.metering.facts import LightRow, load_metrics
from app.metering.recounting import placed_counts, take_out
from app.metering.store import store_of
from app.models import (
    CountedEvent,
    CounterKind,
    EventKey,
    MeterEvent,
    MeterEventRevision,
    UsageCounter,
    table_of,
)

_events = table_of(MeterEvent).c
_counters = table_of(UsageCounter).c


@dataclass(frozen=True, slots=True)
class Revision:
    """What an event is to say from now on, or that it is withdrawn, and why, and by whose key."""

    data: str
    timestamp: datetime
    voided: bool
    reason: str
    author: str


async def locked_event(session: AsyncSession, environment_id: str, event_id: str) -> LightRow | None:
    """Return a stored event, which nobody else counts or corrects until the transaction ends."""
    await store_of(session).wait_for_counting(await session.connection())
    keys = table_of(EventKey).c
    number = select(keys.number).where(keys.id == event_id).scalar_subquery()
    mine = (_events.environment_id == environment_id, _events.number == number)
    return (await session.execute(select(table_of(MeterEvent)).where(*mine))).one_or_none()


async def revise(session: AsyncSession, event: LightRow, revision: Revision, now: datetime) -> None:
    """Put a revision in the place of what a locked event says, and count it.

    What an open period counted is taken out. What a closed one counted stays, as it was billed: the correction is
    marked with that period, in its next round, as late usage.
    """
    old = Fact(event.number, event.id, event.type, event.timestamp, event.data, event.customer_id, event.revision)
    new = old._replace(timestamp=revision.timestamp, data=revision.data, revision=event.revision + 1)
    await _keep_last(session, event, revision, now)
    changed = {"data": new.data, "timestamp": new.timestamp, "revision": new.revision, "voided": revision.voided}
    await session.execute(update(table_of(MeterEvent)).where(_events.number == event.number).values(**changed))
    placed = (await placed_counts(session, [old])).get(event.number, {})
    await take_out(session, event.environment_id, [(old, place) for place in placed.values()])
    billed = await _billed_periods(session, event.number)
    customers = [] if new.customer_id is None else [new.customer_id]
    decision = (await load_deciding(session, event.environment_id, [new.type], customers)).decide(new)
    counts = () if revision.voided else decision.counts
    await add_counts(session, event.environment_id, counts)
    await _mark_withdrawn(session, event.environment_id, new, billed, counts)
    reason = None if revision.voided else decision.reason
    await session.execute(update(table_of(MeterEvent)).where(_events.number == event.number).values(reason=reason))


async def _keep_last(session: AsyncSession, event: LightRow, revision: Revision, now: datetime) -> None:
    last = MeterEventRevision(
        environment_id=event.environment_id,
        id=new_id("rev"),
        created_at=now,
        event_id=event.id,
        number=event.revision,
        timestamp=event.timestamp,
        data=event.data,
        reason=revision.reason,
        author=revision.author,
    )
    session.add(last)
    await session.flush()


@dataclass(frozen=True, slots=True)
class _BilledPeriod:
    """A period with a closed counter that has an event for a metric, and was not told otherwise since."""

    metric_id: str
    base: str
    counter_id: int


async def _billed_periods(session: AsyncSession, number: int) -> list[_BilledPeriod]:
    """Return the periods that have billed an event, or will, unless they are told that it is no longer theirs.

    Of what is noted of an event in all rounds of a period, the last revision holds.
    """
    counted = table_of(CountedEvent).c
    marks = (
        select(counted.billable_metric_id, counted.is_withdrawal, _counters.id, _counters.key, _counters.closed_at)
        .join(UsageCounter, _counters.id == counted.usage_counter_id)
        .where(counted.event_number == number)
        .order_by(counted.revision)
    )
    closed: dict[tuple[str, str], int] = {}
    last: dict[tuple[str, str], bool] = {}
    for mark in await session.execute(marks):
        period = (mark.billable_metric_id, mark.key.rpartition("/")[0])
        last[period] = mark.is_withdrawal
        if mark.closed_at is not None:
            closed[period] = mark.id
    return [_BilledPeriod(*period, counter_id) for period, counter_id in closed.items() if not last[period]]


async def _mark_withdrawn(
    session: AsyncSession, environment_id: str, new: Fact, billed: Sequence[_BilledPeriod], counts: Sequence[Count]
) -> None:
    """Mark the billed periods of an event which is no longer theirs; the new revision marks its own."""
    kept = {(count.place.day.metric.id, count.place.period.key) for count in counts}
    gone = [period for period in billed if (period.metric_id, period.base) not in kept]
    if not gone:
        return
    metrics = {m.id: m for m in await load_metrics(session, environment_id, {period.metric_id for period in gone})}
    rows = await session.execute(
        select(table_of(UsageCounter)).where(_counters.id.in_([period.counter_id for period in gone]))
    )
    spans = {}
    for row in rows:
        base = row.key.rpartition("/")[0]
        named = (row.subscription_id, row.price_id)
        metric = metrics[row.billable_metric_id]
        spans[base] = Span(base, row.customer_id, metric, row.start_at, row.end_at, *named)
    late = await open_counters(session, environment_id, CounterKind.PERIOD, spans)
    await note_late(session, environment_id, {span.subscription_id for span in spans.values()})
    marks = [
        {
            "event_number": new.number,
            "billable_metric_id": period.metric_id,
            "revision": new.revision,
            "is_withdrawal": True,
            "usage_counter_id": late[period.base].id,
        }
        for period in gone
    ]
    await session.execute(insert(table_of(CountedEvent)), marks)
