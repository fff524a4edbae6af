"""A history played through the pure functions of the product alone, with nothing stored anywhere."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

from app.billing.anchors import anchor_instant
from app.billing.calendars import Calendar
from app.billing.credit import Balance, apply_credit
from app.billing.extraction import UncountedReason, unit_price
from app.billing.filters import filter_to_json
from app.billing.invoicing import AssessedLine, Assessment, Correction, DiscountSoFar
from app.billing.line_inputs import LineInputs
from app.billing.measuring import ReadEvent, measure
from app.billing.money import minor_to_decimal
from app.billing.periods import BillingInterval
from app.billing.price_models import unit_price_path
from app.billing.pricing import PricedLine, price_line
from app.billing.tax import TaxTerms
from app.metering.coverage import Coverage
from app.metering.facts import CustomerNames
from app.services.agreements import Agreement
from app.services.charges import Charge, charges_at_boundary, charges_at_start, next_boundary
from app.services.rating import inputs_of
from app.services.terms import Term
from tests.naive.history import Event, History, Subscription
from tests.naive.invoices import Invoice, Line
from tests.naive.issuing import typed_line
from tests.support.history_terms import (
    adjusting_of,
    anchor_of,
    arrived,
    cadence_of,
    data_of,
    filter_of,
    terms_of,
)

NAMES = CustomerNames(frozenset({"CUSTOMER"}), {"CUSTOMER": "CUSTOMER"})


@dataclass
class Subscribed:
    """A subscription as rating needs it."""

    id: str
    customer_id: str
    plan_version_id: str
    billing_interval: BillingInterval
    started_at: datetime
    anchor_at: datetime
    timezone: str

    def agreed(self, terms: list[Term]) -> list[Agreement]:
        return [Agreement(Calendar(self.anchor_at, self.started_at, self.timezone), terms)]


@dataclass(frozen=True)
class Known:
    """The customer's events that had come at an instant, each read once, and whom they may be billed to."""

    events: list[tuple[Event, dict[str, Any]]]
    coverage: Coverage


@dataclass(frozen=True)
class Rated:
    """A line on its way to an invoice."""

    charge: Charge
    inputs: LineInputs
    priced: PricedLine
    events: frozenset[str]


@dataclass
class Billed:
    """A charge that was billed: on which invoice, with which events and discounts, and what was charged so far."""

    charge: Charge
    invoice: str
    events: frozenset[str]
    charged_minor: int
    discounts: tuple[str, ...]


@dataclass
class Book:
    """What a subscription was billed, and what discounts took of its invoices, by the invoice and the discount's id."""

    billed: list[Billed] = field(default_factory=list)
    discounts: dict[tuple[str, str], DiscountSoFar] = field(default_factory=dict)


def play(history: History, issued: Iterable[Invoice]) -> list[Invoice]:
    """Compute the invoices that are given by their subscription, their boundary and what was known, in that order."""
    subscribed = [subscribed_of(one) for one in history.subscriptions]
    terms = [terms_of(one) for one in history.subscriptions]
    credit: defaultdict[str, list[Balance]] = defaultdict(list)
    for place, one in enumerate(history.credit):
        credit[one.currency].append(Balance(f"cre_{place}", one.amount_minor))
    found = []
    books = [Book() for _ in history.subscriptions]
    for invoice in issued:
        for number, one in enumerate(invoice.credit_before):
            entry_id = f"returned_{invoice.subscription}_{invoice.boundary}_{number}"
            credit[one.currency].append(Balance(entry_id, one.amount_minor))
        assert invoice.known_before is not None
        own, place = subscribed[invoice.subscription], invoice.subscription
        if invoice.boundary is None:
            charges = charges_at_start(own, own.agreed(terms[place]), own.started_at)
        else:
            charges = charges_at_boundary(own, own.agreed(terms[place]), invoice.boundary)
        known = _known(history, invoice.known_before, invoice.expired)
        rated = [_rate(own, charge, known) for charge in charges]
        lines = [AssessedLine(line.priced.amount_minor, line.charge.window.part.start) for line in rated]
        lines += [AssessedLine(one.amount_minor, None, one.taxable) for one in invoice.typed]
        adjusting, book = adjusting_of(history, history.subscriptions[place], invoice.boundary), books[place]
        late = [] if invoice.boundary is None else list(_late(own, book, known))
        lines += [_correcting(book, billed, line, adjusting.tax) for billed, line in late]
        assessment = adjusting.assess(lines)
        currency = history.subscriptions[place].plan.currency
        new = [replace(line, events=line.events ^ billed.events) for billed, line in late]
        found.append(_invoice(invoice, rated, new, assessment, currency, credit[currency]))
        _write_down(book, str(invoice.boundary), rated, late, assessment)
    return found


