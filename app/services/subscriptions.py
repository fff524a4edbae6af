"""Subscriptions: how they are made. How they begin to be billed is in starts, how they go on in renewals."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from dateutil.relativedelta import relativedelta
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.anchors import anchor_from_json, anchor_instant
from app.billing.calendars import Calendar
from app.billing.catalog import SubscriptionDraft, check_subscription
from app.billing.catalog.customers import FeeQuantity, PlannedPrice, choose_quantities
from app.billing.catalog.discounts import DiscountDraft, check_discount
from app.billing.errors import ErrorCode, Problems
from app.billing.lifecycle import NOT_BILLED_YET, SubscriptionStatus, VersionPolicy
from app.billing.periods import days_later
from app.ids import new_id
from app.metering.jobs import schedule_job
from app.models import UsageJobKind, table_of
from app.services.customer_time import customers_now
from app.services.discounts import add_discount, check_discount_currency, check_span, discount_minor
from app.services.erased import refuse_erased
from app.services.invoices import owner_of
from app.services.lookup import find, must_lock, require
from app.services.plans import default_version
from app.services.principal import Principal
from app.services.provisioning import provision
from app.services.starts import await_start, begin_billing

#: How far back, and how far ahead, a subscription may start.
LONGEST_AGO: Final = relativedelta(months=12)
FURTHEST_AHEAD: Final = relativedelta(years=2)


async def create_subscription(
    session: AsyncSession, principal: Principal, now: datetime, draft: SubscriptionDraft
) -> tuple[models.Subscription, models.Invoice | None]:
    """Subscribe a customer; return the subscription and Invoice 0 where something is due upfront.

    It starts now (in the customer's time), unless the draft says otherwise. With something to pay it waits for that
    payment, else it is active at once.
    """
    environment_id, problems = principal.environment_id, Problems()
    customer = await require(session, problems, "customerId", models.Customer, environment_id, draft.customer)
    check_subscription(draft, problems)
    plan, version = await _chosen(session, problems, environment_id, draft)
    if customer is not None:
        now = await customers_now(session, customer, now)
        # Whoever subscribes this customer at the same time waits here, and then sees this subscription.
        await must_lock(session, models.Customer, environment_id, customer.id)
        refuse_erased(problems, "customerId", customer)
    _check_span(draft, problems, now)
    quantities = await chosen_quantities(session, problems, draft.quantities, version)
    currency = None if plan is None else plan.currency
    discounts = chosen_discounts(problems, draft.discounts, currency, draft.started_at or now)
    if customer is not None and plan is not None and not draft.allow_concurrent:
        await _refuse_second(session, problems, customer, plan)
    problems.raise_if_any()
    assert customer is not None
    assert plan is not None
    assert version is not None
    merchant, _ = await owner_of(session, environment_id)
    begins = _begins(draft, plan, merchant.timezone, now)
    subscription = _made(draft, customer, plan, version, begins, merchant.timezone, now)
    session.add(subscription)
    await session.flush()
    await schedule_job(session, subscription.environment_id, UsageJobKind.SUBSCRIPTION, subscription.id, now)
    await _take_quantities(session, subscription, quantities, now)
    for discount, amount_minor in zip(draft.discounts, discounts, strict=True):
        given = replace(discount, starts_at=discount.starts_at or begins.started_at)
        await add_discount(session, customer, subscription, given, (amount_minor, plan.currency), now)
    if subscription.status in NOT_BILLED_YET:
        if subscription.status is SubscriptionStatus.TRIALING:
            await provision(session, subscription, subscription.started_at, now)
        await await_start(session, subscription, customer, now, now)
        return subscription, None
    return subscription, await begin_billing(session, subscription, customer, now)


def _made(
    draft: SubscriptionDraft,
    customer: models.Customer,
    plan: models.Plan,
    version: models.PlanVersion,
    begins: "_Begins",
    timezone: str,
    now: datetime,
) -> models.Subscription:
    return models.Subscription(
        environment_id=customer.environment_id,
        id=new_id("sub"),
        created_at=now,
        customer_id=customer.id,
        plan_id=plan.id,
        plan_version_id=version.id,
        product_id=plan.product_id,
        status=_status(begins, now),
        allow_concurrent=draft.allow_concurrent,
        started_at=begins.started_at,
        trial_ends_at=begins.trial_ends_at,
        anchor_at=begins.anchor_at,
        timezone=timezone,
        billing_interval=plan.billing_interval,
        currency=plan.currency,
        payment_term_days=draft.payment_term_days,
        tax_behavior=plan.tax_behavior,
        phase_started_at=begins.billed_from,
        ending_at=draft.ending_at,
        version_policy=draft.version_policy,
        period_number=0,
    )


class _Begins(NamedTuple):
    """When a subscription starts, when its trial ends, from when it is billed, and from where periods are counted."""

    started_at: datetime
    trial_ends_at: datetime | None
    billed_from: datetime
    anchor_at: datetime


def _begins(draft: SubscriptionDraft, plan: models.Plan, timezone: str, now: datetime) -> _Begins:
    started_at = draft.started_at or now
    trial_ends_at = None if draft.trial_days is None else days_later(started_at, draft.trial_days, timezone)
    billed_from = trial_ends_at or started_at
    anchor = anchor_from_json(plan.billing_anchor)
    anchor_at = anchor_instant(anchor, plan.billing_interval, billed_from, timezone)
    if billed_from < now and not draft.bill_elapsed:
        billed_from = Calendar(anchor_at, billed_from, timezone).window(plan.billing_interval, now).part.start
    return _Begins(started_at, trial_ends_at, billed_from, anchor_at)


def _status(begins: _Begins, now: datetime) -> SubscriptionStatus:
    if begins.started_at > now:
        return SubscriptionStatus.SCHEDULED
    return SubscriptionStatus.TRIALING if begins.billed_from > now else SubscriptionStatus.PENDING_PAYMENT


def _check_span(draft: SubscriptionDraft, problems: Problems, now: datetime) -> None:
    """Note if a subscription would start too early or too late, or end before it is there."""
    started_at = draft.started_at or now
    if started_at < now - LONGEST_AGO:
        problems.add(ErrorCode.OUT_OF_RANGE, "startedAt", "Must lie at most 12 months back.")
    elif started_at > now + FURTHEST_AHEAD:
        problems.add(ErrorCode.OUT_OF_RANGE, "startedAt", "Must lie at most 2 years ahead.")
    if not draft.bill_elapsed and started_at >= now:
        problems.add(ErrorCode.INVALID, "billElapsed", "Only what started before can have periods that are over.")
    if draft.ending_at is not None and draft.ending_at <= max(started_at, now):
        problems.add(ErrorCode.OUT_OF_RANGE, "endingAt", "Must lie after the start, and after now.")


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
    problems: Problems, wanted: Sequence[DiscountDraft], currency: str | None, start: datetime
) -> list[int | None]:
    """Return what each discount takes off in minor units; None for a percentage.

    `start` is from when one takes that does not say so itself.
    """
    chosen = []
    for place, discount in enumerate(wanted):
        found = Problems()
        check_discount(discount, found)
        amount_minor = None
        if currency is not None:
            check_discount_currency(discount, currency, found)
            amount_minor = discount_minor(discount, currency, found)
        check_span(discount, start, found)
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
