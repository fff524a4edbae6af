"""From terms, periods and counted events to priced lines: the one way in which previews and invoices are computed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.aggregation import quantity_of
from app.billing.calendars import Calendar
from app.billing.errors import InvariantBroken
from app.billing.invoicing import AssessedLine
from app.billing.lifecycle import PaymentTerm
from app.billing.measuring import Measured, Metering, measure
from app.billing.periods import BillingInterval, Period
from app.billing.price_models import needs_events, unit_price_path
from app.billing.pricing import RULES_VERSION, LineInputs, PricedLine, price_line
from app.billing.proration import PartOfPeriod
from app.metering.usage import PeriodUsage, UsageRequest, period_usage
from app.services.terms import Agreement, Term


class Subscribed(Protocol):
    """What rating needs to know of a subscription, be it a model or a light row."""

    id: str
    customer_id: str
    billing_interval: BillingInterval


@dataclass(frozen=True)
class Charge:
    """A term to be rated over a window of a subscription, which may be a part of a whole period."""

    subscription_id: str
    customer_id: str
    term: Term
    window: PartOfPeriod


@dataclass(frozen=True)
class RatedLine:
    """A line as an invoice or a preview shows it, with the counter that has its usage, where there is one."""

    charge: Charge
    inputs: LineInputs
    priced: PricedLine
    usage_counter_id: int | None = None

    @property
    def corrects_line_id(self) -> None:
        """It corrects no other line."""

    @property
    def rules_version(self) -> int:
        """The rules by which it is priced."""
        return RULES_VERSION

    @property
    def metering(self) -> dict[str, Any] | None:
        """How its events are found and read, as it is stored; None for a fee."""
        metering = self.charge.term.metering
        return None if metering is None else metering.to_json()

    @property
    def taxable(self) -> bool:
        """Whether tax is charged on it: what has a price is taxed."""
        return True

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
    """Rate charges in their order. The usage of all of them is read in one go."""
    requests = {charge: usage_request(charge) for charge in charges if charge.term.metering}
    usage = await period_usage(session, environment_id, requests.values())
    return [_rate_one(charge, usage[requests[charge]] if charge in requests else PeriodUsage()) for charge in charges]


def lines_by_subscription(rated: Iterable[RatedLine]) -> dict[str, list[RatedLine]]:
    """Return lines by the subscriptions they charge, each one's in their order."""
    found: defaultdict[str, list[RatedLine]] = defaultdict(list)
    for line in rated:
        found[line.charge.subscription_id].append(line)
    return dict(found)


def usage_request(charge: Charge) -> UsageRequest:
    """Return what to ask the counters for a metered charge."""
    term, part = charge.term, charge.window.part
    assert term.metering is not None, "only metered prices have usage"
    return UsageRequest(
        subscription_id=charge.subscription_id,
        customer_id=charge.customer_id,
        price_id=term.price_id,
        metric=term.metering.metric,
        start=part.start,
        end=part.end,
        needs_events=needs_events(term.model),
        unit_price_property=unit_price_path(term.model),
    )


def next_boundary(subscription: Subscribed, agreements: Iterable[Agreement], instant: datetime) -> datetime:
    """Return the first instant after another at which a window of any cadence ends: the plan's, or that of a price."""
    ends = []
    for agreement in agreements:
        if agreement.calendar.covers(instant):
            intervals = intervals_of(agreement.terms) | {subscription.billing_interval}
            ends.append(agreement.calendar.next_boundary(intervals, instant))
    assert ends, "what has ended has no boundary to come"
    return min(ends)


def intervals_of(terms: Iterable[Term]) -> set[BillingInterval]:
    """Return how long the windows of some prices are."""
    return {term.interval for term in terms if term.interval is not None}


def charges_at_start(subscription: Subscribed, agreements: Iterable[Agreement], start: datetime) -> list[Charge]:
    """Return what is due at the start: the in-advance prices of the first windows, and what is charged once."""
    charges = []
    for agreement in agreements:
        for term in agreement.terms:
            if term.payment_term is PaymentTerm.IN_ADVANCE:
                window = agreement.calendar.window(term.interval or subscription.billing_interval, start)
                # What is charged once is charged whole, however short the first period is.
                whole = PartOfPeriod(window.part, window.part) if term.interval is None else window
                charges.append(_charge(subscription, term, whole))
    return charges


