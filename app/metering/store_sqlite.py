"""Rows of events and counters by the thousand on SQLite, past the layers that look at each value.

The same functions as `store_postgres`. Statements hold names of our own tables and columns alone, never input.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

_json: Final = msgspec.json.Encoder()


def write_instant(instant: datetime) -> str:
    """Return an instant as the columns of `db.Instant` keep it."""
    if instant.tzinfo is UTC:  # most are, and there are two in each event: this takes a quarter of what isoformat does
        text = _json.encode(instant).decode()  # "2026-08-01T12:00:00.000001Z", or without a fraction
        return f"{text[1:11]} {text[12:20]}{text[20:-2] or '.000000'}"
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def read_instant(stored: str) -> datetime:
    """Return the instant of a stored text."""
    return datetime.fromisoformat(f"{stored}+00:00")


def write_decimal(value: Decimal) -> str:
    """Return a decimal as the columns of `db.Exact` keep it."""
    return format(value, "f")


def read_decimal(stored: str) -> Decimal:
    """Return the decimal of a stored text."""
    return Decimal(stored)


async def prepare_month(_connection: AsyncConnection, _month: int) -> None:
    """Do nothing: events of all months are in one table."""


async def take_numbers(connection: AsyncConnection, _month: int, count: int) -> list[int]:
    """Return numbers for that many events, greater than all before: there is one writer at a time."""
    last = (await connection.exec_driver_sql("SELECT coalesce(max(number), 0) FROM meter_event")).scalar_one()
    return list(range(last + 1, last + 1 + count))


async def insert_keys(connection: AsyncConnection, keys: Sequence[tuple[str, int]]) -> set[str]:
    """Insert (id, number) in their order, where the id is new; return the ids that were there already."""
    inserted = await connection.exec_driver_sql(
        "INSERT OR IGNORE INTO event_key (id, number) VALUES (?, ?)", list(keys)
    )
    if inserted.rowcount == len(keys):
        return set()
    numbers = dict(keys)
    found = await select_in(connection, "event_key", ("id", "number"), "id", list(numbers))
    return {identifier for identifier, number in found if numbers[identifier] != number}


async def append(
    connection: AsyncConnection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows that can't be there yet."""
    if rows:
        places = ", ".join("?" * len(columns))
        await connection.exec_driver_sql(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", list(rows))


async def insert_missing(
    connection: AsyncConnection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows unless one with the same unique values is there."""
    if rows:
        places = ", ".join("?" * len(columns))
        statement = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({places})"
        await connection.exec_driver_sql(statement, list(rows))


async def insert_values(connection: AsyncConnection, pairs: Sequence[tuple[int, str]]) -> list[int]:
    """Insert (counter, value) where it is new; return the counters of the new ones, as often as there are any."""
    if not pairs:
        return []
    statement = (
        "INSERT INTO usage_value (usage_counter_id, value) SELECT value ->> 0, value ->> 1 FROM json_each(?) "
        "WHERE true ON CONFLICT DO NOTHING RETURNING usage_counter_id"
    )
    rows = await connection.exec_driver_sql(statement, (_json.encode(pairs).decode(),))
    return [row[0] for row in rows]


async def select_in(
    connection: AsyncConnection, table: str, columns: Sequence[str], column: str, values: Collection[Any]
) -> Sequence[Any]:
    """Return rows by the values of a column."""
    statement = f"SELECT {', '.join(columns)} FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))"
    return (await connection.exec_driver_sql(statement, (_json.encode(list(values)).decode(),))).all()


async def lock_in(
    connection: AsyncConnection, table: str, columns: Sequence[str], column: str, values: Collection[Any]
) -> Sequence[Any]:
    """Return rows by the values of a column, locked: they are, as a transaction that writes has the whole database."""
    return await select_in(connection, table, columns, column, values)


async def update_by_id(
    connection: AsyncConnection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Set columns of rows by their id, which comes first in each tuple."""
    if rows:
        places = ", ".join(f"{column} = ?" for column in columns)
        statement = f"UPDATE {table} SET {places} WHERE id = ?"
        await connection.exec_driver_sql(statement, [(*row[1:], row[0]) for row in rows])


async def update_events(connection: AsyncConnection, rows: Sequence[tuple[int, str | None, str | None]]) -> None:
    """Set the customer and the reason of events by their number, which comes first in each tuple."""
    statement = "UPDATE meter_event SET customer_id = ?, reason = ? WHERE number = ?"
    if rows:
        await connection.exec_driver_sql(statement, [(customer, reason, number) for number, customer, reason in rows])


async def wait_for_counting(_connection: AsyncConnection) -> None:
    """Do nothing: nobody else counts while this transaction writes."""


async def take_part_in_counting(_connection: AsyncConnection) -> None:
    """Do nothing: nobody else counts while this transaction writes."""
