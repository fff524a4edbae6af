"""What a subscription agreed to: the prices of its plan version with what they measure, read set-based."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.cadences import interval_of
from app.billing.calendars import Calendar
from app.billing.decimals import parse_plain
from app.billing.extraction import GroupBy
from app.billing.filters import Filter, filter_from_json
from app.billing.lifecycle import PaymentTerm
from app.billing.measuring import Metering, MetricRules
from app.billing.periods import BillingInterval
from app.billing.phases import joined
from app.billing.price_models import PriceModel, model_from_json
from app.models import table_of
from app.services.phases import load_phases


class Agreed(Protocol):
    """A subscription to a plan version, be it a model or a light row."""

    id: str
    plan_version_id: str
    timezone: str
    anchor_at: datetime
    phase_started_at: datetime
    phase_number: int
    ending_at: datetime | None


@dataclass(frozen=True)
class Term:
    """One price as it is billed. `metering` and `unit` are None for a fee; `interval` is None for what is charged once.

    `quantity` is of a fee. Bounds are in major units.
    """

    price_id: str
    description: str
    payment_term: PaymentTerm
    currency: str
    model: PriceModel
    quantity: Decimal
    interval: BillingInterval | None
    is_obligation: bool
    period_minimum: Decimal | None
    period_maximum: Decimal | None
    unit: str | None
    metering: Metering | None


@dataclass(frozen=True)
class Agreement:
    """Terms of a subscription that hold over the span of a calendar, which says in which windows they are charged."""

    calendar: Calendar
    terms: Sequence[Term]


async def terms_by_version(
    session: AsyncSession, environment_id: str, version_ids: Collection[str]
) -> dict[str, list[Term]]:
    """Return the terms of each plan version in the order of its prices. One statement."""
    links, prices = table_of(models.PlanVersionPrice).c, table_of(models.Price).c
    versions, plans = table_of(models.PlanVersion).c, table_of(models.Plan).c
    statement = (
        _priced()
        .add_columns(links.plan_version_id, plans.billing_interval)
        .join(
            models.PlanVersionPrice,
            (links.environment_id == prices.environment_id) & (links.price_id == prices.id),
        )
        .join(
            models.PlanVersion,
            (versions.environment_id == links.environment_id) & (versions.id == links.plan_version_id),
        )
        .join(models.Plan, (plans.environment_id == versions.environment_id) & (plans.id == versions.plan_id))
        .where(links.environment_id == environment_id, links.plan_version_id.in_(version_ids))
        .order_by(links.position)
    )
    terms: dict[str, list[Term]] = defaultdict(list)
    for row in await session.execute(statement):
        terms[row.plan_version_id].append(_term(row, row.billing_interval))
    return {version_id: _beside_each_other(listed) for version_id, listed in terms.items()}


async def agreements_by_subscription(
    session: AsyncSession, environment_id: str, subscriptions: Iterable[Agreed]
) -> dict[str, list[Agreement]]:
    """Return what each subscription agreed to, now and before its changes, in the order in which that began.

    Two statements, and one more where some of them changed.
    """
    listed = list(subscriptions)
    former = await load_phases(session, environment_id, [row.id for row in listed if row.phase_number])
    versions = {row.plan_version_id for row in listed}
    versions.update(phase.plan_version_id for phases in former.values() for phase in phases)
    terms = await terms_by_version(session, environment_id, versions)
    quantities = await _quantities(session, environment_id, [row.id for row in listed])
    return {
        row.id: _agreements(
            [
                *(_of_phase(phase, row.timezone, terms) for phase in former.get(row.id, ())),
                (calendar_of(row), _with_quantities(terms.get(row.plan_version_id, ()), quantities.get(row.id))),
            ]
        )
        for row in listed
    }


async def agreements_of(session: AsyncSession, subscription: models.Subscription) -> list[Agreement]:
    """Return what one subscription agreed to."""
    return (await agreements_by_subscription(session, subscription.environment_id, [subscription]))[subscription.id]


def calendar_of(row: Agreed) -> Calendar:
    """Return the calendar of what a subscription agrees to now, which lasts from its last change to its end."""
    return Calendar(row.anchor_at, row.phase_started_at, row.timezone, row.ending_at)


def _of_phase(phase: Row[Any], timezone: str, terms: Mapping[str, Sequence[Term]]) -> tuple[Calendar, Sequence[Term]]:
    quantities = {price_id: parse_plain(quantity) for price_id, quantity in phase.quantities.items()}
    calendar = Calendar(phase.anchor_at, phase.start_at, timezone, phase.end_at)
    return calendar, _with_quantities(terms.get(phase.plan_version_id, ()), quantities)


def _with_quantities(terms: Sequence[Term], quantities: Mapping[str, Decimal] | None) -> Sequence[Term]:
    """Return terms with the quantities that a subscription has of its own."""
    if not quantities:
        return terms
    return [replace(term, quantity=quantities.get(term.price_id, term.quantity)) for term in terms]


def _agreements(phases: Sequence[tuple[Calendar, Sequence[Term]]]) -> list[Agreement]:
    """Return what holds over which span, of phases in their order, the present one last."""
    if len(phases) == 1:
        return [Agreement(*phases[0])]
    last: dict[_Kept, Term] = {}
    kept = []
    for calendar, terms in phases:
        own = {_kept(term): term for term in terms}
        last |= own
        kept.append((calendar, own))
    return [Agreement(calendar, [last[one] for one in held]) for calendar, held in joined(kept)]


def _kept(term: Term) -> "_Kept":
    """Return what two terms have in common that are one on both sides of a change."""
    others = frozenset() if term.metering is None else frozenset(term.metering.others)
    return _Kept(term.price_id, term.quantity, term.interval, others)


class _Kept(NamedTuple):
    price_id: str
    quantity: Decimal
    interval: BillingInterval | None
    others: frozenset[Filter]


async def terms_of_prices(
    session: AsyncSession, environment_id: str, price_ids: Collection[str], interval: BillingInterval
) -> list[Term]:
    """Return the terms of some prices as a plan of an interval would have them, in the order of the ids."""
    prices = table_of(models.Price).c
    statement = _priced().where(prices.environment_id == environment_id, prices.id.in_(price_ids))
    found = {row.id: _term(row, interval) for row in await session.execute(statement)}
    return _beside_each_other([found[price_id] for price_id in price_ids])


async def _quantities(
    session: AsyncSession, environment_id: str, subscription_ids: Collection[str]
) -> dict[str, dict[str, Decimal]]:
    """Return, for each subscription, how many of which price's fee it takes where it says so."""
    taken = table_of(models.SubscriptionQuantity).c
    statement = select(taken.subscription_id, taken.price_id, taken.quantity).where(
        taken.environment_id == environment_id, taken.subscription_id.in_(subscription_ids)
    )
    quantities: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for row in await session.execute(statement):
        quantities[row.subscription_id][row.price_id] = row.quantity
    return quantities


