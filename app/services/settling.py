"""What follows when less is left to pay of an invoice, be it by a payment or by a credit note."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.lifecycle import InvoiceReason, InvoiceStatus, SubscriptionStatus
from app.services.invoices import mark_paid_if_settled
from app.services.purchases import give_purchases
from app.services.starts import activate
from app.services.unpaid import forgive_if_settled


async def settle(
    session: AsyncSession, subscription: models.Subscription, invoice: models.Invoice, now: datetime
) -> None:
    """Let an invoice that had something due be paid once it has not: then its subscription goes on. Both are locked."""
    mark_paid_if_settled(invoice, now)
    await session.flush()
    if invoice.status is not InvoiceStatus.PAID:
        return
    if gates(invoice, subscription):
        customer = await session.get_one(models.Customer, (invoice.environment_id, invoice.customer_id))
        await activate(session, subscription, customer, now)
    await give_purchases(session, invoice, now)
    await forgive_if_settled(session, subscription, now)


def gates(invoice: models.Invoice, subscription: models.Subscription) -> bool:
    """Tell whether an invoice is the one that a pending subscription waits for."""
    first = invoice.reason is InvoiceReason.SUBSCRIPTION_START
    return first and subscription.status is SubscriptionStatus.PENDING_PAYMENT
