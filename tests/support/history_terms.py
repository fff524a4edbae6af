"""The description of a history in the product's words: its models, terms, discounts and tax."""

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.billing.aggregation import Aggregation
from app.billing.anchors import BillingAnchor, Weekday
from app.billing.cadences import Cadence, interval_of
from app.billing.discounts import DiscountTerms
from app.billing.filters import Condition, Filter
from app.billing.lifecycle import PaymentTerm
from app.billing.measuring import Metering, MetricRules
from app.billing.periods import BillingInterval
from app.billing.price_models import (
    ChargeScope,
    DynamicPrice,
    GraduatedPrice,
    PackagePrice,
    PercentagePrice,
    PriceModel,
    StandardPrice,
    Tier,
    VolumePrice,
)
from app.billing.tax import TaxBehavior, TaxTerms
from app.services.adjusting import Adjusting
from app.services.terms import Term
from tests.naive import history as plain

WEEKDAYS = tuple(Weekday)


def model_of(model: plain.Model) -> PriceModel:
    match model:
        case plain.Standard(unit_price):
            return StandardPrice(unit_price)
        case plain.Dynamic(low, high, path):
            return DynamicPrice(low, high, path)
        case plain.Percentage(percentage, fixed, low, high, per_event):
            scope = ChargeScope.PER_EVENT if per_event else ChargeScope.PER_PERIOD
            return PercentagePrice(percentage, fixed, low, high, scope)
        case plain.Volume(tiers):
            return VolumePrice(tuple(Tier(*tier) for tier in tiers))
        case plain.Graduated(tiers):
            return GraduatedPrice(tuple(Tier(*tier) for tier in tiers))
        case plain.Package(size, price, free):
            return PackagePrice(size, price, free)


def anchor_of(anchor: plain.Anchor | None) -> BillingAnchor | None:
    if anchor is None:
        return None
    weekday = None if anchor.weekday is None else WEEKDAYS[anchor.weekday]
    return BillingAnchor(weekday, anchor.day, anchor.month)


def filter_of(price: plain.Price) -> Filter:
    return tuple(Condition(*condition) for condition in price.conditions)


def cadence_of(price: plain.Price) -> Cadence | None:
    return None if price.cadence is None else Cadence(price.cadence)


def payment_term_of(price: plain.Price) -> PaymentTerm:
    return PaymentTerm.IN_ADVANCE if price.in_advance else PaymentTerm.IN_ARREARS


def behavior_of(plan: plain.Plan) -> TaxBehavior:
    return TaxBehavior.INCLUSIVE if plan.tax_inclusive else TaxBehavior.EXCLUSIVE


def terms_of(subscription: plain.Subscription) -> list[Term]:
    plan, quantities = subscription.plan, dict(subscription.quantities)
    return [
        Term(
            price_id=price.name,
            description=price.name,
            payment_term=payment_term_of(price),
            currency=plan.currency,
            model=model_of(price.model),
            quantity=quantities.get(price.name, Decimal(1) if price.quantity is None else price.quantity),
            interval=interval_of(cadence_of(price), BillingInterval(plan.interval)),
            is_obligation=price.is_obligation,
            period_minimum=price.period_minimum,
            period_maximum=price.period_maximum,
            unit=None,
            metering=None if price.metric is None else _metering(plan, price, price.metric),
        )
        for price in plan.prices
    ]


def adjusting_of(history: plain.History, subscription: plain.Subscription, boundary: datetime | None) -> Adjusting:
    """The discounts in their order, as the product reads them from its tables, and the tax.

    Invoice 0, which has no boundary, is issued before those of the subscription are made that are not made with it.
    """
    mine = [one for one in history.discounts if one.subscription == subscription.place]
    made = [one for one in mine if one.at_once or boundary is not None]
    own = sorted(made, key=lambda one: not one.at_once)
    shared = [one for one in history.discounts if one.subscription is None]
    terms = [
        DiscountTerms(f"dis_{place}", "Discount", one.percentage, one.amount_minor, one.starts_at, one.ends_at)
        for place, one in enumerate(own + shared)
        if one.currency in (None, subscription.plan.currency)
    ]
    return Adjusting(tuple(terms), TaxTerms(behavior_of(subscription.plan), history.tax_rate, history.tax_exemption))


def arrived(history: plain.History, before: datetime) -> Iterator[plain.Event]:
    """The events that had arrived before an instant and stand, of those with the same key the first."""
    void = {one.key for one in history.voids if one.at < before}
    keys = set()
    for event in sorted(history.events, key=lambda event: event.arrives_at):
        if event.arrives_at < before and event.key not in keys:
            keys.add(event.key)
            if event.key not in void:
                yield event


def data_of(event: plain.Event) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(event.data, parse_float=Decimal)
    return data


def _metering(plan: plain.Plan, price: plain.Price, metric: plain.Metric) -> Metering:
    others = tuple(filter_of(other) for other in plan.prices if other.metric == metric and other.conditions)
    return Metering(rules_of(metric), filter_of(price), () if price.conditions else others)


def rules_of(metric: plain.Metric) -> MetricRules:
    aggregation = Aggregation(metric.aggregation)
    return MetricRules(
        metric.name, metric.event_type, aggregation, metric.value_property, metric.group_by, metric.event_from
    )
