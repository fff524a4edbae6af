"""What a plan would cost: the invoices of one whole period of it, for usage that is given."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.calendars import Calendar
from app.billing.catalog import PlanDraft, check_plan
from app.billing.catalog.customers import FeeQuantity, PlannedPrice, choose_quantities
from app.billing.catalog.prices import check_quantity
from app.billing.errors import ErrorCode, Problems
from app.billing.invoicing import Assessment
from app.billing.periods import BillingInterval, Period
from app.billing.tax import TaxBehavior, TaxTerms
from app.services.adjusting import Adjusting, adjusting_by_subscription
from app.services.agreements import Agreement
from app.services.charges import charges_at_boundary, charges_at_start, next_boundary
from app.services.customer_time import read_customers_now
from app.services.lookup import find, ids_by_reference, require
from app.services.merchants import get_merchant
from app.services.planned_usage import PlannedUsage, Shares, measure_shares, rate_planned, share_out
from app.services.plans import default_version, fitting_prices, prices_by_reference
from app.services.principal import Principal
from app.services.rating import RatedLine
from app.services.terms import Term, terms_by_version, terms_of_prices


@dataclass(frozen=True, kw_only=True)
class PlanPreviewDraft:
    """What is to be previewed: a plan (its default version), or prices as a plan of an interval would hold them.

    References are ids or keys. `starts_at` None is now, in the customer's time.
    """

    plan: str | None = None
    prices: tuple[str, ...] | None = None
    billing_interval: BillingInterval | None = None
    tax_behavior: TaxBehavior | None = None
    usage: tuple[PlannedUsage, ...] = ()
    quantities: tuple[FeeQuantity, ...] = ()
    customer: str | None = None
    starts_at: datetime | None = None


@dataclass(frozen=True)
class PlannedInvoice:
    """An invoice that a subscriber would get at an instant, before credit."""

    billed_at: datetime
    currency: str
    assessment: Assessment
    lines: tuple[RatedLine, ...]
    #: What is previewed is given, so no event waits to be counted.
    counted_up_to: None = None

    @property
    def boundary_at(self) -> datetime:
        """The instant that it bills, as other invoices that are to come call it."""
        return self.billed_at


@dataclass(frozen=True)
class PlanPreview:
    """What is due at the start, if anything is, and the invoices of the boundaries of one whole period, in order."""

    currency: str
    billing_interval: BillingInterval
    period: Period
    upfront: PlannedInvoice | None
    invoices: tuple[PlannedInvoice, ...]

    @property
    def total_minor(self) -> int:
        """What the period's invoices come to together, in minor units; below zero where credit is left."""
        sums = [invoice.assessment for invoice in self.invoices]
        return sum(assessment.total_minor - assessment.carried_to_credit_minor for assessment in sums)


@dataclass(frozen=True)
class _Planned:
    """What a plan would be subscribed to with."""

    currency: str
    billing_interval: BillingInterval
    tax_behavior: TaxBehavior
    terms: list[Term]


@dataclass
class _Subscriber:
    """A subscription that nobody has: rating and adjusting take it for one."""

    id: str
    customer_id: str
    billing_interval: BillingInterval
    started_at: datetime
    timezone: str
    currency: str
    tax_behavior: TaxBehavior


async def preview_plan(
    session: AsyncSession, principal: Principal, now: datetime, draft: PlanPreviewDraft
) -> PlanPreview:
    """Return what one whole period of a plan costs, by the functions that make invoices. Reads only.

    A customer's discounts and tax are applied, its credit is not. Refused with every problem, named by its argument.
    """
    environment_id, problems = principal.environment_id, Problems()
    planned = await _planned(session, problems, environment_id, draft)
    shares: Shares = {}
    if planned is not None:
        metric_ids = {usage.metric for usage in draft.usage}
        named = await ids_by_reference(session, models.BillableMetric, environment_id, metric_ids)
        # In a thread, as the pricing below: meanwhile others are served.
        shares = await asyncio.to_thread(share_out, draft.usage, named, planned.terms, problems)
        planned = replace(planned, terms=await _with_quantities(session, problems, environment_id, draft, planned))
    customer = None
    if draft.customer is not None:
        customer = await require(session, problems, "customerId", models.Customer, environment_id, draft.customer)
    problems.raise_if_any()
    assert planned is not None
    if customer is not None:
        now = await read_customers_now(session, customer, now)
    subscriber = await _subscriber(session, principal, planned, customer, draft.starts_at or now)
    adjusting = Adjusting((), TaxTerms(planned.tax_behavior))
    if customer is not None:
        adjusting = (await adjusting_by_subscription(session, environment_id, [subscriber]))[subscriber.id]
    return await asyncio.to_thread(_invoiced, subscriber, planned.terms, shares, adjusting)


