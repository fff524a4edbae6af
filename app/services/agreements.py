"""What subscriptions agreed to: the terms of their plan versions, and over which spans of time they hold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.calendars import Calendar
from app.billing.decimals import parse_plain
from app.billing.filters import Filter
from app.billing.periods import BillingInterval
from app.billing.phases import joined
from app.services.phases import (
    Changeable,
    NextPhase,
    calendar_of,
    load_next_phases,
    load_phases,
    quantities_by_subscription,
)
from app.services.terms import Term, terms_by_version


class Agreed(Changeable, Protocol):
    """A subscription that may have changed, be it a model or a light row."""

    phase_number: int


@dataclass(frozen=True)
class Agreement:
    """Terms of a subscription that hold over the span of a calendar, which says in which windows they are charged."""

    calendar: Calendar
    terms: Sequence[Term]


async def agreements_by_subscription(
    session: AsyncSession,
    environment_id: str,
    subscriptions: Iterable[Agreed],
    following: Mapping[str, Sequence[NextPhase]] | None = None,
) -> dict[str, list[Agreement]]:
    """Return what each subscription agreed to: before its changes, now, and from the one on that is to come.

    They stand in the order in which they begin. `following` are phases to come, by subscription; None for those that
    are planned. Two statements, and one more where some of them changed or will.
    """
    listed = list(subscriptions)
    former = await load_phases(session, environment_id, [row.id for row in listed if row.phase_number])
    if following is None:
        following = listed_phases(await load_next_phases(session, environment_id, listed))
    versions = {row.plan_version_id for row in listed}
    versions.update(phase.plan_version_id for phases in following.values() for phase in phases)
    versions.update(phase.plan_version_id for phases in former.values() for phase in phases)
    terms = await terms_by_version(session, environment_id, versions)
    quantities = await quantities_by_subscription(session, environment_id, [row.id for row in listed])
    found = {}
    for row in listed:
        phases = [_of_phase(phase, row.timezone, terms) for phase in former.get(row.id, ())]
        own = _with_quantities(terms.get(row.plan_version_id, ()), quantities.get(row.id))
        now = _from_now(row, own, following.get(row.id, ()), terms, quantities.get(row.id))
        found[row.id] = _agreements([*phases, *now])
    return found


def listed_phases(phases: Mapping[str, NextPhase]) -> dict[str, list[NextPhase]]:
    """Return phases to come as lists of one."""
    return {subscription_id: [phase] for subscription_id, phase in phases.items()}


async def agreements_of(session: AsyncSession, subscription: models.Subscription) -> list[Agreement]:
    """Return what one subscription agreed to."""
    return (await agreements_by_subscription(session, subscription.environment_id, [subscription]))[subscription.id]


def _from_now(
    row: Agreed,
    own: Sequence[Term],
    following: Sequence[NextPhase],
    terms: Mapping[str, Sequence[Term]],
    quantities: Mapping[str, Decimal] | None,
) -> list[tuple[Calendar, Sequence[Term]]]:
    """Return the present phase, and those that follow it, where they begin before the end."""
    found, interval = [(calendar_of(row), own)], row.billing_interval
    for phase in following:
        calendar, held = found[-1]
        if calendar.is_over(phase.start_at):
            break
        quantities = quantities if phase.quantities is None else phase.quantities
        found[-1] = (replace(calendar, ended_at=phase.start_at), held)
        place = calendar.place if phase.billing_interval is interval else calendar.place + 1
        later = replace(calendar, anchor_at=phase.anchor_at, started_at=phase.start_at, place=place)
        interval = phase.billing_interval
        found.append((later, _with_quantities(terms.get(phase.plan_version_id, ()), quantities)))
    return found


def _of_phase(phase: Row[Any], timezone: str, terms: Mapping[str, Sequence[Term]]) -> tuple[Calendar, Sequence[Term]]:
    quantities = {price_id: parse_plain(quantity) for price_id, quantity in phase.quantities.items()}
    calendar = Calendar(phase.anchor_at, phase.start_at, timezone, phase.end_at, phase.calendar_number)
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
    last: dict[Kept, Term] = {}
    listed = []
    for calendar, terms in phases:
        own = {kept(term): term for term in terms}
        last |= own
        listed.append((calendar, own))
    return [Agreement(calendar, [last[one] for one in held]) for calendar, held in joined(listed)]


def kept(term: Term) -> "Kept":
    """Return what two terms have in common that are one on both sides of a change."""
    others = frozenset() if term.metering is None else frozenset(term.metering.others)
    return Kept(term.price_id, term.quantity, term.interval, others)


class Kept(NamedTuple):
    """What makes two terms the same, whatever versions they are of."""

    price_id: str
    quantity: Decimal
    interval: BillingInterval | None
    others: frozenset[Filter]
