"""Stored events read as what they mean to a metric. All counting starts here, so that all figures agree."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec
from sqlalchemy import BindParameter, Row, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.measuring import MetricRules
from app.models import BillableMetric, Customer, EventKey, MeterEvent, TestClock, table_of

_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)
LightRow: TypeAlias = Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class CustomerNames:
    """The customers that events may name, by their id and by the merchant's own id for them."""

    ids: frozenset[str]
    by_external_id: dict[str, str]
    #: The time of those on a test clock.
    times: dict[str, datetime] = field(default_factory=dict)

    def resolve(self, subject: str | None, external_subject: str | None) -> str | None:
        """Return the id of an event's customer; where both subjects are given, `subject` decides."""
        if subject is not None:
            return subject if subject in self.ids else None
        return self.by_external_id.get(external_subject or "")


def read_data(text: str) -> dict[str, object]:
    """Read the stored data of an event, every digit kept. It was checked when it came in."""
    data: dict[str, object] = _decoder.decode(text)
    return data


async def load_events(session: AsyncSession, environment_id: str, ids: Collection[str]) -> list[LightRow]:
    """Return the stored events with these ids, in the order of receipt, in one statement."""
    events, keys = table_of(MeterEvent), table_of(EventKey).c
    numbers = select(keys.number).where(keys.id.in_(set(ids)))
    mine = (events.c.environment_id == environment_id, events.c.number.in_(numbers))
    return list(await session.execute(select(events).where(*mine).order_by(events.c.number)))


async def load_metrics(session: AsyncSession, environment_id: str, ids: Collection[str]) -> list[MetricRules]:
    """Return the metrics with these ids, in one statement."""
    given = {"environment_id": environment_id, "named": list(set(ids))}
    return [_rules(row) for row in await session.execute(_METRICS_BY_ID, given)]


async def load_metrics_of_types(
    session: AsyncSession, environment_id: str, types: Collection[str]
) -> list[MetricRules]:
    """Return the metrics that measure events of these types, oldest first, in one statement."""
    given = {"environment_id": environment_id, "named": list(set(types))}
    return [_rules(row) for row in await session.execute(_METRICS_BY_TYPE, given)]


async def load_customers(
    session: AsyncSession, environment_id: str, ids: Collection[str], external_ids: Collection[str] = ()
) -> CustomerNames:
    """Return the customers with these ids or external ids, in one statement."""
    given = {"environment_id": environment_id, "ids": list(set(ids)), "external_ids": list(set(external_ids))}
    return _names((await session.execute(_CUSTOMERS, given)).all())


def _customers() -> Select[Any]:
    customers, clocks = table_of(Customer).c, table_of(TestClock).c
    named = customers.id.in_(_given("ids")) | customers.external_id.in_(_given("external_ids"))
    on_clock = (clocks.environment_id == customers.environment_id) & (clocks.id == customers.test_clock_id)
    return (
        select(customers.id, customers.external_id, clocks.now)
        .outerjoin(table_of(TestClock), on_clock)
        .where(customers.environment_id == bindparam("environment_id"), named)
    )


def _given(name: str) -> BindParameter[str]:
    return bindparam(name, expanding=True)


#: Statements that each batch of events needs are made once, as that takes longer than to read a few rows.
_CUSTOMERS: Final = _customers()


def _metrics(column: str) -> Select[Any]:
    columns = table_of(BillableMetric).c
    statement = select(
        columns.id,
        columns.event_type,
        columns.aggregation,
        columns.value_property,
        columns.group_by,
        columns.event_from,
    )
    mine = (columns.environment_id == bindparam("environment_id"), columns[column].in_(_given("named")))
    return statement.where(*mine).order_by(columns.id)


_METRICS_BY_ID: Final = _metrics("id")
_METRICS_BY_TYPE: Final = _metrics("event_type")


def _rules(row: LightRow) -> MetricRules:
    group_by = tuple((entry["name"], entry["path"]) for entry in row.group_by)
    return MetricRules(row.id, row.event_type, row.aggregation, row.value_property, group_by, row.event_from)


def _names(rows: Iterable[LightRow]) -> CustomerNames:
    listed = list(rows)
    by_external_id = {row.external_id: row.id for row in listed if row.external_id is not None}
    times = {row.id: row.now for row in listed if row.now is not None}
    return CustomerNames(frozenset(row.id for row in listed), by_external_id, times)