async def _subscriber(
    session: AsyncSession,
    principal: Principal,
    planned: _Planned,
    customer: models.Customer | None,
    starts_at: datetime,
) -> _Subscriber:
    merchant = await get_merchant(session, principal.merchant_id)
    return _Subscriber(
        id="",
        customer_id="" if customer is None else customer.id,
        billing_interval=planned.billing_interval,
        started_at=starts_at,
        timezone=merchant.timezone,
        currency=planned.currency,
        tax_behavior=planned.tax_behavior,
    )


def _invoiced(subscriber: _Subscriber, terms: Sequence[Term], shares: Shares, adjusting: Adjusting) -> PlanPreview:
    start = subscriber.started_at
    agreements = [Agreement(Calendar(start, start, subscriber.timezone), terms)]
    period = agreements[0].calendar.window(subscriber.billing_interval, start).part

    def invoice(billed_at: datetime, lines: Sequence[RatedLine]) -> PlannedInvoice:
        assessment = adjusting.assess([line.assessed for line in lines])
        return PlannedInvoice(billed_at, subscriber.currency, assessment, tuple(lines))

    measured = measure_shares(terms, shares)
    upfront = rate_planned(charges_at_start(subscriber, agreements, start), measured)
    boundaries = [
        (boundary, rate_planned(charges_at_boundary(subscriber, agreements, boundary), measured))
        for boundary in _boundaries(subscriber, agreements, period)
    ]
    return PlanPreview(
        currency=subscriber.currency,
        billing_interval=subscriber.billing_interval,
        period=period,
        upfront=invoice(period.start, upfront) if upfront else None,
        invoices=tuple(invoice(boundary, lines) for boundary, lines in boundaries if lines),
    )


def _boundaries(subscriber: _Subscriber, agreements: Sequence[Agreement], period: Period) -> Iterator[datetime]:
    boundary = period.start
    while boundary < period.end:
        boundary = next_boundary(subscriber, agreements, boundary)
        yield boundary


async def _planned(
    session: AsyncSession, problems: Problems, environment_id: str, draft: PlanPreviewDraft
) -> _Planned | None:
    if (draft.plan is None) == (draft.prices is None):
        problems.add(ErrorCode.INVALID, "planId", "Give either `planId` or `priceIds`.")
        return None
    if draft.plan is None:
        return await _of_prices(session, problems, environment_id, draft)
    for field, given in (("billingInterval", draft.billing_interval), ("taxBehavior", draft.tax_behavior)):
        if given is not None:
            problems.add(ErrorCode.INVALID, field, "The plan says it: give it beside `priceIds` only.")
    plan = await require(session, problems, "planId", models.Plan, environment_id, draft.plan)
    if plan is None:
        return None
    version = await default_version(session, plan)
    terms = await terms_by_version(session, environment_id, [version.id])
    return _Planned(plan.currency, plan.billing_interval, plan.tax_behavior, terms[version.id])


async def _of_prices(
    session: AsyncSession, problems: Problems, environment_id: str, draft: PlanPreviewDraft
) -> _Planned | None:
    """Return the prices as a plan would hold them, which must fit each other as in one that is made."""
    references = draft.prices or ()
    interval = draft.billing_interval or BillingInterval.MONTHLY
    wanted = PlanDraft(product="", name="Preview", billing_interval=interval, prices=references)
    found = Problems()
    check_plan(wanted, found)
    named = await prices_by_reference(session, environment_id, references)
    first = next((named[reference] for reference in references if reference in named), None)
    currency = "" if first is None else first.currency
    product = None if first is None else await find(session, models.Product, environment_id, first.product_id)
    prices = await fitting_prices(session, found, environment_id, wanted, product, currency)
    for error in found.errors:
        problems.add(error.code, error.field, error.message)
    if found.errors:
        return None
    terms = await terms_of_prices(session, environment_id, [price.id for price in prices], interval)
    return _Planned(currency, interval, draft.tax_behavior or TaxBehavior.EXCLUSIVE, terms)


async def _with_quantities(
    session: AsyncSession, problems: Problems, environment_id: str, draft: PlanPreviewDraft, planned: _Planned
) -> list[Term]:
    for place, item in enumerate(draft.quantities):
        check_quantity(item.quantity, problems, f"quantities.{place}.quantity")
    references = {item.price for item in draft.quantities}
    ids = await ids_by_reference(session, models.Price, environment_id, references) if references else {}
    fees = {term.price_id: term.metering is None for term in planned.terms}
    named = {name: PlannedPrice(price_id, fees[price_id]) for name, price_id in ids.items() if price_id in fees}
    chosen: dict[str, Decimal] = choose_quantities(draft.quantities, named, problems)
    return [replace(term, quantity=chosen.get(term.price_id, term.quantity)) for term in planned.terms]
