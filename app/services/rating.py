"""From terms, periods and counted events to priced lines: the one way in which previews and invoices are computed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.aggregation import aggregate
from app.billing.lifecycle import PaymentTerm
from app.billing.periods import BillingInterval, Period, period_number
from app.billing.pricing import LineInputs, PricedLine, price_line
from app.metering.usage import CountedEvent, UsageRequest, counted_events
from app.services.terms import Term


class Subscribed(Protocol):
    """What rating needs to know of a subscription, be it a model or a light row."""

    id: str
    customer_id: str
    plan_version_id: str
    billing_interval: BillingInterval
    anchor_at: datetime
    timezone: str
    period_number: int


@dataclass(frozen=True)
class Charge:
    """A term to be rated over a period of a subscription."""

    subscription_id: str
    customer_id: str
    term: Term
    period: Period


@dataclass(frozen=True)
class RatedLine:
    """A line as an invoice or a preview shows it, with the ids of the events it counted."""

    charge: Charge
    inputs: LineInputs
    priced: PricedLine
    event_ids: tuple[str, ...]

    @property
    def price_id(self) -> str:
        """The price that is charged."""
        return self.charge.term.price_id

    @property
    def description(self) -> str:
        """What the line is called."""
        return self.charge.term.description

    @property
    def payment_term(self) -> PaymentTerm:
        """Whether the period is billed at its start or at its end."""
        return self.charge.term.payment_term

    @property
    def period(self) -> Period:
        """What the line covers."""
        return self.charge.period

    @property
    def quantity(self) -> Decimal:
        """How much is charged."""
        return self.inputs.quantity

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.inputs.currency

    @property
    def amount_minor(self) -> int:
        """The rounded amount in minor units."""
        return self.priced.amount_minor

    @property
    def exact_amount(self) -> Decimal:
        """The amount before rounding, in major units with 18 places."""
        return self.priced.exact_amount


async def rate(session: AsyncSession, environment_id: str, charges: Sequence[Charge]) -> list[RatedLine]:
    """Rate charges in their order. The events of all of them are read in one go."""
    requests = {charge: _request(charge) for charge in charges if charge.term.billable_metric_id is not None}
    events = await counted_events(session, environment_id, list(requests.values())) if requests else {}
    return [_rate_one(charge, events[requests[charge]] if charge in requests else ()) for charge in charges]


def period_of(subscription: Subscribed, ahead: int = 0) -> Period:
    """Return the period that runs in a subscription, or the one `ahead` periods later."""
    number = subscription.period_number + ahead
    return period_number(subscription.anchor_at, subscription.billing_interval, number, subscription.timezone)


def charges_at_start(subscription: Subscribed, terms: Iterable[Term]) -> list[Charge]:
    """Return what is due before the running period: its in-advance prices."""
    return _charges(subscription, terms, PaymentTerm.IN_ADVANCE, period_of(subscription))


def charges_at_boundary(subscription: Subscribed, terms: Sequence[Term]) -> list[Charge]:
    """Return what the end of the running period bills: its arrears, then the advance of the next one."""
    arrears = _charges(subscription, terms, PaymentTerm.IN_ARREARS, period_of(subscription))
    return arrears + _charges(subscription, terms, PaymentTerm.IN_ADVANCE, period_of(subscription, ahead=1))


def _charges(subscription: Subscribed, terms: Iterable[Term], when: PaymentTerm, period: Period) -> list[Charge]:
    return [
        Charge(subscription.id, subscription.customer_id, term, period) for term in terms if term.payment_term is when
    ]


def _request(charge: Charge) -> UsageRequest:
    metric_id = charge.term.billable_metric_id
    assert metric_id is not None
    period = charge.period
    return UsageRequest(charge.subscription_id, charge.customer_id, metric_id, period.start, period.end)


def _rate_one(charge: Charge, events: Sequence[CountedEvent]) -> RatedLine:
    term = charge.term
    quantity = term.quantity
    if term.aggregation is not None:
        quantity = aggregate(term.aggregation, (event.value for event in events))
    inputs = LineInputs(
        model=term.model,
        currency=term.currency,
        quantity=quantity,
        aggregation=term.aggregation,
        unit=term.unit,
        event_count=len(events),
    )
    return RatedLine(charge, inputs, price_line(inputs), tuple(event.event_id for event in events))
