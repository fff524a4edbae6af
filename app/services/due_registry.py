"""Which function does which kind of due work, and how the next item is taken. Every noun with due work joins here."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, Select, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.db import database_failed
from app.due import DueKind
from app.metering.jobs import is_catching_up, is_counted_anew
from app.models import table_of
from app.services.audit import record_run, unrecorded
from app.services.closing import close_invoices, issue_supplements
from app.services.lookup import locked
from app.services.renewals import pass_boundaries
from app.services.starts import start_subscriptions
from app.services.unpaid import expire_subscriptions, mark_overdue


@dataclass(frozen=True)
class DueItem:
    """A claimed item of the registry. Plain values, which outlive a transaction that fails."""

    environment_id: str
    id: str
    kind: DueKind
    subject_id: str
    due_at: datetime
    test_clock_id: str | None


#: What does the work of a kind for subjects, given by their ids with when each fell due; answers ids of invoices.
Handler = Callable[[AsyncSession, str, Mapping[str, datetime], datetime], Awaitable[list[str]]]

HANDLERS: Mapping[DueKind, Handler] = {
    DueKind.SUBSCRIPTION_BOUNDARY: pass_boundaries,
    DueKind.INVOICE_CLOSE: close_invoices,
    DueKind.SUBSCRIPTION_EXPIRY: expire_subscriptions,
    DueKind.INVOICE_OVERDUE: mark_overdue,
    DueKind.SUPPLEMENT: issue_supplements,
    DueKind.SUBSCRIPTION_START: start_subscriptions,
}
#: What is done for one subject after the other, so in a transaction each: numbers of invoices are taken last in it.
ONE_BY_ONE = frozenset({DueKind.SUBSCRIPTION_START})
log = structlog.get_logger()
#: Characters of an error that are kept beside a parked item.
MAX_REASON = 1000
_table = table_of(models.DueWork)
_due = _table.c
_clocks = table_of(models.TestClock).c


async def next_in_real_time(session: AsyncSession, now: datetime, most: int) -> list[DueItem]:
    """Claim the earliest items due in real time, passing over what another worker holds: up to `most` of one kind.

    They are of one environment, and nothing of another kind in it falls due between them.
    """
    due = (_due.test_clock_id.is_(None), _due.due_at <= now)
    first = await _items(session, _in_order().where(*due).limit(1).with_for_update(skip_locked=True))
    if not first or most == 1 or first[0].kind in ONE_BY_ONE:
        return first
    [item] = first
    here = (*due, _due.environment_id == item.environment_id)
    other = select(func.min(_due.due_at)).where(*here, _due.parked_at.is_(None), _due.kind != item.kind)
    before = await session.scalar(other)
    # What was moved falls due twice, once in vain.
    alike = _in_order().where(*here, _due.kind == item.kind, _due.subject_id != item.subject_id)
    if before is not None:
        alike = alike.where((_due.due_at < before) | (_due.due_at == item.due_at))
    rest = await _items(session, alike.limit(most - 1).with_for_update(skip_locked=True))
    earliest = {one.subject_id: one for one in reversed(rest)}
    return first + [one for one in rest if earliest[one.subject_id] is one]


async def next_on_clock(session: AsyncSession, environment_id: str, clock_id: str, until: datetime) -> list[DueItem]:
    """Return the earliest item due on a test clock, whose row the caller has locked; none where nothing is."""
    mine = (_due.environment_id == environment_id, _due.test_clock_id == clock_id)
    return await _items(session, _in_order().where(*mine, _due.due_at <= until).limit(1).with_for_update())


async def next_behind_clock(session: AsyncSession, now: datetime) -> list[DueItem]:
    """Claim the earliest item that a test clock has passed already, as after a late first payment.

    A clock that is being advanced does its own work, unless the caller of that died.
    """
    resting = or_(_clocks.advancing_to.is_(None), _clocks.advance_expires_at <= now)
    behind = (
        select(_clocks.environment_id, _clocks.id)
        .join(models.DueWork, (_due.environment_id == _clocks.environment_id) & (_due.test_clock_id == _clocks.id))
        .where(_due.parked_at.is_(None), _due.due_at <= _clocks.now, resting)
        .limit(1)
    )
    found = (await session.execute(behind)).one_or_none()
    if found is None:
        return []
    clock = await locked(session, models.TestClock, found.environment_id, found.id)
    if clock is None:
        return []
    return await next_on_clock(session, clock.environment_id, clock.id, clock.now)


async def parked_items(session: AsyncSession) -> Sequence[Row[Any]]:
    """Return the items of all environments that failed, with why, the earliest first."""
    rows: Sequence[Row[Any]] = (
        await session.execute(select(_table).where(_due.parked_at.is_not(None)).order_by(_due.due_at, _due.id))
    ).all()
    return rows


async def unpark(session: AsyncSession, item_ids: Collection[str] | None) -> int:
    """Let items that failed be tried again, all where no ids are given; return how many there were."""
    chosen: list[ColumnElement[bool]] = [_due.parked_at.is_not(None)]
    if item_ids is not None:
        chosen.append(_due.id.in_(set(item_ids)))
    freed = update(_table).where(*chosen).values(parked_at=None, parked_because=None).returning(_due.id)
    return len((await session.execute(freed)).all())


async def run(session: AsyncSession, items: Sequence[DueItem], now: datetime) -> list[str]:
    """Do claimed items of one kind and strike them off, in the caller's transaction; return the ids of the invoices
    they concerned.

    What can't be done together is done one by one. An item that can't be done by itself is undone, parked with its
    error and logged, so that the others go on. A database that fails is no fault of an item: that error is raised, and
    all stay due.
    """
    try:
        async with session.begin_nested():
            return await _run(session, items, now)
    except Exception as error:  # whatever it was, one item must not stop the others: it is parked and logged, or raised
        if database_failed(error):
            raise
        if len(items) > 1:
            return [invoice_id for item in items for invoice_id in await run(session, [item], now)]
        [item] = items
        log.exception("due work parked", kind=item.kind, subject=item.subject_id)
        reason = f"{type(error).__name__}: {error}"[:MAX_REASON]
        await session.execute(update(_table).where(*_are(items)).values(parked_at=now, parked_because=reason))
        return []


async def _run(session: AsyncSession, items: Sequence[DueItem], now: datetime) -> list[str]:
    first = items[0]
    await session.execute(delete(_table).where(*_are(items)))
    due = {item.subject_id: item.due_at for item in items}
    assert len(due) == len(items), "a subject falls due once at a time"
    with unrecorded(session):
        invoice_ids = await HANDLERS[first.kind](session, first.environment_id, due, now)
    await record_run(session, first.environment_id, first.kind, list(due), invoice_ids)
    return invoice_ids


def _are(items: Sequence[DueItem]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (_due.environment_id == items[0].environment_id, _due.id.in_([item.id for item in items]))


def _in_order() -> Select[Any]:
    columns = (_due.environment_id, _due.id, _due.kind, _due.subject_id, _due.due_at, _due.test_clock_id)
    # A period is billed once all that is stored is counted.
    catching_up = is_catching_up(_due.environment_id) | is_counted_anew(_due.environment_id, _due.subject_id)
    ready = (_due.kind != DueKind.INVOICE_CLOSE) | ~catching_up
    return select(*columns).where(_due.parked_at.is_(None), ready).order_by(_due.due_at, _due.priority, _due.id)


async def _items(session: AsyncSession, statement: Select[Any]) -> list[DueItem]:
    return [
        DueItem(row.environment_id, row.id, DueKind(row.kind), row.subject_id, row.due_at, row.test_clock_id)
        for row in await session.execute(statement)
    ]
