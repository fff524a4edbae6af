"""What random people do to subscriptions: trials, changes, ends, payments and corrections, at odd instants."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from tests.naive.history import GRACE, Act, Annul, Catalog, Change, End, Note, Pay, Plan, Resume, Subscription
from tests.naive.windows import TICK, billed_from

MINORS = (None, None, 1, 7, 500, 4900, 10**6)


def livened(random: Random, subscription: Subscription, until: datetime) -> Subscription:
    """Let a subscription begin with a trial, or with an end in sight."""
    if random.random() < 0.25:
        paid_at, trial = subscription.paid_at, random.choice((1, 14, 30))
        subscription = replace(subscription, trial_days=trial)
        if paid_at is not None:
            wait = paid_at - subscription.started_at
            subscription = replace(subscription, paid_at=billed_from(subscription) + wait)
    if random.random() < 0.15:
        begins = billed_from(subscription)
        span = max((until - begins) // TICK, 1)
        ending_at = begins + timedelta(days=1) + TICK * random.randrange(span)
        subscription = replace(subscription, ending_at=ending_at)
    return subscription


def random_acts(
    random: Random,
    catalog: Catalog,
    subscriptions: Sequence[Subscription],
    edges: Sequence[datetime],
    until: datetime,
) -> tuple[Act, ...]:
    """Acts in the order of their instants, some of them at the same one, some at a boundary or in its grace time."""
    instants = sorted(_instant(random, edges, until) for _ in range(random.choice((0, 1, 2, 3, 4, 6))))
    if len(instants) > 1 and random.random() < 0.3:
        instants[1] = instants[0]
    return tuple(_act(random, catalog, random.choice(subscriptions), at) for at in instants)


def _instant(random: Random, edges: Sequence[datetime], until: datetime) -> datetime:
    at = edges[0] + TICK * random.randrange(max((until - edges[0]) // TICK, 1))
    if random.random() < 0.4:
        at = random.choice(edges) + random.choice(
            (timedelta(), timedelta(), GRACE / 2, GRACE, -TICK, timedelta(hours=9))
        )
    return min(max(at, edges[0]), until)


def _act(random: Random, catalog: Catalog, subscription: Subscription, at: datetime) -> Act:
    place, number = subscription.place, random.randrange(12)
    kinds = ("CHANGE",) * 8 + ("END", "END", "RESUME", "PAY", "PAY", "ANNUL", "NOTE", "NOTE", "NOTE")
    match random.choice(kinds):
        case "CHANGE":
            return _change(random, catalog, subscription, at)
        case "END":
            return End(place, at, random.random() < 0.4, random.random() < 0.6)
        case "RESUME":
            return Resume(place, at)
        case "PAY":
            return Pay(place, at, number)
        case "ANNUL":
            return Annul(place, at, number)
        case _:
            line = random.choice((None, random.randrange(6)))
            return Note(place, at, number, line, random.choice(MINORS), random.random() < 0.2)


def _change(random: Random, catalog: Catalog, subscription: Subscription, at: datetime) -> Change:
    own = subscription.plan
    alike = [one for one in catalog.plans if (one.currency, one.tax_inclusive) == (own.currency, own.tax_inclusive)]
    plan: Plan = random.choice(alike)
    fees = [price for price in plan.prices if price.metric is None and random.random() < 0.4]
    quantities = tuple((fee.name, random.choice((Decimal(1), Decimal(3), Decimal("0.5")))) for fee in fees)
    return Change(subscription.place, at, plan, quantities, random.random() < 0.25)
