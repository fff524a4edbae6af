"""What a draft of a price would have made of real usage: for every customer, beside what its own prices make of it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog import PriceDraft, check_price
from app.billing.errors import ErrorCode, Problems, Refused, UserError
from app.billing.filters import Filter
from app.billing.lifecycle import PaymentTerm
from app.billing.measuring import Metering, MetricRules
from app.billing.periods import BillingInterval, Period
from app.billing.price_models import PriceModel, unit_price_path
from app.metering.coverage import Coverage, load_coverage
from app.metering.facts import load_metrics
from app.metering.past_usage import PastEvent, PastEvents, count_past_events, past_usage
from app.models import table_of
from app.services.comparing_prices import Compared, Comparison, Metered, Priced
from app.services.lookup import require
from app.services.merchants import get_merchant
from app.services.prices import check_price_target
from app.services.principal import Principal
from app.services.terms import Term, terms_by_version

MAX_SPAN = timedelta(days=400)
MAX_EVENTS = 200_000
#: Windows times prices, drafts included.
MAX_LINES = 50_000


@dataclass(frozen=True, kw_only=True)
class PriceSimulationDraft:
    """A price that is thought of, and the usage that it is tried on: of a metric, by id or key, in [start, end).

    `currency` None means the merchant's, `customers` None all who are not on a test clock. Bounds are in major units.
    """

    model: PriceModel
    metric: str
    start: datetime
    end: datetime
    currency: str | None = None
    filter: Filter = ()
    period_minimum: Decimal | None = None
    period_maximum: Decimal | None = None
    customers: tuple[str, ...] | None = None


@dataclass(frozen=True)
class PriceSimulation:
    """The customers by the size of their difference, the greatest first; and how many subscriptions were left out,
    as they are billed in another currency.
    """

    currency: str
    period: Period
    customers: tuple[Compared, ...]
    other_currency_subscription_count: int


@dataclass(frozen=True)
class _Subscriptions:
    """The subscriptions that price the metric by customer, and how many are in other currencies than the draft."""

    by_customer: Mapping[str, Sequence[Priced]]
    left_out: int
    left_out_customers: frozenset[str]


async def simulate_price(session: AsyncSession, principal: Principal, draft: PriceSimulationDraft) -> PriceSimulation:
    """Rate past usage by the prices of its subscriptions and by a draft in their place. Reads only.

    It is for every customer that used the metric in the span, or had a price on it then. Both sides are rated as
    invoices are, over the same windows, of which those that reach out of the span are rated by their share; before
    discounts and tax. Refused with every problem, named by its argument; and where the span holds more than MAX_EVENTS
    events, or more than MAX_LINES would have to be rated. The number of statements is the same for any number of
    customers.
    """
    environment_id = principal.environment_id
    merchant = await get_merchant(session, principal.merchant_id)
    currency, span = draft.currency or merchant.default_currency, Period(draft.start, draft.end)
    metric = await _checked(session, environment_id, draft, currency)
    [rules] = await load_metrics(session, environment_id, [metric.id])
    asked = PastEvents(environment_id, rules, span, _chosen(environment_id, draft))
    if await count_past_events(session, asked, MAX_EVENTS) > MAX_EVENTS:
        message = f"The span has more than {MAX_EVENTS:,} events of the metric: ask for less time, or fewer customers."
        raise Refused((UserError(ErrorCode.OUT_OF_RANGE, "to", message),))
    ids = select(table_of(models.Customer).c.id).where(asked.customers)
    coverage = await load_coverage(session, environment_id, ids, [metric.id])
    subscriptions = await _subscriptions(session, environment_id, coverage, metric.id, span, currency)
    tried = Metered(_term(draft, currency, metric, rules), Metering(rules, draft.filter), BillingInterval.MONTHLY)
    usage = await past_usage(session, asked, coverage, _paths(tried, subscriptions))
    comparison = Comparison(tried, span, MAX_LINES)
    # In a thread, so that meanwhile others are served.
    compared = await asyncio.to_thread(_compare, comparison, subscriptions, usage, merchant.timezone)
    ordered = sorted(compared, key=lambda one: (-abs(one.difference_minor), one.customer_id))
    return PriceSimulation(currency, span, tuple(ordered), subscriptions.left_out)


def _compare(
    comparison: Comparison, subscriptions: _Subscriptions, usage: Mapping[str, Sequence[PastEvent]], zone: str
) -> list[Compared]:
    priced = subscriptions.by_customer
    found = [
        comparison.of_priced(customer_id, mine, usage.get(customer_id, ())) for customer_id, mine in priced.items()
    ]
    unpriced = usage.keys() - priced.keys() - subscriptions.left_out_customers
    return found + [comparison.of_unpriced(customer_id, zone, usage[customer_id]) for customer_id in unpriced]


async def _checked(
    session: AsyncSession, environment_id: str, draft: PriceSimulationDraft, currency: str
) -> models.BillableMetric:
    """Return the metric of a draft that has no problem."""
    problems = Problems()
    price = PriceDraft(
        billable_metric=draft.metric,
        invoice_display_name="Draft",
        payment_term=PaymentTerm.IN_ARREARS,
        currency=currency,
        model=draft.model,
        filter=draft.filter,
        period_minimum=draft.period_minimum,
        period_maximum=draft.period_maximum,
    )
    check_price(price, problems)
    metric = await require(session, problems, "metricId", models.BillableMetric, environment_id, draft.metric)
    if metric is not None:
        check_price_target(price, metric, problems)
    if draft.end <= draft.start:
        problems.add(ErrorCode.OUT_OF_RANGE, "to", "Must be after from.")
    elif draft.end - draft.start > MAX_SPAN:
        problems.add(ErrorCode.OUT_OF_RANGE, "to", f"Must be at most {MAX_SPAN.days} days after from.")
    await _check_customers(session, environment_id, draft.customers, problems)
    problems.raise_if_any()
    assert metric is not None
    return metric


async def _check_customers(
    session: AsyncSession, environment_id: str, wanted: Sequence[str] | None, problems: Problems
) -> None:
    if not wanted:
        return
    columns = table_of(models.Customer).c
    statement = select(columns.id).where(columns.environment_id == environment_id, columns.id.in_(set(wanted)))
    known = set(await session.scalars(statement))
    for place, customer_id in enumerate(wanted):
        if customer_id not in known:
            problems.add(ErrorCode.NOT_FOUND, f"customerIds.{place}", "Names no customer that exists here.")


def _chosen(environment_id: str, draft: PriceSimulationDraft) -> ColumnElement[bool]:
    """Return which customers count. Those on clocks live in a time of their own: they count where they are named."""
    columns = table_of(models.Customer).c
    named = columns.test_clock_id.is_(None) if draft.customers is None else columns.id.in_(set(draft.customers))
    return (columns.environment_id == environment_id) & named


async def _subscriptions(
    session: AsyncSession, environment_id: str, coverage: Coverage, metric_id: str, span: Period, currency: str
) -> _Subscriptions:
    by_customer = coverage.of_metric(metric_id)
    versions = {covering.plan_version_id for listed in by_customer.values() for covering in listed}
    terms = await terms_by_version(session, environment_id, versions)
    found: dict[str, list[Priced]] = {}
    others: list[str] = []
    for customer_id, listed in by_customer.items():
        for covering in listed:
            own = {price.price_id for price in covering.prices}
            priced = Priced(covering, _on_metric(terms[covering.plan_version_id], own))
            if priced.within(span) is None:
                continue
            # All prices of a plan are in its currency.
            if priced.terms[0].term.currency == currency:
                found.setdefault(customer_id, []).append(priced)
            else:
                others.append(customer_id)
    return _Subscriptions(found, len(others), frozenset(others))


def _on_metric(terms: Sequence[Term], price_ids: Collection[str]) -> list[Metered]:
    return [
        Metered(term, term.metering, term.interval)
        for term in terms
        if term.metering is not None and term.interval is not None and term.price_id in price_ids
    ]


def _term(draft: PriceSimulationDraft, currency: str, metric: models.BillableMetric, rules: MetricRules) -> Term:
    return Term(
        price_id="",
        description="Draft",
        payment_term=PaymentTerm.IN_ARREARS,
        currency=currency,
        model=draft.model,
        quantity=Decimal(1),
        interval=None,
        is_obligation=False,
        period_minimum=draft.period_minimum,
        period_maximum=draft.period_maximum,
        unit=metric.unit,
        metering=Metering(rules, draft.filter),
    )


def _paths(tried: Metered, subscriptions: _Subscriptions) -> Collection[str]:
    """Return where the prices say that events carry the price of their units."""
    listed = [term for priced in subscriptions.by_customer.values() for one in priced for term in one.terms]
    paths = (unit_price_path(term.term.model) for term in (tried, *listed))
    return {path for path in paths if path is not None}