def boundaries(subscription: Subscription, until: datetime) -> list[datetime]:
    """The boundaries of a subscription, each found from the one before it, and the first after an instant."""
    own = subscribed_of(subscription)
    agreed = own.agreed(terms_of(subscription))
    found = [next_boundary(own, agreed, own.started_at)]
    while found[-1] <= until:
        found.append(next_boundary(own, agreed, found[-1]))
    return found


def subscribed_of(subscription: Subscription) -> Subscribed:
    """What a subscription is when it has begun."""
    interval, started_at = BillingInterval(subscription.plan.interval), subscription.started_at
    anchor_at = anchor_instant(anchor_of(subscription.plan.anchor), interval, started_at, subscription.zone)
    place = f"sub_{subscription.place}"
    return Subscribed(place, "CUSTOMER", place, interval, started_at, anchor_at, subscription.zone)


def _known(history: History, now: datetime, expired: frozenset[int]) -> Known:
    mine = (event for event in arrived(history, now) if NAMES.resolve(event.subject, event.external_subject))
    events = [(event, data_of(event)) for event in mine]
    return Known(events, _coverage(history, now, expired))


def _rate(own: Subscribed, charge: Charge, known: Known) -> Rated:
    metering = charge.term.metering
    if metering is None:
        inputs = inputs_of(charge.term, charge.window, None)
        return Rated(charge, inputs, price_line(inputs), frozenset())
    events = list(_read(own, charge, known))
    inputs = inputs_of(charge.term, charge.window, measure(metering.metric.aggregation, charge.term.model, events))
    return Rated(charge, inputs, price_line(inputs), frozenset(event.value.event_id for event in events))


def _late(own: Subscribed, book: Book, known: Known) -> Iterable[tuple[Billed, Rated]]:
    """Rate again what was billed with other events than are known now, less what was charged for it."""
    in_order = sorted(book.billed, key=lambda one: (one.charge.window.part.end, one.charge.window.part.start))
    for billed in in_order:
        line = _rate(own, billed.charge, known)
        if line.events != billed.events:
            before = minor_to_decimal(billed.charged_minor, line.inputs.currency)
            inputs = replace(line.inputs, charged_before=before)
            yield billed, Rated(billed.charge, inputs, price_line(inputs), line.events)


def _correcting(book: Book, billed: Billed, line: Rated, tax: TaxTerms) -> AssessedLine:
    discounts = tuple(book.discounts[billed.invoice, name] for name in billed.discounts)
    correction = Correction(billed.invoice, discounts, tax)
    return AssessedLine(line.priced.amount_minor, None, correction=correction)


def _write_down(
    book: Book, invoice: str, rated: list[Rated], late: list[tuple[Billed, Rated]], assessment: Assessment
) -> None:
    """Note what an invoice billed, and what it corrected."""
    for place, line in enumerate(rated):
        if line.charge.term.metering is not None:
            names = tuple(one.terms.id for one in assessment.discounts if one.shares_minor[place] is not None)
            book.billed.append(Billed(line.charge, invoice, line.events, line.priced.amount_minor, names))
    for one in assessment.discounts:
        book.discounts[invoice, one.terms.id] = DiscountSoFar(one.terms, one.base_minor, one.taken_minor)
    corrected = {place: billed for place, (billed, _) in enumerate(late)}
    first = len(assessment.corrected_taxes) and min(assessment.corrected_taxes)
    for change in assessment.corrected_discounts:
        book.discounts[corrected[change.place - first].invoice, change.after.terms.id] = change.after
    for billed, line in late:
        billed.events, billed.charged_minor = line.events, billed.charged_minor + line.priced.amount_minor


