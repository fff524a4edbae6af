"""Which function does which kind of due work, and how the next item is taken. Every noun with due work joins here."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Select, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.db import database_failed
from app.metering.jobs import is_catching_up
from app.models import table_of
from app.services.due import DueKind
from app.services.lookup import locked
from app.services.renewals import close_invoice, pass_boundary
from app.services.unpaid import expire_subscription, mark_overdue


@dataclass(frozen=True)
class DueItem:
    """A claimed item of the registry. Plain values, which outlive a transaction that fails."""

    environment_id: str
    id: str
    kind: DueKind
    subject_id: str
    due_at: datetime
    test_clock_id: str | None


Handler = Callable[[AsyncSession, str, str, datetime, datetime], Awaitable[str | None]]

HANDLERS: Mapping[DueKind, Handler] = {
    DueKind.SUBSCRIPTION_BOUNDARY: pass_boundary,
    DueKind.INVOICE_CLOSE: close_invoice,
    DueKind.SUBSCRIPTION_EXPIRY: expire_subscription,
    DueKind.INVOICE_OVERDUE: mark_overdue,
}
log = structlog.get_logger()
#: Characters of an error that are kept beside a parked item.
MAX_REASON = 1000
_table = table_of(models.DueWork)
_due = _table.c
_clocks = table_of(models.TestClock).c


async def next_in_real_time(session: AsyncSession, now: datetime) -> DueItem | None:
    """Claim the earliest item due in real time, passing over what another worker holds."""
    waiting = _in_order().where(_due.test_clock_id.is_(None), _due.due_at <= now)
    return await _first(session, waiting.with_for_update(skip_locked=True))


async def next_on_clock(session: AsyncSession, environment_id: str, clock_id: str, until: datetime) -> DueItem | None:
    """Return the earliest item due on a test clock, whose row the caller has locked."""
    mine = (_due.environment_id == environment_id, _due.test_clock_id == clock_id)
    waiting = _in_order().where(*mine, _due.due_at <= until)
    return await _first(session, waiting.with_for_update())


async def next_behind_clock(session: AsyncSession, now: datetime) -> DueItem | None:
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
        return None
    clock = await locked(session, models.TestClock, found.environment_id, found.id)
    if clock is None:
        return None
    return await next_on_clock(session, clock.environment_id, clock.id, clock.now)


async def run(session: AsyncSession, item: DueItem, now: datetime) -> str | None:
    """Do a claimed item and strike it off, in the caller's transaction; return the id of the invoice it concerned.

    An item that can't be done is undone, parked with its error and logged, so that the others go on. A database that
    fails is no fault of the item: that error is raised, and the item stays due.
    """
    try:
        async with session.begin_nested():
            await session.execute(delete(_table).where(*_is(item)))
            return await HANDLERS[item.kind](session, item.environment_id, item.subject_id, item.due_at, now)
    except Exception as error:  # whatever it was, one item must not stop the others: it is parked and logged, or raised
        if database_failed(error):
            raise
        log.exception("due work parked", kind=item.kind, subject=item.subject_id)
        reason = f"{type(error).__name__}: {error}"[:MAX_REASON]
        parked = update(_table).where(*_is(item)).values(parked_at=now, parked_because=reason)
        await session.execute(parked)
        return None


def _is(item: DueItem) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (_due.environment_id == item.environment_id, _due.id == item.id)


def _in_order() -> Select[Any]:
    columns = (_due.environment_id, _due.id, _due.kind, _due.subject_id, _due.due_at, _due.test_clock_id)
    # A period is billed once all that is stored is counted.
    ready = (_due.kind != DueKind.INVOICE_CLOSE) | ~is_catching_up(_due.environment_id)
    return (
        select(*columns).where(_due.parked_at.is_(None), ready).order_by(_due.due_at, _due.priority, _due.id).limit(1)
    )


async def _first(session: AsyncSession, statement: Select[Any]) -> DueItem | None:
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        return None
    return DueItem(row.environment_id, row.id, DueKind(row.kind), row.subject_id, row.due_at, row.test_clock_id)
