"""Which function does which kind of due work, and how the next item is taken. Every noun with due work joins here."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.models import DueWork, table_of
from app.services.due import DueKind
from app.services.lookup import locked
from app.services.renewals import close_invoice, pass_boundary

Handler = Callable[[AsyncSession, str, str, datetime, datetime], Awaitable[None]]

HANDLERS: Mapping[DueKind, Handler] = {
    DueKind.SUBSCRIPTION_BOUNDARY: pass_boundary,
    DueKind.INVOICE_CLOSE: close_invoice,
}
_due = table_of(DueWork).c
_clocks = table_of(models.TestClock).c


async def next_in_real_time(session: AsyncSession, now: datetime) -> DueWork | None:
    """Claim the earliest item due in real time, passing over what another worker holds."""
    waiting = _in_order().where(_due.test_clock_id.is_(None), _due.due_at <= now)
    return (await session.scalars(waiting.with_for_update(skip_locked=True))).one_or_none()


async def next_on_clock(session: AsyncSession, environment_id: str, clock_id: str, until: datetime) -> DueWork | None:
    """Return the earliest item due on a test clock, whose row the caller has locked."""
    mine = (_due.environment_id == environment_id, _due.test_clock_id == clock_id)
    waiting = _in_order().where(*mine, _due.due_at <= until)
    return (await session.scalars(waiting.with_for_update())).one_or_none()


async def next_behind_clock(session: AsyncSession) -> DueWork | None:
    """Claim the earliest item that a resting test clock has passed already, as after a late first payment."""
    behind = (
        select(_clocks.environment_id, _clocks.id)
        .join(DueWork, (_due.environment_id == _clocks.environment_id) & (_due.test_clock_id == _clocks.id))
        .where(_due.parked_at.is_(None), _due.due_at <= _clocks.now, _clocks.advancing_to.is_(None))
        .limit(1)
    )
    found = (await session.execute(behind)).one_or_none()
    if found is None:
        return None
    clock = await locked(session, models.TestClock, found.environment_id, found.id)
    if clock is None or clock.advancing_to is not None:
        return None
    return await next_on_clock(session, clock.environment_id, clock.id, clock.now)


async def run(session: AsyncSession, item: DueWork, now: datetime) -> None:
    """Do a claimed item and strike it off, in the caller's transaction: both happen or neither."""
    await session.delete(item)
    await session.flush()
    await HANDLERS[DueKind(item.kind)](session, item.environment_id, item.subject_id, item.due_at, now)


def _in_order() -> Select[DueWork]:
    return select(DueWork).where(_due.parked_at.is_(None)).order_by(_due.due_at, _due.priority, _due.id).limit(1)
