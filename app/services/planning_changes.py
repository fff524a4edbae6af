"""What a change of a subscription comes to, before anything of it is written: for previews, and for the change."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.anchors import anchor_from_json
from app.billing.calendars import Calendar
from app.billing.catalog.changes import ChangeDraft, check_change
from app.billing.errors import ErrorCode, Problems
from app.billing.lifecycle import ChangeTime, PaymentTerm, VersionPolicy
from app.billing.periods import BillingInterval, Period
from app.billing.proration import PartOfPeriod
from app.services.agreements import Agreement, Kept, agreements_by_subscription, kept
from app.services.charges import Charge, charge_of, charges_once
from app.services.lookup import find, require
from app.services.phases import Destination, NextPhase, end_of_period, next_phase, quantities_by_subscription
from app.services.plans import default_version
from app.services.rating import RatedLine, rate
from app.services.renewals import RENEWING
from app.services.subscriptions import chosen_discounts, chosen_quantities, refuse_archived
from app.services.terms import Term, terms_by_version
from app.services.unused import Unused, find_unused


@dataclass(frozen=True)
class Target:
    """What a subscription is to agree to: a version of a plan, and its quantities of fees by the ids of the prices."""

    plan: models.Plan
    version: models.PlanVersion
    quantities: Mapping[str, Decimal]


@dataclass(frozen=True)
class PlannedChange:
    """What becomes of a subscription at an instant: what it agrees to then, what is given back and what is charged."""

    phase: NextPhase
    agreements: Sequence[Agreement]
    unused: Sequence[Unused]
    lines: Sequence[RatedLine]

    def begins_calendar(self, subscription: models.Subscription) -> bool:
        """Tell whether its periods are counted from another anchor."""
        return self.phase.billing_interval is not subscription.billing_interval


async def check_target(
    session: AsyncSession, subscription: models.Subscription, draft: ChangeDraft, now: datetime
) -> tuple[Target, list[int | None]]:
    """Return what a draft wants a subscription to become, with its discounts in minor units (None for a percentage).

    Refused with every problem, named by its argument.
    """
    problems = Problems()
    check_change(draft, problems)
    if subscription.status not in RENEWING:
        message = f"the subscription is {subscription.status}; only one that is active changes"
        problems.add(ErrorCode.SUBSCRIPTION_NOT_ACTIVE, "subscriptionId", message)
        problems.raise_if_any()
    target = await _find_target(session, problems, subscription, draft)
    discounts = chosen_discounts(problems, draft.discounts, subscription.currency, now)
    if draft.at is ChangeTime.PERIOD_END and subscription.ending_at == end_of_period(subscription):
        problems.add(ErrorCode.INVALID, "at", "the subscription ends with this period; reactivate it first")
    problems.raise_if_any()
    assert target is not None
    return target, discounts


async def _find_target(
    session: AsyncSession, problems: Problems, subscription: models.Subscription, draft: ChangeDraft
) -> Target | None:
    """Return what a subscription is to become, noting what it can't. Quantities that it has stay, where they fit."""
    environment_id = subscription.environment_id
    plan, version = await _chosen(session, problems, subscription, draft)
    given = await chosen_quantities(session, problems, draft.quantities, version)
    if plan is None or version is None:
        return None
    field = "planId" if draft.plan is not None else "planVersionId"
    _check_plan(problems, field, subscription, plan)
    terms = (await terms_by_version(session, environment_id, [version.id])).get(version.id, [])
    own = (await quantities_by_subscription(session, environment_id, [subscription.id])).get(subscription.id, {})
    contained = {term.price_id for term in terms}
    target = Target(plan, version, {key: quantity for key, quantity in (own | given).items() if key in contained})
    is_same = version.id == subscription.plan_version_id and _resolved(terms, target.quantities) == _resolved(
        terms, own
    )
    if is_same and not draft.discounts and not problems.errors:
        problems.add(ErrorCode.NOTHING_CHANGES, None, "the subscription has these terms already")
    return target


