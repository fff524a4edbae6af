"""The lines of invoices."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from app import models
from app.db import Sessions
from app.loaders.owner import Owner, owned_by
from app.models import table_of


async def lines_by_invoice(sessions: Sessions, owner: Owner, invoice_ids: Sequence[str]) -> list[list[Row[Any]]]:
    """Return the lines of each invoice in their order."""
    lines = table_of(models.InvoiceLine)
    statement = select(lines).where(owned_by(owner, lines), lines.c.invoice_id.in_(invoice_ids))
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    async with sessions.read() as session:
        for row in await session.execute(statement.order_by(lines.c.position)):
            found[row.invoice_id].append(row)
    return [found[invoice_id] for invoice_id in invoice_ids]
