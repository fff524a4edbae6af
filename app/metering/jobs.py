"""Catching up: stored events that something new fits are counted, piece by piece, each piece in its own transaction.

A job begins after all who count have seen what is new, so that no event falls between the two. It resumes where it
stood, by whoever takes it up, and its periods do not close before it is done.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.attempts import until_won
from app.db import Sessions, database_failed
from app.ids import new_id
from app.metering.deciding import Fact
from app.metering.facts import LightRow
from app.metering.recounting import recount, recount_counters, recount_days_of
from app.metering.store import store_of
from app.models import (
    BillableMetric,
    CountedEvent,
    Customer,
    Invoice,
    MeterEvent,
    Subscription,
    UsageCounter,
    UsageJob,
    UsageJobKind,
    UsageJobState,
    table_of,
)
from app.models.usage_counter import is_open_period

log = structlog.get_logger()
EVENTS_AT_A_TIME: Final = 1000
#: Characters of an error that are kept beside a job that failed.
MAX_REASON: Final = 1000
_jobs = table_of(UsageJob).c
_events = table_of(MeterEvent).c
_UNDONE: Final = (UsageJobState.WAITING, UsageJobState.RUNNING, UsageJobState.FAILED)
_TO_DO: Final = (UsageJobState.WAITING, UsageJobState.RUNNING)


async def schedule_job(
    session: AsyncSession, environment_id: str, kind: UsageJobKind, subject_id: str, now: datetime
) -> None:
    """Let stored events be counted for something that this transaction makes or changes."""
    session.add(
        UsageJob(environment_id=environment_id, id=new_id("ujob"), created_at=now, kind=kind, subject_id=subject_id)
    )
    await session.flush()


def is_catching_up(environment_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that events of an environment are still counted for a metric, or could not be.

    A customer that is new has no period to close yet, and there are new ones all the time; subscriptions are asked for
    one by one.
    """
    needed = _jobs.kind.in_((UsageJobKind.METRIC, UsageJobKind.DAYS))
    return exists().where(_jobs.environment_id == environment_id, needed, _jobs.state.in_(_UNDONE))


