"""What a change of a subscription would come to, by the functions that make it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.changes import ChangeDraft
from app.billing.crediting import predict_credit_note
from app.billing.discounts import DiscountTerms
from app.billing.errors import Problems
from app.billing.lifecycle import ChangeTime, InvoiceStatus
from app.billing.periods import BillingInterval
from app.services.adjusting import Adjusting, adjusting_by_subscription
from app.services.agreements import Agreement
from app.services.charges import Charge, arrears_at, charges_at_boundary, next_boundary
from app.services.credit import credit_by_customer
from app.services.crediting import creditable_lines
from app.services.customer_time import read_customers_now
from app.services.following import charges_with_phase
from app.services.invoices import assessed, drafted_subscriptions, lines_of
from app.services.late_lines import late_lines
from app.services.lookup import all_by_id, require
from app.services.phases import end_of_period
from app.services.planning_changes import PlannedChange, check_target, plan_change
from app.services.previews import UpcomingInvoice
from app.services.principal import Principal
from app.services.rating import RatedLine, rate, with_covered
from app.services.subscription_windows import boundary_to_come
from app.services.unused import Unused


@dataclass(frozen=True)
class CreditPreview:
    """What would be given back of an invoice, in minor units; a draft would charge as much less."""

    invoice_id: str
    currency: str
    total_minor: int
    reduces_due_minor: int
    to_credit_minor: int


@dataclass(frozen=True)
class ChangePreview:
    """What a change would come to: what is given back, what is charged at once, and the invoice that follows.

    `credit_applied_minor` is what of the invoice the customer's credit would pay.
    """

    effective_at: datetime
    currency: str
    credits: tuple[CreditPreview, ...]
    invoice: UpcomingInvoice | None
    credit_applied_minor: int
    due_minor: int
    next_invoice: UpcomingInvoice | None


@dataclass
class _Subscriber:
    """A subscription as it would be: rating takes it for one."""

    id: str
    customer_id: str
    billing_interval: BillingInterval


async def preview_change(
    session: AsyncSession, principal: Principal, now: datetime, draft: ChangeDraft
) -> ChangePreview:
    """Return what a change would come to now, or at the end of the period. Reads only.

    Refused with every problem, named by its argument, like the change.
    """
    problems, environment_id = Problems(), principal.environment_id
    subscription = await require(
        session, problems, "subscriptionId", models.Subscription, environment_id, draft.subscription
    )
    problems.raise_if_any()
    assert subscription is not None
    customer = await session.get_one(models.Customer, (environment_id, subscription.customer_id))
    now = await read_customers_now(session, customer, now)
    target, amounts = await check_target(session, subscription, draft, now)
    at = now if draft.at is ChangeTime.NOW else end_of_period(subscription)
    planned = await plan_change(session, subscription, target, at)
    discounts = [
        DiscountTerms("", one.name, one.percentage, minor, one.starts_at or now, one.ends_at)
        for one, minor in zip(draft.discounts, amounts, strict=True)
    ]
    adjusting = (await adjusting_by_subscription(session, environment_id, [subscription], discounts))[subscription.id]
    given_back = await _credits(session, subscription, planned.unused, adjusting)
    invoice = _invoice(planned.lines, adjusting, at, subscription.currency) if planned.lines else None
    balance = (await credit_by_customer(session, environment_id, [customer.id])).get(customer.id, {})
    in_hand = balance.get(subscription.currency, 0) + sum(one.to_credit_minor for one in given_back)
    total = 0 if invoice is None else invoice.assessment.total_minor
    applied = min(total, in_hand)
    following = await _following(session, subscription, planned, adjusting, now)
    return ChangePreview(at, subscription.currency, given_back, invoice, applied, total - applied, following)


def _invoice(lines: Sequence[RatedLine], adjusting: Adjusting, at: datetime, currency: str) -> UpcomingInvoice:
    return UpcomingInvoice(at, currency, adjusting.assess([line.assessed for line in lines]), tuple(lines))


async def _credits(
    session: AsyncSession, subscription: models.Subscription, unused: Sequence[Unused], adjusting: Adjusting
) -> tuple[CreditPreview, ...]:
    ids = {one.line.invoice_id for one in unused}
    invoices = await all_by_id(session, models.Invoice, subscription.environment_id, ids)
    found = []
    for invoice in sorted(invoices.values(), key=lambda one: (one.created_at, one.id)):
        own = {one.line.id: one.amount_minor for one in unused if one.line.invoice_id == invoice.id}
        if invoice.status is InvoiceStatus.DRAFT:
            total = await _cut(session, invoice, own, adjusting)
            found.append(CreditPreview(invoice.id, invoice.currency, total, total, 0))
            continue
        lines = await creditable_lines(session, invoice)
        predicted = predict_credit_note(lines, own, invoice.due_minor)
        reduces, beyond = predicted.reduces_due_minor, predicted.beyond_due_minor
        found.append(CreditPreview(invoice.id, invoice.currency, predicted.total_minor, reduces, beyond))
    return tuple(found)


async def _cut(session: AsyncSession, invoice: models.Invoice, own: Mapping[str, int], adjusting: Adjusting) -> int:
    """Return by how much less a draft would come to, with so much less of the amounts of some lines."""
    rows = await lines_of(session, invoice)
    lines = [assessed(row) for row in rows]
    taken = [own.get(row.id, 0) for row in rows]
    less = [replace(line, amount_minor=line.amount_minor - off) for line, off in zip(lines, taken, strict=True)]
    return adjusting.assess(lines).total_minor - adjusting.assess(less).total_minor


async def _following(
    session: AsyncSession,
    subscription: models.Subscription,
    planned: PlannedChange,
    adjusting: Adjusting,
    now: datetime,
) -> UpcomingInvoice | None:
    """Return the invoice after that of the change: of arrears, where periods begin anew, or of the next boundary."""
    at, charges = _charges_following(subscription, planned, planned.agreements, now)
    environment_id = subscription.environment_id
    lines = with_covered(await rate(session, environment_id, charges))
    if not lines:
        return None
    found = _invoice(lines, adjusting, at, subscription.currency)
    if await drafted_subscriptions(session, environment_id, [subscription.id]):
        return found
    late = (await late_lines(session, environment_id, [subscription])).get(subscription.id, ())
    listed = (*found.lines, *late)
    return replace(found, lines=listed, assessment=adjusting.assess([line.assessed for line in listed]))


def _charges_following(
    subscription: models.Subscription, planned: PlannedChange, agreements: Sequence[Agreement], now: datetime
) -> tuple[datetime, list[Charge]]:
    subscriber = _Subscriber(subscription.id, subscription.customer_id, planned.phase.billing_interval)
    since = subscription.last_boundary_at
    if planned.phase.start_at > now:
        at = subscription.next_boundary_at
        assert at is not None, "what runs has a boundary"
        return at, charges_with_phase(subscriber, agreements, planned.phase, at, since)
    if planned.begins_calendar(subscription):
        if arrears := arrears_at(subscriber, agreements, now, since):
            return now, arrears
        at = next_boundary(subscriber, agreements, now)
        return at, charges_at_boundary(subscriber, agreements, at, now)
    at = boundary_to_come(subscription, agreements, now)
    return at, charges_at_boundary(subscriber, agreements, at, since)
