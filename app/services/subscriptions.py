"""Subscriptions: how they begin. How they go on is in renewals."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.anchors import anchor_from_json, anchor_instant
from app.billing.catalog import SubscriptionDraft, check_subscription
from app.billing.catalog.customers import FeeQuantity, PlannedPrice, choose_quantities
from app.billing.catalog.discounts import DiscountDraft, check_discount
from app.billing.errors import ErrorCode, Problems
from app.billing.lifecycle import InvoiceReason, InvoiceStatus, SubscriptionStatus, VersionPolicy, move_subscription
from app.due import Due, DueKind, schedule
from app.ids import new_id
from app.metering.jobs import schedule_job
from app.models import UsageJobKind, table_of
from app.services.agreements import Agreement, agreements_of
from app.services.charges import charges_at_start, intervals_of, next_boundary
from app.services.customer_time import customers_now
from app.services.discounts import add_discount, check_discount_currency, check_span, discount_minor
from app.services.invoices import Issuing, Opening, cause_at, issue_invoices, open_invoices, owner_of
from app.services.lookup import find, must_lock, require
from app.services.phases import calendar_of
from app.services.plans import default_version
from app.services.principal import Principal
from app.services.rating import rate


async def create_subscription(
    session: AsyncSession, principal: Principal, now: datetime, draft: SubscriptionDraft
) -> tuple[models.Subscription, models.Invoice | None]:
    """Subscribe a customer; return the subscription and Invoice 0 where something is due upfront.

    It starts now (in the customer's time). With something to pay it waits for that payment, else it is active at once.
    """
    environment_id, problems = principal.environment_id, Problems()
    customer = await require(session, problems, "customerId", models.Customer, environment_id, draft.customer)
    check_subscription(draft, problems)
    plan, version = await _chosen(session, problems, environment_id, draft)
    if customer is not None:
        now = await customers_now(session, customer, now)
        # Whoever subscribes this customer at the same time waits here, and then sees this subscription.
        await must_lock(session, models.Customer, environment_id, customer.id)
    if draft.ending_at is not None and draft.ending_at <= now:
        problems.add(ErrorCode.OUT_OF_RANGE, "endingAt", "Must lie after the start.")
    quantities = await chosen_quantities(session, problems, draft.quantities, version)
    discounts = chosen_discounts(problems, draft.discounts, None if plan is None else plan.currency, now)
    if customer is not None and plan is not None and not draft.allow_concurrent:
        await _refuse_second(session, problems, customer, plan)
    problems.raise_if_any()
    assert customer is not None
    assert plan is not None
    assert version is not None
    merchant, _ = await owner_of(session, environment_id)
    anchor = anchor_from_json(plan.billing_anchor)
    subscription = models.Subscription(
        environment_id=environment_id,
        id=new_id("sub"),
        created_at=now,
        customer_id=customer.id,
        plan_id=plan.id,
        plan_version_id=version.id,
        product_id=plan.product_id,
        status=SubscriptionStatus.PENDING_PAYMENT,
        allow_concurrent=draft.allow_concurrent,
        started_at=now,
        anchor_at=anchor_instant(anchor, plan.billing_interval, now, merchant.timezone),
        timezone=merchant.timezone,
        billing_interval=plan.billing_interval,
        currency=plan.currency,
        payment_term_days=draft.payment_term_days,
        tax_behavior=plan.tax_behavior,
        phase_started_at=now,
        ending_at=draft.ending_at,
        version_policy=draft.version_policy,
        period_number=0,
    )
    session.add(subscription)
    await session.flush()
    await schedule_job(session, subscription.environment_id, UsageJobKind.SUBSCRIPTION, subscription.id, now)
    await _take_quantities(session, subscription, quantities, now)
    for discount, amount_minor in zip(draft.discounts, discounts, strict=True):
        await add_discount(session, customer, subscription, discount, (amount_minor, plan.currency), now)
    return subscription, await _bill_start(session, subscription, customer, now)


def open_windows(
    session: AsyncSession,
    subscription: models.Subscription,
    agreements: Sequence[Agreement],
    begin: datetime,
    now: datetime,
) -> None:
    """Begin the windows that begin at an instant, of every cadence: their rows are what closing will lock and mark.

    The subscription moves on to the boundary that comes next.
    """
    calendar = calendar_of(subscription)
    held = [term for agreement in agreements if agreement.calendar.covers(begin) for term in agreement.terms]
    for interval in sorted(intervals_of(held) | {subscription.billing_interval}):
        window = calendar.window(interval, begin).part
        if window.start != begin:
            continue
        number = calendar.number(interval, begin)
        session.add(
            models.SubscriptionPeriod(
                environment_id=subscription.environment_id,
                id=new_id("per"),
                created_at=now,
                subscription_id=subscription.id,
                cadence=interval,
                calendar_number=subscription.calendar_number,
                number=number,
                start_at=window.start,
                end_at=window.end,
            )
        )
        if interval is subscription.billing_interval:
            subscription.period_number = number
    subscription.next_boundary_at = next_boundary(subscription, agreements, begin)


async def activate(
    session: AsyncSession, subscription: models.Subscription, customer: models.Customer, now: datetime
) -> None:
    """Make a pending subscription active. A boundary passed meanwhile falls due at once."""
    subscription.status = move_subscription(subscription.status, SubscriptionStatus.ACTIVE)
    subscription.activated_at = now
    await schedule(session, subscription.environment_id, [boundary_of(subscription, customer)], now)
    await session.flush()


def boundary_of(subscription: models.Subscription, customer: models.Customer) -> Due:
    """Return that the next boundary falls due."""
    end = subscription.next_boundary_at
    assert end is not None, "a subscription that goes on has a boundary"
    return Due(DueKind.SUBSCRIPTION_BOUNDARY, subscription.id, end, customer.test_clock_id)


async def _bill_start(
    session: AsyncSession, subscription: models.Subscription, customer: models.Customer, now: datetime
) -> models.Invoice | None:
    agreements = await agreements_of(session, subscription)
    open_windows(session, subscription, agreements, now, now)
    await session.flush()
    charges = charges_at_start(subscription, agreements, now)
    if not charges:
        await activate(session, subscription, customer, now)
        return None
    environment_id = subscription.environment_id
    lines = await rate(session, environment_id, charges)
    opening = Opening(subscription, customer, InvoiceReason.SUBSCRIPTION_START, cause_at(subscription, now), lines)
    [invoice] = await open_invoices(session, environment_id, [opening], now)
    await issue_invoices(session, environment_id, [Issuing(invoice, customer, due_at=now)], now)
    if invoice.status is InvoiceStatus.PAID:
        await activate(session, subscription, customer, now)
        return invoice
    merchant, _ = await owner_of(session, environment_id)
    expires_at = now + timedelta(days=merchant.initial_payment_days)
    expiry = Due(DueKind.SUBSCRIPTION_EXPIRY, subscription.id, expires_at, customer.test_clock_id)
    await schedule(session, environment_id, [expiry], now)
    return invoice


async def chosen_quantities(
    session: AsyncSession, problems: Problems, wanted: Sequence[FeeQuantity], version: models.PlanVersion | None
) -> dict[str, Decimal]:
    """Return the quantities by the ids of their prices, which must be fees of the plan version."""
    if version is None or not wanted:
        return {}
    prices, links = table_of(models.Price).c, table_of(models.PlanVersionPrice).c
    contained = (links.environment_id == prices.environment_id) & (links.price_id == prices.id)
    statement = select(prices.id, prices.key, prices.fee_id).join(models.PlanVersionPrice, contained)
    mine = (links.environment_id == version.environment_id, links.plan_version_id == version.id)
    rows = await session.execute(statement.where(*mine))
    named = {
        name: PlannedPrice(row.id, is_fee=row.fee_id is not None)
        for row in rows
        for name in (row.id, row.key)
        if name is not None
    }
    return choose_quantities(wanted, named, problems)


def chosen_discounts(
    problems: Problems, wanted: Sequence[DiscountDraft], currency: str | None, now: datetime
) -> list[int | None]:
    """Return what each discount takes off in minor units; None for a percentage."""
    chosen = []
    for place, discount in enumerate(wanted):
        found = Problems()
        check_discount(discount, found)
        amount_minor = None
        if currency is not None:
            check_discount_currency(discount, currency, found)
            amount_minor = discount_minor(discount, currency, found)
        check_span(discount, now, found)
        found.pass_on(problems, f"discounts.{place}")
        chosen.append(amount_minor)
    return chosen


async def _take_quantities(
    session: AsyncSession, subscription: models.Subscription, quantities: Mapping[str, Decimal], now: datetime
) -> None:
    owner: dict[str, Any] = {
        "environment_id": subscription.environment_id,
        "subscription_id": subscription.id,
        "created_at": now,
    }
    session.add_all(
        models.SubscriptionQuantity(**owner, id=new_id("sq"), price_id=price_id, quantity=quantity)
        for price_id, quantity in quantities.items()
    )
    await session.flush()


async def _chosen(
    session: AsyncSession, problems: Problems, environment_id: str, draft: SubscriptionDraft
) -> tuple[models.Plan | None, models.PlanVersion | None]:
    if draft.plan is not None:
        plan = await require(session, problems, "planId", models.Plan, environment_id, draft.plan)
        await refuse_archived(session, problems, "planId", plan)
        return plan, None if plan is None else await default_version(session, plan)
    if draft.plan_version is None:
        return None, None
    version = await require(session, problems, "planVersionId", models.PlanVersion, environment_id, draft.plan_version)
    plan = None if version is None else await find(session, models.Plan, environment_id, version.plan_id)
    await refuse_archived(session, problems, "planVersionId", plan)
    if version is not None and version.published_at is None:
        message = "the version is a draft: planVersionPublish first, then customers can subscribe to it"
        problems.add(ErrorCode.PLAN_VERSION_NOT_PUBLISHED, "planVersionId", message)
    elif plan is not None and version is not None and draft.version_policy is VersionPolicy.FLOATING:
        _refuse_contradiction(problems, plan, version)
    return plan, version


def _refuse_contradiction(problems: Problems, plan: models.Plan, version: models.PlanVersion) -> None:
    if version.number != plan.default_number:
        message = "FLOATING follows the plan's default version, and this is another: give planId, or PINNED"
        problems.add(ErrorCode.INVALID, "versionPolicy", message)


async def refuse_archived(session: AsyncSession, problems: Problems, field: str, plan: models.Plan | None) -> None:
    """Note if a plan, or its product, takes nobody new."""
    if plan is None:
        return
    product = await find(session, models.Product, plan.environment_id, plan.product_id)
    if plan.archived_at is not None or (product is not None and product.archived_at is not None):
        problems.add(ErrorCode.ARCHIVED, field, "the plan or its product is archived, so nobody new can subscribe")


async def _refuse_second(
    session: AsyncSession, problems: Problems, customer: models.Customer, plan: models.Plan
) -> None:
    columns = table_of(models.Subscription).c
    live = select(columns.id).where(
        columns.environment_id == customer.environment_id,
        columns.customer_id == customer.id,
        columns.product_id == plan.product_id,
        columns.status != SubscriptionStatus.TERMINATED,
    )
    first = await session.scalar(live.order_by(columns.id).limit(1))
    if first is not None:
        message = f"the customer has the live subscription {first} to this product; allowConcurrent permits another"
        problems.add(ErrorCode.SUBSCRIPTION_EXISTS, "planId", message)