def charges_at_boundary(
    subscription: Subscribed, agreements: Sequence[Agreement], boundary: datetime, since: datetime | None = None
) -> list[Charge]:
    """Return what a boundary bills: the arrears of the windows that end there, then the advance of those that begin.

    Windows that a change has cut short end between two boundaries: those that end after `since` are billed, too.
    """
    arrears, advance = [], []
    for agreement in agreements:
        calendar, ended_at = agreement.calendar, agreement.calendar.ended_at
        end = boundary if ended_at is None or boundary <= ended_at else ended_at
        if calendar.started_at < end and (end == boundary or (since is not None and since < end)):
            arrears += _charges_ending(subscription, agreement, end)
        if calendar.covers(boundary):
            advance += charges_beginning(subscription, agreement, boundary)
    return arrears + advance


def _charges_ending(subscription: Subscribed, agreement: Agreement, end: datetime) -> list[Charge]:
    """Return the arrears of the windows of an agreement that end at an instant."""
    calendar, charged = agreement.calendar, []
    # Most terms have windows of the same length.
    windows = {interval: calendar.window_ending(interval, end) for interval in intervals_of(agreement.terms)}
    for term in agreement.terms:
        if term.payment_term is PaymentTerm.IN_ARREARS and term.interval is not None:
            window = windows[term.interval]
            if window is not None:
                charged.append(_charge(subscription, term, window))
    return charged


def charges_beginning(subscription: Subscribed, agreement: Agreement, begin: datetime) -> list[Charge]:
    """Return the advance of the windows of an agreement that begin at an instant; nothing that is charged once."""
    calendar, charged = agreement.calendar, []
    windows = {interval: calendar.window(interval, begin) for interval in intervals_of(agreement.terms)}
    for term in agreement.terms:
        if term.payment_term is PaymentTerm.IN_ADVANCE and term.interval is not None:
            window = windows[term.interval]
            if window.part.start == begin:
                charged.append(_charge(subscription, term, window))
    return charged


def charges_running(subscription: Subscribed, agreements: Iterable[Agreement], boundary: datetime) -> list[Charge]:
    """Return the metered prices over the windows that run until the next boundary."""
    return [
        _charge(subscription, term, agreement.calendar.window_before(term.interval, boundary))
        for agreement in agreements
        if agreement.calendar.runs_before(boundary)
        for term in agreement.terms
        if term.metering is not None and term.interval is not None
    ]


def charges_of_lines(
    subscription: Subscribed, agreements: Iterable[Agreement], lines: Iterable[models.InvoiceLine]
) -> list[Charge]:
    """Return what arrears lines of a draft charge, in their order, so that they can be rated again."""
    held: defaultdict[str, list[tuple[Calendar, Term]]] = defaultdict(list)
    for agreement in agreements:
        for term in agreement.terms:
            held[term.price_id].append((agreement.calendar, term))
    windows: dict[tuple[Calendar, BillingInterval, datetime], PartOfPeriod] = {}
    charges = []
    for line in lines:
        calendar, term = next(one for one in held[str(line.price_id)] if one[0].covers(line.period_start))
        assert term.interval is not None, "what is charged once is not in arrears"
        key = (calendar, term.interval, line.period_start)
        if key not in windows:
            windows[key] = calendar.window(term.interval, line.period_start)
        if windows[key].part != Period(line.period_start, line.period_end):
            raise InvariantBroken(f"The window of the line {line.id} is another one now.")
        charges.append(_charge(subscription, term, windows[key]))
    return charges


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


def _rate_one(charge: Charge, usage: PeriodUsage) -> RatedLine:
    term, metering = charge.term, charge.term.metering
    measured = None if metering is None else _measured(metering, term, usage)
    inputs = inputs_of(term, charge.window, measured)
    return RatedLine(charge, inputs, price_line(inputs), usage.counter_id)


def _measured(metering: Metering, term: Term, usage: PeriodUsage) -> Measured:
    aggregation = metering.metric.aggregation
    if needs_events(term.model):
        return measure(aggregation, term.model, usage.events)
    return Measured(quantity_of(aggregation, usage.tallied), usage.tallied.event_count, None)
