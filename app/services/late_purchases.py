"""Units that were paid for too late to be given: the money becomes the customer's credit."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.lifecycle import InvoiceReason, InvoiceStatus
from app.models import table_of
from app.services.crediting import creditable_lines, write_credit_note

TOO_LATE = "Paid when the units could no longer be given: they had expired, or what they belong to had ended"


async def credit_late_purchase(session: AsyncSession, invoice: models.Invoice, now: datetime) -> None:
    """Credit what is left of a paid invoice whose units were not given, as they could not be. Once.

    The subscription and the invoice are locked.
    """
    if invoice.reason is not InvoiceReason.GRANT_PURCHASE or invoice.status is not InvoiceStatus.PAID:
        return
    grants = table_of(models.Grant).c
    mine = (grants.environment_id == invoice.environment_id, grants.invoice_id == invoice.id)
    waiting = await session.scalar(select(grants.id).where(*mine, grants.effective_at.is_(None)))
    if waiting is None:
        return
    lines = await creditable_lines(session, invoice)
    credits = {identifier: line.left_minor for identifier, line in lines.items() if line.left_minor}
    if credits:
        await write_credit_note(session, invoice, credits, TOO_LATE, now, cause=waiting)
