"""Rows of events and counters by the thousand on PostgreSQL, past the layers that look at each value.

The same functions as `store_sqlite`. Statements hold names of our own tables and columns alone, never input. Rows are
inserted and locked in the order of their keys, as two that count at once would else wait for each other.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

#: Numbers that one value of the sequence stands for.
BLOCK: Final = 1000
#: Digits of a number below the month: 2^40 events a month.
MONTH_BITS: Final = 40
#: The advisory lock that counting shares, and that those who need to see all of it wait for.
_COUNTING: Final = 0x6D65746572
#: The advisory lock of whoever makes a partition.
_PARTITIONS: Final = _COUNTING + 1
_TYPES: Final = {
    "id": "bigint", "event_count": "bigint", "total": "numeric", "minimum": "numeric", "maximum": "numeric",
    "latest": "numeric", "latest_at": "timestamptz", "latest_event_id": "text", "distinct_count": "bigint",
    "customer_id": "text", "reason": "text", "number": "bigint", "usage_counter_id": "bigint", "value": "text",
    "event_number": "bigint", "key": "text", "billable_metric_id": "text", "revision": "integer",
    "is_withdrawal": "boolean", "kind": "text", "environment_id": "text", "subscription_id": "text",
    "price_id": "text", "start_at": "timestamptz", "end_at": "timestamptz", "round": "integer", "dimensions": "text",
}  # fmt: skip


def write_instant(instant: datetime) -> datetime:
    """Return an instant as the driver takes it."""
    return instant


def read_instant(stored: datetime) -> datetime:
    """Return the instant that the driver gives."""
    return stored


def write_decimal(value: Decimal) -> Decimal:
    """Return a decimal as the driver takes it."""
    return value


def read_decimal(stored: Decimal) -> Decimal:
    """Return the decimal that the driver gives."""
    return stored


async def prepare_month(connection: AsyncConnection, month: int) -> None:
    """Make the partition of a month, counted from January 1970, unless its events have a place already."""
    await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_PARTITIONS})")
    start, end = month << MONTH_BITS, (month + 1) << MONTH_BITS
    strays = f"SELECT 1 FROM meter_event_default WHERE number >= {start} AND number < {end} LIMIT 1"
    if (await connection.exec_driver_sql(strays)).first() is None:
        name = f"meter_event_{1970 + month // 12:04}_{month % 12 + 1:02}"
        span = f"FOR VALUES FROM ({start}) TO ({end})"
        await connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF meter_event {span}")


async def take_numbers(connection: AsyncConnection, month: int, count: int) -> list[int]:
    """Return numbers for that many events of a month, which nobody else gets."""
    blocks = -(-count // BLOCK)
    statement = "SELECT nextval('meter_event_block') FROM generate_series(1, $1)"
    taken = sorted((await connection.exec_driver_sql(statement, (blocks,))).scalars().all())
    numbers = ((month << MONTH_BITS) + block * BLOCK + place for block in taken for place in range(BLOCK))
    return [number for number, _ in zip(numbers, range(count), strict=False)]


async def insert_keys(connection: AsyncConnection, keys: Sequence[tuple[str, int]]) -> set[str]:
    """Insert (id, number) in their order, where the id is new; return the ids that were there already.

    One that another transaction is inserting is waited for.
    """
    statement = (
        "INSERT INTO event_key (id, number) SELECT * FROM unnest($1::text[], $2::bigint[]) "
        "ON CONFLICT DO NOTHING RETURNING id"
    )
    ids, numbers = zip(*keys, strict=True)
    inserted = await connection.exec_driver_sql(statement, (list(ids), list(numbers)))
    return set(ids).difference(inserted.scalars())


async def append(
    connection: AsyncConnection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows that can't be there yet, by COPY."""
    if rows:
        raw = await connection.get_raw_connection()
        assert raw.driver_connection is not None
        await raw.driver_connection.copy_records_to_table(table, records=rows, columns=columns)


async def insert_missing(
    connection: AsyncConnection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows unless one with the same unique values is there."""
    if rows:
        statement = (
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM {_unnest(columns)} ON CONFLICT DO NOTHING"
        )
        await connection.exec_driver_sql(statement, _arrays(rows))


async def insert_values(connection: AsyncConnection, pairs: Sequence[tuple[int, str]]) -> list[int]:
    """Insert (counter, value) where it is new; return the counters of the new ones, as often as there are any."""
    if not pairs:
        return []
    columns = ("usage_counter_id", "value")
    statement = (
        f"INSERT INTO usage_value ({', '.join(columns)}) SELECT * FROM {_unnest(columns)} "
        "ON CONFLICT DO NOTHING RETURNING usage_counter_id"
    )
    return list((await connection.exec_driver_sql(statement, _arrays(pairs))).scalars())


async def select_in(
    connection: AsyncConnection, table: str, columns: Sequence[str], column: str, values: Collection[Any]
) -> Sequence[Any]:
    """Return rows by the values of a column."""
    statement = f"SELECT {', '.join(columns)} FROM {table} WHERE {column} = ANY($1::{_TYPES[column]}[])"
    return (await connection.exec_driver_sql(statement, (list(values),))).all()


async def lock_in(
    connection: AsyncConnection, table: str, columns: Sequence[str], column: str, values: Collection[Any]
) -> Sequence[Any]:
    """Return rows by the values of a column, as they are now, locked until the transaction ends."""
    statement = (
        f"SELECT {', '.join(columns)} FROM {table} WHERE {column} = ANY($1::{_TYPES[column]}[]) "
        f"ORDER BY {column} FOR UPDATE"
    )
    return (await connection.exec_driver_sql(statement, (list(values),))).all()


async def update_by_id(
    connection: AsyncConnection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Set columns of rows by their id, which comes first in each tuple."""
    if rows:
        changes = ", ".join(f"{column} = given.{column}" for column in columns)
        named = ("id", *columns)
        given = f"{_unnest(named)} AS given({', '.join(named)})"
        statement = f"UPDATE {table} SET {changes} FROM {given} WHERE {table}.id = given.id"
        await connection.exec_driver_sql(statement, _arrays(rows))


async def update_events(connection: AsyncConnection, rows: Sequence[tuple[int, str | None, str | None]]) -> None:
    """Set the customer and the reason of events by their number, which comes first in each tuple."""
    columns = ("number", "customer_id", "reason")
    statement = (
        "UPDATE meter_event SET customer_id = given.customer_id, reason = given.reason "
        f"FROM {_unnest(columns)} AS given({', '.join(columns)}) WHERE meter_event.number = given.number"
    )
    if rows:
        await connection.exec_driver_sql(statement, _arrays(rows))


async def wait_for_counting(connection: AsyncConnection) -> None:
    """Return once all transactions that were counting are over; what begins later sees what was committed before."""
    await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_COUNTING})")


async def take_part_in_counting(connection: AsyncConnection) -> None:
    """Count beside others, but not beside those who wait for counting."""
    await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({_COUNTING})")


def _unnest(columns: Sequence[str]) -> str:
    return f"unnest({', '.join(f'${place}::{_TYPES[column]}[]' for place, column in enumerate(columns, 1))})"


def _arrays(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*rows, strict=True))
