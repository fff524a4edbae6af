"""Discounts: given to a customer or to one of its subscriptions, and ended."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.customers import MAX_DISCOUNTS
from app.billing.catalog.discounts import DiscountDraft, check_discount
from app.billing.errors import ErrorCode, Problems
from app.billing.money import decimal_to_minor
from app.ids import new_id
from app.models import table_of
from app.services.customer_time import customers_now
from app.services.lookup import must_lock, require, to_change
from app.services.merchants import get_merchant
from app.services.principal import Principal


async def discount_customer(
    session: AsyncSession, principal: Principal, now: datetime, customer_id: str, draft: DiscountDraft
) -> models.Discount:
    """Take a discount off what a customer pays, whatever it subscribes to. Issued invoices never change."""
    environment_id, problems = principal.environment_id, Problems()
    field = "target.customerId"
    customer = await require(session, problems, field, models.Customer, environment_id, customer_id)
    currency = draft.currency or (await get_merchant(session, principal.merchant_id)).default_currency
    check_discount(draft, problems)
    amount_minor = discount_minor(draft, currency, problems)
    if customer is not None:
        now = await customers_now(session, customer, now)
        check_span(draft, now, problems)
        await _refuse_too_many(session, customer, None, now, problems)
    problems.raise_if_any()
    assert customer is not None
    return await add_discount(session, customer, None, draft, (amount_minor, currency), now)


async def discount_subscription(
    session: AsyncSession, principal: Principal, now: datetime, subscription_id: str, draft: DiscountDraft
) -> models.Discount:
    """Take a discount off what one subscription bills. Issued invoices never change."""
    environment_id, problems = principal.environment_id, Problems()
    field = "target.subscriptionId"
    subscription = await require(session, problems, field, models.Subscription, environment_id, subscription_id)
    check_discount(draft, problems)
    customer, amount_minor, currency = None, None, ""
    if subscription is not None:
        customer = await session.get_one(models.Customer, (environment_id, subscription.customer_id))
        now = await customers_now(session, customer, now)
        currency = subscription.currency
        check_discount_currency(draft, currency, problems)
        amount_minor = discount_minor(draft, currency, problems)
        check_span(draft, now, problems)
        await _refuse_too_many(session, customer, subscription.id, now, problems)
    problems.raise_if_any()
    assert customer is not None
    return await add_discount(session, customer, subscription, draft, (amount_minor, currency), now)


async def end_discount(
    session: AsyncSession, principal: Principal, now: datetime, discount_id: str, ends_at: datetime | None
) -> models.Discount:
    """Let a discount end, at an instant or now: it no longer takes from periods that begin then or later."""
    problems = Problems()
    discount = await to_change(session, models.Discount, principal.environment_id, discount_id)
    customer = await session.get_one(models.Customer, (discount.environment_id, discount.customer_id))
    ends_at = ends_at or await customers_now(session, customer, now)
    if ends_at < discount.starts_at:
        problems.add(ErrorCode.OUT_OF_RANGE, "endsAt", "the discount can't end before it starts")
    elif discount.ends_at is not None and ends_at > discount.ends_at:
        problems.add(ErrorCode.OUT_OF_RANGE, "endsAt", "the discount ends before that already; make another one")
    problems.raise_if_any()
    discount.ends_at = ends_at
    await session.flush()
    return discount


def check_discount_currency(draft: DiscountDraft, currency: str, problems: Problems) -> None:
    """Note if an amount is in another currency than the subscription it is taken off."""
    if draft.currency is not None and draft.currency != currency:
        message = f"the amount is in {draft.currency}, the subscription in {currency}"
        problems.add(ErrorCode.CURRENCY_MISMATCH, "currency", message)


def discount_minor(draft: DiscountDraft, currency: str, problems: Problems) -> int | None:
    """Return an amount in minor units of a currency, noting if it is no whole number of them; None for a percentage."""
    if draft.amount is None or problems.errors:
        return None
    try:
        return decimal_to_minor(draft.amount, currency)
    except ValueError as error:
        problems.add(ErrorCode.INVALID, "amount", str(error))
        return None


def check_span(draft: DiscountDraft, start: datetime, problems: Problems) -> None:
    """Note if a discount that does not say when it starts, and so does at `start`, would end before that."""
    if draft.starts_at is None and draft.ends_at is not None and draft.ends_at <= start:
        message = f"must be after {start.isoformat()}, when it starts"
        problems.add(ErrorCode.OUT_OF_RANGE, "endsAt", message)


async def _refuse_too_many(
    session: AsyncSession, customer: models.Customer, subscription_id: str | None, now: datetime, problems: Problems
) -> None:
    """Note if there are as many discounts as there may be: every line of an invoice keeps its share of each.

    The customer's row is locked, so that two callers never both give the last one.
    """
    await must_lock(session, models.Customer, customer.environment_id, customer.id)
    columns = table_of(models.Discount).c
    given = select(func.count()).where(
        columns.environment_id == customer.environment_id,
        columns.customer_id == customer.id,
        columns.subscription_id.is_not_distinct_from(subscription_id),
        columns.ends_at.is_(None) | (columns.ends_at > now),
    )
    if (await session.execute(given)).scalar_one() >= MAX_DISCOUNTS:
        message = f"there are {MAX_DISCOUNTS} discounts that have not ended; end one before giving another"
        problems.add(ErrorCode.OUT_OF_RANGE, "target", message)


async def add_discount(
    session: AsyncSession,
    customer: models.Customer,
    subscription: models.Subscription | None,
    draft: DiscountDraft,
    amount: tuple[int | None, str],
    now: datetime,
) -> models.Discount:
    """Write a discount that was checked; `amount` is in minor units of a currency, None for a percentage."""
    amount_minor, currency = amount
    discount = models.Discount(
        environment_id=customer.environment_id,
        id=new_id("disc"),
        created_at=now,
        customer_id=customer.id,
        subscription_id=None if subscription is None else subscription.id,
        name=draft.name,
        percentage=draft.percentage,
        amount_minor=amount_minor,
        currency=None if amount_minor is None else currency,
        starts_at=draft.starts_at or now,
        ends_at=draft.ends_at,
    )
    session.add(discount)
    await session.flush()
    return discount
