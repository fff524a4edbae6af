"""Computing all counters again from the events: to check them, or to mend what was damaged."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.attempts import until_won
from app.db import Sessions
from app.metering.deciding import Fact
from app.metering.facts import LightRow
from app.metering.recounting import recount_counters, recount_days_of
from app.metering.store import store_of
from app.models import CounterKind, MeterEvent, UsageCounter, table_of

_AT_A_TIME = 500
_events = table_of(MeterEvent).c
_counters = table_of(UsageCounter).c


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many counters there are, and how many of them came to something else than their events."""

    counter_count: int
    changed_count: int


async def rebuild_counters(sessions: Sessions) -> Rebuilt:
    """Bring every counter to what its events come to, piece by piece; counting goes on between the pieces.

    Which period an event was counted in stays as it is: closed ones were billed.
    """
    changed, last, more = 0, -1, True
    while more:
        rows, mended = await until_won(partial(_rebuild_periods, sessions, last))
        more, last, changed = bool(rows), rows[-1].id if rows else last, changed + mended
    last, more = -1, True
    while more:
        rows, mended = await until_won(partial(_rebuild_days, sessions, last))
        more, last, changed = bool(rows), rows[-1].number if rows else last, changed + mended
    async with sessions.read() as session:
        ids = await session.scalars(select(_counters.id))
        return Rebuilt(len(ids.all()), changed)


async def _rebuild_periods(sessions: Sessions, last: Any) -> tuple[Sequence[LightRow], int]:
    async with sessions.begin() as session:
        await store_of(session).wait_for_counting(await session.connection())
        rows = await _page(session, _counters, last, _counters.kind == CounterKind.PERIOD)
        return rows, await _periods(session, rows)


async def _rebuild_days(sessions: Sessions, last: Any) -> tuple[Sequence[LightRow], int]:
    async with sessions.begin() as session:
        await store_of(session).wait_for_counting(await session.connection())
        rows = await _page(session, _events, last)
        return rows, await _days(session, rows)


async def _page(session: AsyncSession, columns: Any, last: int, *conditions: Any) -> Sequence[LightRow]:
    """Return the next rows of a table in the order of its key."""
    place = columns.number if "number" in columns else columns.id
    statement = select(*columns).where(place > last, *conditions).order_by(place).limit(_AT_A_TIME)
    rows: Sequence[LightRow] = (await session.execute(statement)).all()
    return rows


async def _periods(session: AsyncSession, rows: Sequence[LightRow]) -> int:
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        keys[row.environment_id].append(row.key)
    return sum([await recount_counters(session, environment_id, listed) for environment_id, listed in keys.items()])


async def _days(session: AsyncSession, rows: Sequence[LightRow]) -> int:
    """Bring the days of some events to what all their events come to."""
    by_environment: defaultdict[str, list[Fact]] = defaultdict(list)
    for row in rows:
        if row.customer_id is not None:
            fact = Fact(row.number, row.id, row.type, row.timestamp, row.data, row.customer_id, row.revision)
            by_environment[row.environment_id].append(fact)
    return sum(
        [await recount_days_of(session, environment_id, facts) for environment_id, facts in by_environment.items()]
    )