def _read(own: Subscribed, charge: Charge, known: Known) -> Iterable[ReadEvent]:
    metering, path = charge.term.metering, unit_price_path(charge.term.model)
    assert metering is not None
    metric = metering.metric
    for event, data in known.events:
        if event.type != metric.event_type or not charge.window.part.contains(event.timestamp):
            continue
        value, dimensions = metric.value_of(event.key, event.timestamp, data), metric.dimensions_of(data)
        owner = known.coverage.owner(own.customer_id, metric.id, event.timestamp, dimensions)
        if isinstance(value, UncountedReason) or owner is None or owner.subscription_id != own.id:
            continue
        if metering.takes(dimensions):
            yield ReadEvent(value, None if path is None else unit_price(path, data))


def _coverage(history: History, now: datetime, expired: frozenset[int]) -> Coverage:
    """Whom events may be billed to: the subscriptions there are, the oldest first."""
    rows = []
    for subscription in sorted(history.subscriptions, key=lambda one: one.started_at):
        if subscription.started_at < now and subscription.place not in expired:
            own = subscribed_of(subscription)
            rows += [
                SimpleNamespace(
                    id=own.id,
                    plan_version_id=own.plan_version_id,
                    customer_id=own.customer_id,
                    billable_metric_id=price.metric.name,
                    started_at=own.started_at,
                    phase_number=0,
                    start_at=own.started_at,
                    end_at=None,
                    anchor_at=own.anchor_at,
                    calendar_number=0,
                    timezone=own.timezone,
                    billing_interval=own.billing_interval,
                    cadence=cadence_of(price),
                    filter=filter_to_json(filter_of(price)),
                    price_id=f"{own.id}_{number}",
                )
                for number, price in enumerate(subscription.plan.prices)
                if price.metric is not None
            ]
    return Coverage(rows)


def _invoice(
    issued: Invoice,
    rated: list[Rated],
    late: list[Rated],
    assessment: Assessment,
    currency: str,
    balances: list[Balance],
) -> Invoice:
    if assessment.carried_to_credit_minor:
        entry_id = f"carried_{issued.subscription}_{issued.boundary}"
        balances.append(Balance(entry_id, assessment.carried_to_credit_minor))
    taken = {one.entry_id: one.left_minor for one in apply_credit(assessment.total_minor, balances)}
    balances[:] = [Balance(one.entry_id, one.left_minor - taken.get(one.entry_id, 0)) for one in balances]
    lines = [_line(one, place, assessment) for place, one in enumerate(rated)]
    for place, one in enumerate(issued.typed, len(rated)):
        lines.append(typed_line(one, currency, lines[0], *_shares(assessment, place)))
    lines += [_line(one, place, assessment) for place, one in enumerate(late, len(lines))]
    return Invoice(
        issued.subscription,
        issued.reason,
        issued.boundary,
        tuple(lines),
        assessment.subtotal_minor,
        assessment.discount_minor,
        assessment.tax_minor,
        assessment.carried_to_credit_minor,
        assessment.total_minor,
        sum(taken.values()),
    )


def _shares(assessment: Assessment, place: int) -> tuple[int, int]:
    """A line's share of the discounts and of the tax."""
    discounts = sum(taken.shares_minor[place] or 0 for taken in assessment.discounts)
    discounts += sum(change.share_minor for change in assessment.corrected_discounts if change.place == place)
    return discounts, sum(part.shares_minor[place] or 0 for part in assessment.taxes)


def _line(rated: Rated, place: int, assessment: Assessment) -> Line:
    discount_minor, tax_minor = _shares(assessment, place)
    return Line(
        description=f"{rated.charge.term.description}{'' if rated.inputs.charged_before is None else ' (late usage)'}",
        start=rated.charge.window.part.start,
        end=rated.charge.window.part.end,
        quantity=Fraction(rated.inputs.quantity),
        exact=Fraction(rated.priced.exact_amount),
        amount_minor=rated.priced.amount_minor,
        discount_minor=discount_minor,
        tax_minor=tax_minor,
        events=rated.events,
    )
