"""What credit notes took, and what was decided, about invoices and their lines."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

from sqlalchemy import Row, Select, Table, select

from app import models
from app.db import Sessions
from app.loaders.owner import ANY_KEYS, Owner, owned_by, owned_rows
from app.models import table_of


async def lines_by_credit_note(sessions: Sessions, owner: Owner, note_ids: Sequence[str]) -> list[list[Row[Any]]]:
    """Return the lines of each credit note in their order."""
    return await _rows(sessions, owner, table_of(models.CreditNoteLine), ("credit_note_id", "position"), note_ids)


async def decisions_by_invoice(sessions: Sessions, owner: Owner, invoice_ids: Sequence[str]) -> list[list[Row[Any]]]:
    """Return what was decided about each invoice, oldest first."""
    return await _rows(sessions, owner, table_of(models.InvoiceDecision), ("invoice_id", "id"), invoice_ids)


async def credited_by_line(sessions: Sessions, owner: Owner, line_ids: Sequence[str]) -> list[int]:
    """Return what credit notes took of the amount of each line of an invoice, in minor units."""
    table = table_of(models.CreditNoteLine)
    found = await _rows(sessions, owner, table, ("invoice_line_id", "id"), line_ids)
    return [sum(row.amount_minor for row in rows) for rows in found]


async def _rows(
    sessions: Sessions, owner: Owner, table: Table, order: tuple[str, str], parents: Sequence[str]
) -> list[list[Row[Any]]]:
    by = order[0]
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in await owned_rows(sessions, owner, partial(_statement, table, order), parents):
        found[getattr(row, by)].append(row)
    return [found[parent] for parent in parents]


@cache
def _statement(table: Table, order: tuple[str, str], owner: Owner) -> Select[Any]:
    """Return the rows of some parents, in an order that begins with the parent's column."""
    mine = select(table).where(owned_by(owner, table), table.c[order[0]].in_(ANY_KEYS))
    return mine.order_by(*(table.c[name] for name in order))
