"""Test clocks: time that a merchant moves. An advance is many transactions, one for each item that falls due."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dateutil.relativedelta import relativedelta
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog import TestClockDraft, check_clock_instant, check_test_clock
from app.billing.errors import ErrorCode, Problems
from app.ids import new_id
from app.metering.jobs import do_piece
from app.models import table_of
from app.services.due_registry import next_on_clock, run
from app.services.lookup import locked, must_lock
from app.services.principal import Principal

LONGEST_LEAP = relativedelta(years=2)
#: How long an advance may be silent before another call may take it over.
LEASE = timedelta(seconds=30)


async def create_clock(
    session: AsyncSession, principal: Principal, now: datetime, draft: TestClockDraft
) -> models.TestClock:
    """Create a clock that stands at the given instant, or at the server's time."""
    problems = Problems()
    check_test_clock(draft, problems)
    problems.raise_if_any()
    clock = models.TestClock(
        environment_id=principal.environment_id,
        id=new_id("clk"),
        created_at=now,
        name=draft.name,
        now=draft.now or now,
    )
    session.add(clock)
    await session.flush()
    return clock


async def begin_advance(
    session: AsyncSession, principal: Principal, now: datetime, clock_id: str, to: datetime
) -> models.TestClock:
    """Note where a clock is to go. One advance runs at a time; one whose caller died is resumed by the next call."""
    problems = Problems()
    clock = await locked(session, models.TestClock, principal.environment_id, clock_id)
    if clock is None:
        problems.add(ErrorCode.NOT_FOUND, "id", "id names no test clock")
    check_clock_instant(problems, "to", to)
    if clock is not None:
        _check_leap(problems, clock, now, to)
    problems.raise_if_any()
    assert clock is not None
    clock.advancing_to, clock.advance_expires_at = to, now + LEASE
    await session.flush()
    return clock


def _check_leap(problems: Problems, clock: models.TestClock, now: datetime, to: datetime) -> None:
    if clock.advance_expires_at is not None and clock.advance_expires_at > now:
        problems.add(ErrorCode.CLOCK_BUSY, "id", "another call is advancing this clock")
    if to < clock.now:
        message = f"the clock stands at {clock.now.isoformat()} and only moves forward"
        problems.add(ErrorCode.CLOCK_BACKWARDS, "to", message)
    elif to > clock.now + LONGEST_LEAP:
        problems.add(ErrorCode.CLOCK_LEAP_TOO_LONG, "to", "a clock moves at most 2 years in one call")


@dataclass(frozen=True)
class Step:
    """One transaction of an advance: whether more may follow, and the invoices that were drafted or issued in it."""

    more: bool
    invoice_ids: tuple[str, ...] = ()


async def step(session: AsyncSession, principal: Principal, now: datetime, clock_id: str, to: datetime) -> Step:
    """Do the next thing due on the way to `to` at its instant; where nothing is left, arrive.

    Stored events that something new fits are counted before that. A caller that was taken over by an advance to
    elsewhere does nothing more: the clock is no longer its own.
    """
    clock = await must_lock(session, models.TestClock, principal.environment_id, clock_id)
    if clock.advancing_to != to:
        return Step(more=False)
    if await do_piece(session, now, principal.environment_id):
        return Step(more=True)
    items = await next_on_clock(session, principal.environment_id, clock_id, to)
    if not items:
        clock.now, clock.advancing_to, clock.advance_expires_at = to, None, None
        return Step(more=False)
    clock.now, clock.advance_expires_at = max(clock.now, items[0].due_at), now + LEASE
    return Step(more=True, invoice_ids=tuple(await run(session, items, clock.now)))


async def arrived(
    session: AsyncSession, principal: Principal, clock_id: str, invoice_ids: Collection[str]
) -> tuple[models.TestClock, Sequence[models.Invoice]]:
    """Return the clock as it is now, and the invoices of an advance, oldest first."""
    clock = await session.get_one(models.TestClock, (principal.environment_id, clock_id))
    invoices = table_of(models.Invoice).c
    mine = (invoices.environment_id == principal.environment_id, invoices.id.in_(invoice_ids))
    return clock, (await session.scalars(select(models.Invoice).where(*mine).order_by(invoices.id))).all()
