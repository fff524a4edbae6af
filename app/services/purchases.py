"""Units that are bought: on an invoice that is issued at once, given when that is paid."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.features import PurchaseDraft, check_purchase
from app.billing.decimals import plain
from app.billing.entitlements import FeatureKind
from app.billing.errors import ErrorCode, Problems
from app.billing.lifecycle import InvoiceReason, InvoiceStatus, PaymentTerm
from app.billing.price_models import StandardPrice
from app.billing.pricing import RULES_VERSION, LineInputs, price_line
from app.ids import new_id
from app.models import table_of
from app.services.adjusting import adjusting_of
from app.services.customer_time import customers_now
from app.services.invoices import Issuing, Opening, issue_invoices, open_invoices, total_up
from app.services.lookup import must_lock, require
from app.services.principal import Principal
from app.services.renewals import RENEWING


async def purchase_grant(
    session: AsyncSession, principal: Principal, now: datetime, draft: PurchaseDraft
) -> tuple[models.Grant, models.Invoice]:
    """Sell units under an entitlement that a running subscription gives; return the grant and the invoice, due now.

    The units are there once it is paid, at once where there is nothing to pay. If it is voided they never are. What is
    paid too late becomes credit.
    """
    problems, environment_id = Problems(), principal.environment_id
    field = "entitlementId"
    entitlement = await require(session, problems, field, models.Entitlement, environment_id, draft.entitlement)
    check_purchase(draft, problems)
    subscription = None
    if entitlement is not None:
        customer = await session.get_one(models.Customer, (environment_id, entitlement.customer_id))
        now = await customers_now(session, customer, now)
        subscription = await _seller(session, problems, entitlement, now)
    if draft.expires_at is not None and draft.expires_at <= now:
        problems.add(ErrorCode.OUT_OF_RANGE, "expiresAt", "Must lie after now.")
    problems.raise_if_any()
    assert entitlement is not None
    assert subscription is not None
    grant = models.Grant(
        environment_id=environment_id,
        id=new_id("grt"),
        created_at=now,
        entitlement_id=entitlement.id,
        amount=draft.amount,
        priority=draft.priority,
        expires_at=draft.expires_at,
        details=draft.metadata,
    )
    invoice = await _sold(session, subscription, grant, draft, now)
    grant.invoice_id = invoice.id
    session.add(grant)
    await session.flush()
    await give_purchases(session, invoice, now)
    return grant, invoice


async def give_purchases(session: AsyncSession, invoice: models.Invoice, now: datetime) -> None:
    """Let the units be there that were bought on a locked invoice, if it is paid. Once, however it came to be.

    What has expired, or was bought under an entitlement that has ended, is not given any more; neither is what nothing
    was paid for, as all of it was credited.
    """
    if invoice.reason is not InvoiceReason.GRANT_PURCHASE or invoice.status is not InvoiceStatus.PAID:
        return
    if 0 < invoice.total_minor <= invoice.credited_minor:
        return
    columns, entitlements = table_of(models.Grant).c, table_of(models.Entitlement).c
    mine = (columns.environment_id == invoice.environment_id, columns.invoice_id == invoice.id)
    under = (entitlements.environment_id == columns.environment_id) & (entitlements.id == columns.entitlement_id)
    in_time = (
        or_(columns.expires_at.is_(None), columns.expires_at > now),
        or_(entitlements.ended_at.is_(None), entitlements.ended_at > now),
    )
    waiting = select(models.Grant).join(models.Entitlement, under).where(*mine, columns.effective_at.is_(None))
    for grant in await session.scalars(waiting.where(*in_time)):
        grant.effective_at = now
    await session.flush()


async def _seller(
    session: AsyncSession, problems: Problems, entitlement: models.Entitlement, now: datetime
) -> models.Subscription | None:
    """Return the subscription, locked, whose invoice it will be; noting why there is none."""
    if FeatureKind(entitlement.terms["kind"]) is not FeatureKind.METERED:
        problems.add(ErrorCode.INVALID, "entitlementId", "only a metered entitlement has units")
    if entitlement.ended_at is not None and entitlement.ended_at <= now:
        message = f"the entitlement ended at {entitlement.ended_at.isoformat()}"
        problems.add(ErrorCode.ENTITLEMENT_ENDED, "entitlementId", message)
    if entitlement.subscription_id is None:
        message = "no subscription gives it that could bill it: grantCreate gives units without an invoice"
        problems.add(ErrorCode.INVALID, "entitlementId", message)
        return None
    subscription = await must_lock(
        session, models.Subscription, entitlement.environment_id, entitlement.subscription_id
    )
    if subscription.status not in RENEWING and not problems.errors:
        message = f"the subscription is {subscription.status}; only one that is active sells units"
        problems.add(ErrorCode.SUBSCRIPTION_NOT_ACTIVE, "entitlementId", message)
    return subscription


async def _sold(
    session: AsyncSession,
    subscription: models.Subscription,
    grant: models.Grant,
    draft: PurchaseDraft,
    now: datetime,
) -> models.Invoice:
    """Issue the invoice of a purchase. No discount takes from it, and it is taxed."""
    environment_id = subscription.environment_id
    customer = await session.get_one(models.Customer, (environment_id, subscription.customer_id))
    opening = Opening(subscription, customer, InvoiceReason.GRANT_PURCHASE, grant.id, ())
    [invoice] = await open_invoices(session, environment_id, [opening], now)
    line = await _line(session, invoice, draft, now)
    session.add(line)
    total_up(invoice, [line], await adjusting_of(session, subscription))
    await session.flush()
    await issue_invoices(session, environment_id, [Issuing(invoice, customer, now)], now)
    return invoice


async def _line(
    session: AsyncSession, invoice: models.Invoice, draft: PurchaseDraft, now: datetime
) -> models.InvoiceLine:
    inputs = LineInputs(StandardPrice(draft.price), invoice.currency, Decimal(1), None, None, 0)
    priced = price_line(inputs)
    return models.InvoiceLine(
        environment_id=invoice.environment_id,
        id=new_id("li"),
        created_at=now,
        invoice_id=invoice.id,
        position=0,
        description=draft.description or await _description(session, draft, invoice.environment_id),
        payment_term=PaymentTerm.IN_ADVANCE,
        period_start=now,
        period_end=now,
        quantity=inputs.quantity,
        currency=invoice.currency,
        amount_minor=priced.amount_minor,
        exact_amount=priced.exact_amount,
        inputs=inputs.to_json(),
        rules_version=RULES_VERSION,
    )


async def _description(session: AsyncSession, draft: PurchaseDraft, environment_id: str) -> str:
    entitlement = await session.get_one(models.Entitlement, (environment_id, draft.entitlement))
    feature = await session.get_one(models.Feature, (environment_id, entitlement.feature_id))
    return f"{plain(draft.amount)} {feature.name}"