def _beside_each_other(terms: list[Term]) -> list[Term]:
    """Tell each metered term the filters of the other prices of its metric, as one without takes what they leave."""
    filters: dict[str, list[Filter]] = defaultdict(list)
    for term in terms:
        if term.metering is not None and term.metering.filter:
            filters[term.metering.metric.id].append(term.metering.filter)
    return [term if term.metering is None else _among(term, term.metering, filters) for term in terms]


def _among(term: Term, metering: Metering, filters: dict[str, list[Filter]]) -> Term:
    if metering.filter:
        return term
    return replace(term, metering=replace(metering, others=tuple(filters[metering.metric.id])))


def _priced() -> Select[Any]:
    prices, metrics = table_of(models.Price).c, table_of(models.BillableMetric).c
    measured = ("event_type", "aggregation", "value_property", "group_by", "event_from", "unit")
    return select(table_of(models.Price), *(metrics[name] for name in measured)).outerjoin(
        models.BillableMetric,
        (metrics.environment_id == prices.environment_id) & (metrics.id == prices.billable_metric_id),
    )


def _term(row: Row[Any], interval: BillingInterval) -> Term:
    return Term(
        price_id=row.id,
        description=row.invoice_display_name,
        payment_term=row.payment_term,
        currency=row.currency,
        model=model_from_json(row.pricing),
        quantity=Decimal(1) if row.quantity is None else row.quantity,
        interval=interval_of(row.cadence, interval),
        is_obligation=row.is_obligation,
        period_minimum=row.period_minimum,
        period_maximum=row.period_maximum,
        unit=row.unit,
        metering=None if row.billable_metric_id is None else _metering(row),
    )


def _metering(row: Row[Any]) -> Metering:
    metric = MetricRules(
        id=row.billable_metric_id,
        event_type=row.event_type,
        aggregation=row.aggregation,
        value_property=row.value_property,
        group_by=tuple(GroupBy(**item) for item in row.group_by),
        event_from=row.event_from,
    )
    return Metering(metric, filter_from_json(row.filter))
