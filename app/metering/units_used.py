"""How many units of metrics customers used, instant by instant as far as that matters to grants."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.aggregation import quantity_of
from app.billing.filters import Dimensions
from app.billing.measuring import MetricRules
from app.billing.periods import Period
from app.metering.facts import LightRow
from app.metering.usage_pieces import Cut, Piece, cut, piece_of_day, pieces_of_events
from app.models import CounterKind, MeterEvent, UsageCounter, table_of

#: Spans that one statement asks for.
CONDITIONS: Final = 250


class Used(NamedTuple):
    """Units used at an instant, or on a whole day that begins there, with the same dimensions."""

    at: datetime
    units: Decimal
    dimensions: Dimensions


@dataclass(frozen=True)
class UnitsAsked:
    """The use of a metric by a customer over a span, told apart by some instants in it."""

    customer_id: str
    metric: MetricRules
    span: Period
    boundaries: Sequence[datetime]


async def read_units(session: AsyncSession, environment_id: str, asked: Sequence[UnitsAsked]) -> list[list[Used]]:
    """Return what was used, in the order of the questions; a day that no boundary cuts is one entry.

    Two statements for as many spans as a statement takes, which is more than a page asks for.
    """
    cuts = [cut(one.span, one.boundaries) for one in asked]
    days = await _days(session, environment_id, asked, cuts)
    events = await _events(session, environment_id, asked, cuts)
    found = []
    for one, parts in zip(asked, cuts, strict=True):
        pieces = [*_of_days(one, parts, days), *_of_events(one, parts, events)]
        pieces.sort(key=lambda piece: piece.timestamp)
        aggregation = one.metric.aggregation
        found.append([Used(one.timestamp, quantity_of(aggregation, one.tallied), one.dimensions) for one in pieces])
    return found


_Rows = dict[tuple[str, str], list[LightRow]]


async def _days(session: AsyncSession, environment_id: str, asked: Sequence[UnitsAsked], cuts: Sequence[Cut]) -> _Rows:
    counters = table_of(UsageCounter).c
    wanted = [
        and_(
            counters.customer_id == one.customer_id,
            counters.billable_metric_id == one.metric.id,
            counters.start_at >= day.start,
            counters.start_at < day.end,
        )
        for one, parts in zip(asked, cuts, strict=True)
        for day in parts.days
    ]
    found: defaultdict[tuple[str, str], list[LightRow]] = defaultdict(list)
    mine = (counters.environment_id == environment_id, counters.kind == CounterKind.DAY, counters.event_count > 0)
    for some in batched(wanted):
        for row in await session.execute(select(table_of(UsageCounter)).where(*mine, or_(*some))):
            found[row.customer_id, row.billable_metric_id].append(row)
    return found


async def _events(
    session: AsyncSession, environment_id: str, asked: Sequence[UnitsAsked], cuts: Sequence[Cut]
) -> _Rows:
    events = table_of(MeterEvent).c
    wanted = [
        and_(
            events.customer_id == one.customer_id,
            events.type == one.metric.event_type,
            events.timestamp >= stretch.start,
            events.timestamp < stretch.end,
        )
        for one, parts in zip(asked, cuts, strict=True)
        for stretch in parts.stretches
    ]
    found: defaultdict[tuple[str, str], list[LightRow]] = defaultdict(list)
    columns = tuple(events[name] for name in ("id", "type", "timestamp", "data", "customer_id"))
    mine = (events.environment_id == environment_id, ~events.voided)
    for some in batched(wanted):
        for row in await session.execute(select(*columns).where(*mine, or_(*some))):
            found[row.customer_id, row.type].append(row)
    return found


def batched(conditions: Sequence[ColumnElement[bool]]) -> Iterator[Sequence[ColumnElement[bool]]]:
    """Cut conditions into as many as a statement takes: SQLite allows a thousand, one within the other."""
    for start in range(0, len(conditions), CONDITIONS):
        yield conditions[start : start + CONDITIONS]


def _of_days(one: UnitsAsked, parts: Cut, days: _Rows) -> Iterable[Piece]:
    for row in days.get((one.customer_id, one.metric.id), ()):
        if any(day.contains(row.start_at) for day in parts.days):
            yield piece_of_day(row, [one.metric])


def _of_events(one: UnitsAsked, parts: Cut, events: _Rows) -> Iterable[Piece]:
    return pieces_of_events(one.metric, events.get((one.customer_id, one.metric.event_type), ()), parts.stretches)
