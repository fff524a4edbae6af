"""From terms, periods and counted events to priced lines: the one way in which previews and invoices are computed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.calendars import Calendar
from app.billing.invoicing import AssessedLine
from app.billing.lifecycle import PaymentTerm
from app.billing.measuring import Measured, Metering, measure
from app.billing.periods import BillingInterval, Period
from app.billing.price_models import unit_price_path
from app.billing.pricing import LineInputs, PricedLine, price_line
from app.billing.proration import PartOfPeriod
from app.metering.usage import CountedEvent, UsageRequest, counted_events
from app.services.terms import Term


class Subscribed(Protocol):
    """What rating needs to know of a subscription, be it a model or a light row."""

    id: str
    customer_id: str
    plan_version_id: str
    billing_interval: BillingInterval
    started_at: datetime
    anchor_at: datetime
    timezone: str
    next_boundary_at: datetime | None


@dataclass(frozen=True)
class Charge:
    """A term to be rated over a window of a subscription, which may be a part of a whole period."""

    subscription_id: str
    customer_id: str
    term: Term
    window: PartOfPeriod


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
        return self.charge.window.part

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
    def assessed(self) -> AssessedLine:
        """The line as the totals see it: discounted by when its period begins, and taxed."""
        return AssessedLine(self.amount_minor, self.period.start)

    @property
    def exact_amount(self) -> Decimal:
        """The amount before rounding, in major units with 18 places."""
        return self.priced.exact_amount


async def rate(session: AsyncSession, environment_id: str, charges: Sequence[Charge]) -> list[RatedLine]:
    """Rate charges in their order. The events of all of them are read in one go."""
    requests = {charge: _request(charge, charge.term.metering) for charge in charges if charge.term.metering}
    events = await counted_events(session, environment_id, list(requests.values())) if requests else {}
    return [_rate_one(charge, events[requests[charge]] if charge in requests else ()) for charge in charges]


def calendar_of(subscription: Subscribed) -> Calendar:
    """Return what decides the windows of a subscription."""
    return Calendar(subscription.anchor_at, subscription.started_at, subscription.timezone)


def intervals_of(subscription: Subscribed, terms: Iterable[Term]) -> set[BillingInterval]:
    """Return how long the windows of a subscription are: its plan's interval, and the shorter ones of prices."""
    return {subscription.billing_interval, *(term.interval for term in terms if term.interval is not None)}


def charges_at_start(subscription: Subscribed, terms: Iterable[Term]) -> list[Charge]:
    """Return what is due at the start: the in-advance prices of the first windows, and what is charged once."""
    calendar = calendar_of(subscription)
    charges = []
    for term in terms:
        if term.payment_term is PaymentTerm.IN_ADVANCE:
            window = calendar.window(term.interval or subscription.billing_interval, subscription.started_at)
            # What is charged once is charged whole, however short the first period is.
            whole = PartOfPeriod(window.part, window.part) if term.interval is None else window
            charges.append(_charge(subscription, term, whole))
    return charges


def charges_at_boundary(subscription: Subscribed, terms: Sequence[Term], boundary: datetime) -> list[Charge]:
    """Return what a boundary bills: the arrears of the windows that end there, then the advance of those that begin."""
    calendar = calendar_of(subscription)
    arrears, advance = [], []
    for term in terms:
        if term.interval is None:
            continue
        ending = calendar.window_ending(term.interval, boundary)
        if ending is not None and term.payment_term is PaymentTerm.IN_ARREARS:
            arrears.append(_charge(subscription, term, ending))
        elif ending is not None:
            advance.append(_charge(subscription, term, calendar.window(term.interval, boundary)))
    return arrears + advance


def charges_running(subscription: Subscribed, terms: Iterable[Term]) -> list[Charge]:
    """Return the metered prices over the windows that run now."""
    calendar, boundary = calendar_of(subscription), subscription.next_boundary_at
    assert boundary is not None, "an ended subscription has no window that runs"
    return [
        _charge(subscription, term, calendar.window_before(term.interval, boundary))
        for term in terms
        if term.metering is not None and term.interval is not None
    ]


def inputs_of(term: Term, window: PartOfPeriod, measured: Measured | None) -> LineInputs:
    """Return all that the amount of a term over a window depends on; nothing is measured for a fee."""
    return LineInputs(
        model=term.model,
        currency=term.currency,
        quantity=term.quantity if measured is None else measured.quantity,
        aggregation=None if term.metering is None else term.metering.metric.aggregation,
        unit=term.unit,
        event_count=0 if measured is None else measured.event_count,
        tally=None if measured is None else measured.tally,
        share=window.share,
        is_obligation=term.is_obligation,
        period_minimum=term.period_minimum,
        period_maximum=term.period_maximum,
    )


def _charge(subscription: Subscribed, term: Term, window: PartOfPeriod) -> Charge:
    return Charge(subscription.id, subscription.customer_id, term, window)


def _request(charge: Charge, metering: Metering) -> UsageRequest:
    part, path = charge.window.part, unit_price_path(charge.term.model)
    return UsageRequest(charge.subscription_id, charge.customer_id, metering.metric.id, part.start, part.end, path)


def _rate_one(charge: Charge, events: Sequence[CountedEvent]) -> RatedLine:
    term, metering = charge.term, charge.term.metering
    own = [] if metering is None else [event for event in events if metering.takes(event.dimensions)]
    measured = None if metering is None else measure(metering.metric.aggregation, term.model, own)
    inputs = inputs_of(term, charge.window, measured)
    return RatedLine(charge, inputs, price_line(inputs), tuple(event.event_id for event in own))
