"""The lines of invoices."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, select

from app import models
from app.db import Sessions
from app.loaders.owner import ANY_KEYS, Owner, owned_by, owned_rows
from app.models import table_of


async def lines_by_invoice(sessions: Sessions, owner: Owner, invoice_ids: Sequence[str]) -> list[list[Row[Any]]]:
    """Return the lines of each invoice in their order."""
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in await owned_rows(sessions, owner, _statement, invoice_ids):
        found[row.invoice_id].append(row)
    return [found[invoice_id] for invoice_id in invoice_ids]


@cache
def _statement(owner: Owner) -> Select[Any]:
    lines = table_of(models.InvoiceLine)
    mine = select(lines).where(owned_by(owner, lines), lines.c.invoice_id.in_(ANY_KEYS))
    return mine.order_by(lines.c.invoice_id, lines.c.position)
