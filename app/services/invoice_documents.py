"""All that the page of an invoice shows, read together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.models import EnvironmentKind, table_of
from app.services.invoice_links import linked_invoice


@dataclass(frozen=True)
class InvoiceDocument:
    """The rows of an invoice and of its lines in their order, and the zone of its subscription's calendar."""

    invoice: Row[Any]
    lines: Sequence[Row[Any]]
    timezone: str


async def find_document(
    session: AsyncSession, kind: EnvironmentKind, token: str, now: datetime
) -> InvoiceDocument | None:
    """Return what the token of a link leads to; None where the link is not good now. Three statements."""
    linked = await linked_invoice(session, kind, token, now)
    if linked is None:
        return None
    environment_id, invoice_id = linked
    invoices, subscriptions = table_of(models.Invoice), table_of(models.Subscription).c
    of_it = (subscriptions.environment_id == invoices.c.environment_id) & (
        subscriptions.id == invoices.c.subscription_id
    )
    found = (
        await session.execute(
            select(invoices, subscriptions.timezone)
            .join(models.Subscription, of_it)
            .where(invoices.c.environment_id == environment_id, invoices.c.id == invoice_id)
        )
    ).one()
    lines = table_of(models.InvoiceLine)
    mine = (lines.c.environment_id == environment_id, lines.c.invoice_id == invoice_id)
    ordered = (await session.execute(select(lines).where(*mine).order_by(lines.c.position))).all()
    return InvoiceDocument(found, ordered, found.timezone)