def is_counted_anew(environment_id: ColumnElement[Any], invoice_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that events are still counted for the subscription of an invoice, as it changed or ended."""
    invoices = table_of(Invoice).c
    mine = (invoices.environment_id == environment_id, invoices.id == invoice_id)
    own = (_jobs.environment_id == invoices.environment_id, _jobs.subject_id == invoices.subscription_id)
    return exists().where(*mine, *own, _jobs.kind == UsageJobKind.SUBSCRIPTION, _jobs.state.in_(_UNDONE))


async def work_off_jobs(sessions: Sessions) -> bool:
    """Do a piece of the oldest job; say whether there was one. One that can't be done is kept with its reason."""
    if not await sessions.rows(_next(()), {}):
        return False
    return await until_won(partial(_do_piece, sessions))


async def _do_piece(sessions: Sessions) -> bool:
    async with sessions.begin() as session:
        return await do_piece(session, sessions.clock.now())


async def do_piece(session: AsyncSession, now: datetime, environment_id: str | None = None) -> bool:
    """Do a piece of the oldest job, of one environment if that is given; say whether there was one."""
    mine = () if environment_id is None else (_jobs.environment_id == environment_id,)
    if (await session.execute(_next(mine))).first() is None:
        return False
    await store_of(session).wait_for_counting(await session.connection())
    claimed = _next(mine).with_for_update(skip_locked=True).execution_options(populate_existing=True)
    job = await session.scalar(claimed)
    if job is None:
        return False
    try:
        async with session.begin_nested():
            await _advance(session, job, now)
    except Exception as error:  # whatever it was, the others go on: it is kept with its reason, or raised
        if database_failed(error):
            raise
        log.exception("usage job failed", kind=job.kind, subject=job.subject_id)
        reason = f"{type(error).__name__}: {error}"[:MAX_REASON]
        failed = update(table_of(UsageJob)).where(_jobs.environment_id == job.environment_id, _jobs.id == job.id)
        await session.execute(failed.values(state=UsageJobState.FAILED, failed_because=reason))
    return True


def _next(mine: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return select(UsageJob).where(_jobs.state.in_(_TO_DO), *mine).order_by(_jobs.created_at, _jobs.id).limit(1)


async def _advance(session: AsyncSession, job: UsageJob, now: datetime) -> None:
    if job.until_number is None:
        await _begin(session, job)
    assert job.until_number is not None, "a job that began has an end"
    rows = await _piece(session, job)
    facts = [Fact(row.number, row.id, row.type, row.timestamp, row.data, row.customer_id, row.revision) for row in rows]
    if job.kind is UsageJobKind.DAYS:
        await recount_days_of(session, job.environment_id, facts)
    else:
        await recount(session, job.environment_id, facts)
    if rows:
        job.done_number, job.counted_up_to = rows[-1].number, rows[-1].created_at
    if len(rows) < EVENTS_AT_A_TIME:
        job.state, job.done_number, job.counted_up_to = UsageJobState.DONE, job.until_number, now
        if job.kind is not UsageJobKind.METRIC:  # nobody asks for it any more
            await session.delete(job)
    await session.flush()


async def _begin(session: AsyncSession, job: UsageJob) -> None:
    """Note the last event that may have been counted without knowing of what is new."""
    last = select(func.max(_events.number)).where(_events.environment_id == job.environment_id)
    job.state, job.until_number = UsageJobState.RUNNING, await session.scalar(last) or 0
    if job.kind is UsageJobKind.METRIC:
        await _fill_moved_counters(session, job)


async def _fill_moved_counters(session: AsyncSession, job: UsageJob) -> None:
    """Add up the events of closed counters that a migration made of invoice lines, which knew no sums."""
    counters, counted = table_of(UsageCounter).c, table_of(CountedEvent).c
    empty = select(counters.key).where(
        counters.environment_id == job.environment_id,
        counters.billable_metric_id == job.subject_id,
        counters.event_count == 0,
        exists().where(counted.usage_counter_id == counters.id),
    )
    await recount_counters(session, job.environment_id, (await session.scalars(empty)).all())


async def _piece(session: AsyncSession, job: UsageJob) -> Sequence[LightRow]:
    """Return the next events that a job is about, in the order of receipt."""
    customer: ColumnElement[Any] = _events.customer_id
    columns = [_events[name] for name in ("number", "id", "type", "timestamp", "data", "revision", "created_at")]
    chosen = await _concerned(session, job)
    if job.kind is UsageJobKind.CUSTOMER:
        customer = func.coalesce(_events.customer_id, job.subject_id)
    wanted: Any = select(*columns, customer.label("customer_id")).where(
        _events.environment_id == job.environment_id,
        _events.number > job.done_number,
        _events.number <= job.until_number,
        ~_events.voided,
        chosen,
    )
    rows: Sequence[LightRow] = (await session.execute(wanted.order_by(_events.number).limit(EVENTS_AT_A_TIME))).all()
    return rows


async def _concerned(session: AsyncSession, job: UsageJob) -> ColumnElement[bool]:
    """Return which events a job is about."""
    key = (job.environment_id, job.subject_id)
    match job.kind:
        case UsageJobKind.METRIC:
            metric = await session.get_one(BillableMetric, key)
            return _events.type == metric.event_type
        case UsageJobKind.CUSTOMER:
            customer = await session.get_one(Customer, key)
            by_name = and_(_events.subject.is_(None), _events.external_subject == customer.external_id)
            return and_(_events.customer_id.is_(None), or_(_events.subject == customer.id, by_name))
        case UsageJobKind.DAYS:
            return _events.customer_id.is_not(None)
        case UsageJobKind.SUBSCRIPTION:
            subscription = await session.get_one(Subscription, key)
            counters, counted = table_of(UsageCounter).c, table_of(CountedEvent).c
            open_counters = select(counters.id).where(
                counters.environment_id == job.environment_id,
                counters.customer_id == subscription.customer_id,
                is_open_period(counters),
            )
            in_open = select(counted.event_number).where(counted.usage_counter_id.in_(open_counters))
            return _events.number.in_(in_open)
