"""Payments: money received against invoices."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog import PaymentDraft, check_payment
from app.billing.errors import ErrorCode, Problems
from app.billing.lifecycle import (
    CreditKind,
    InvoiceReason,
    InvoiceStatus,
    PaymentExcess,
    TerminationReason,
)
from app.billing.money import decimal_to_minor, minor_to_decimal
from app.ids import new_id
from app.services.credit import add_entry
from app.services.customer_time import customers_now
from app.services.late_purchases import credit_late_purchase
from app.services.lookup import must_lock, require
from app.services.principal import Principal
from app.services.settling import settle


async def record_payment(
    session: AsyncSession, principal: Principal, now: datetime, draft: PaymentDraft
) -> tuple[models.Payment, models.Invoice]:
    """Record money received, all that is due unless an amount is given. Paying Invoice 0 activates its subscription.

    Of payments that race, each sees what the ones before it left to pay. What comes for an Invoice 0 that was waited
    for in vain becomes the customer's credit.
    """
    environment_id, problems = principal.environment_id, Problems()
    peek = await require(session, problems, "invoiceId", models.Invoice, environment_id, draft.invoice)
    check_payment(draft, problems)
    problems.raise_if_any()
    assert peek is not None
    customer = await session.get_one(models.Customer, (environment_id, peek.customer_id))
    now = await customers_now(session, customer, now)
    subscription = await must_lock(session, models.Subscription, environment_id, peek.subscription_id)
    invoice = await must_lock(session, models.Invoice, environment_id, peek.id)
    has_expired = _has_expired(invoice, subscription)
    amount_minor = _payable_minor(problems, invoice, draft, has_expired=has_expired)
    problems.raise_if_any()
    payment = models.Payment(
        environment_id=environment_id,
        id=new_id("pay"),
        created_at=now,
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        amount_minor=amount_minor,
        currency=invoice.currency,
        method=draft.method,
        reference=draft.reference,
    )
    session.add(payment)
    excess_minor = max(amount_minor - invoice.due_minor, 0)
    if excess_minor:
        await add_entry(session, invoice, now, CreditKind.OVERPAID, excess_minor)
    if not has_expired:
        invoice.paid_minor += amount_minor - excess_minor
        await settle(session, subscription, invoice, now)
        await credit_late_purchase(session, invoice, now)
    await session.flush()
    return payment, invoice


def _has_expired(invoice: models.Invoice, subscription: models.Subscription) -> bool:
    expired = subscription.termination_reason is TerminationReason.INITIAL_PAYMENT_EXPIRED
    first = invoice.reason is InvoiceReason.SUBSCRIPTION_START
    return expired and first and invoice.status is InvoiceStatus.VOID


def _payable_minor(problems: Problems, invoice: models.Invoice, draft: PaymentDraft, *, has_expired: bool) -> int:
    if invoice.status is not InvoiceStatus.ISSUED and not has_expired:
        message = f"the invoice is {invoice.status}; only an ISSUED one takes payments"
        if invoice.status is InvoiceStatus.UNCOLLECTIBLE:
            message += ", which invoiceMarkCollectible makes it again"
        problems.add(ErrorCode.INVOICE_NOT_PAYABLE, "invoiceId", message)
        return 0
    if draft.amount is None:
        return invoice.unpaid_minor
    try:
        amount_minor = decimal_to_minor(draft.amount, invoice.currency)
    except ValueError as error:
        problems.add(ErrorCode.INVALID, "amount", str(error))
        return 0
    takes_more = has_expired or draft.excess is PaymentExcess.CREDIT
    if amount_minor > invoice.due_minor and not takes_more:
        due = minor_to_decimal(invoice.due_minor, invoice.currency)
        message = f"the invoice has only {due} {invoice.currency} left to pay; excess: CREDIT takes more"
        problems.add(ErrorCode.PAYMENT_EXCEEDS_DUE, "amount", message)
    return amount_minor