def _resolved(terms: Iterable[Term], quantities: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {term.price_id: quantities.get(term.price_id, term.quantity) for term in terms}


async def _chosen(
    session: AsyncSession, problems: Problems, subscription: models.Subscription, draft: ChangeDraft
) -> tuple[models.Plan | None, models.PlanVersion | None]:
    environment_id = subscription.environment_id
    if draft.plan is not None:
        plan = await require(session, problems, "planId", models.Plan, environment_id, draft.plan)
        if plan is not None and plan.id != subscription.plan_id:
            await refuse_archived(session, problems, "planId", plan)
        return plan, None if plan is None else await default_version(session, plan)
    reference = subscription.plan_version_id if draft.plan_version is None else draft.plan_version
    version = await require(session, problems, "planVersionId", models.PlanVersion, environment_id, reference)
    if version is None:
        return None, None
    if version.published_at is None:
        message = "the version is a draft: planVersionPublish first"
        problems.add(ErrorCode.PLAN_VERSION_NOT_PUBLISHED, "planVersionId", message)
    plan = await find(session, models.Plan, environment_id, version.plan_id)
    if plan is not None and plan.id != subscription.plan_id:
        await refuse_archived(session, problems, "planVersionId", plan)
    return plan, version


def _check_plan(problems: Problems, field: str, subscription: models.Subscription, plan: models.Plan) -> None:
    if plan.product_id != subscription.product_id:
        message = "the plan is of another product: subscribe to it in its own right"
        problems.add(ErrorCode.PRODUCT_MISMATCH, field, message)
    if plan.currency != subscription.currency:
        message = f"the plan is in {plan.currency}, the subscription in {subscription.currency}"
        problems.add(ErrorCode.CURRENCY_MISMATCH, field, message)
    if plan.tax_behavior != subscription.tax_behavior:
        message = f"the prices of the plan are {plan.tax_behavior} of tax, those of the subscription"
        problems.add(ErrorCode.INVALID, field, f"{message} {subscription.tax_behavior}: an invoice is one or the other")


async def plan_change(
    session: AsyncSession, subscription: models.Subscription, target: Target, at: datetime
) -> PlannedChange:
    """Return what a change at an instant comes to. Reads only.

    At the end of the period nothing is given back, and the invoice of that boundary has all that is charged.
    """
    environment_id = subscription.environment_id
    plan, anchor = target.plan, anchor_from_json(target.plan.billing_anchor)
    to = Destination(plan.id, target.version.id, plan.billing_interval, anchor)
    phase = next_phase(subscription, at, to, target.quantities)
    planned = {subscription.id: [phase, *await _floated(session, subscription, target, phase)]}
    [before] = (await agreements_by_subscription(session, environment_id, [subscription], {})).values()
    [after] = (await agreements_by_subscription(session, environment_id, [subscription], planned)).values()
    if at == end_of_period(subscription):
        return PlannedChange(phase, after, (), ())
    old, new = _in_force(before, at), _in_force(after, at)
    stopped = {term.price_id for key, (_, term) in old.items() if key not in new and _is_advance(term)}
    begun = [held for key, held in new.items() if key not in old and _is_advance(held[1])]
    charges = [_rest(subscription, calendar, term, at) for calendar, term in begun]
    if phase.is_other_plan:
        charges += charges_once(subscription, {held for held, _ in old}, after, at, phase.billing_interval)
    unused = await find_unused(session, subscription, stopped, at)
    return PlannedChange(phase, after, unused, await rate(session, environment_id, charges))


async def _floated(
    session: AsyncSession, subscription: models.Subscription, target: Target, phase: NextPhase
) -> list[NextPhase]:
    """Return what follows a change of one that floats and keeps its version, where another has become the default."""
    floats = subscription.version_policy is VersionPolicy.FLOATING and target.version.id == subscription.plan_version_id
    default = await default_version(session, target.plan)
    if not floats or default.id == target.version.id:
        return []
    to = Destination(target.plan.id, default.id, target.plan.billing_interval)
    return [next_phase(subscription, max(end_of_period(subscription), phase.start_at), to, None)]


def _in_force(agreements: Iterable[Agreement], at: datetime) -> dict[tuple[Kept, datetime], tuple[Calendar, Term]]:
    """Return the terms that hold at an instant by what makes two of them the same: themselves, and their anchor."""
    return {
        (kept(term), agreement.calendar.anchor_at): (agreement.calendar, term)
        for agreement in agreements
        if agreement.calendar.covers(at)
        for term in agreement.terms
    }


def _is_advance(term: Term) -> bool:
    return term.payment_term is PaymentTerm.IN_ADVANCE and term.interval is not None


def _rest(subscription: models.Subscription, calendar: Calendar, term: Term, at: datetime) -> Charge:
    """Return the charge of a term that begins at an instant, for the rest of the period that contains it."""
    interval: BillingInterval | None = term.interval
    assert interval is not None, "only what recurs has periods"
    window = calendar.window(interval, at)
    return charge_of(subscription, term, PartOfPeriod(Period(at, window.part.end), window.whole))
