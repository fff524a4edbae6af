"""Random histories of a seed: odd instants, repeated and late events, values at the edges of what counts."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from tests.naive.history import (
    GRACE,
    MINOR_DIGITS,
    Act,
    Catalog,
    Credit,
    Discount,
    Event,
    History,
    Interval,
    Plan,
    Subscription,
    Typed,
    Void,
    Who,
)
from tests.naive.random_acts import livened, random_acts
from tests.naive.random_catalogs import LARGEST, MODELS, amount, random_catalog, varied_catalog
from tests.naive.windows import MONTHS, billed_from, instant_of, windows

#: So many histories in a row are of one catalog.
HISTORIES_PER_CATALOG = 10
# Half-hour jumps, jumps at midnight into both directions, the largest offset there is, and no jumps at all.
ZONES = (
    *("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Kiritimati", "Asia/Kathmandu"),
    *("America/Santiago", "America/Havana"),
)
# Ends of months and leap days.
DAYS = ((2024, 1, 31), (2024, 2, 29), (2023, 2, 28), (2024, 12, 31), (2024, 5, 30), (2024, 8, 31), (2024, 6, 15))
# Nights in which clocks are changed: forwards, then backwards.
CHANGES = {
    "America/New_York": ((2024, 3, 10), (2024, 11, 3)),
    "Europe/Berlin": ((2024, 3, 31), (2024, 10, 27)),
    "Australia/Lord_Howe": ((2024, 10, 6), (2024, 4, 7)),
    "America/Santiago": ((2024, 9, 8), (2024, 4, 6)),
    "America/Havana": ((2024, 3, 10), (2024, 11, 3)),
}
CLOCKS = (
    "00:00",
    "00:00",
    "00:30",
    "01:30",
    "01:45",
    "02:00",
    "02:10",
    "02:30",
    "12:00",
    "23:00",
    "23:30",
    "23:59:59.999999",
)
TICK = timedelta(microseconds=1)
WHOM: tuple[tuple[Who, Who], ...] = (
    *((("CUSTOMER", None),) * 6),
    *(((None, "CUSTOMER"),) * 3),
    ("CUSTOMER", "STRANGER"),
    ("STRANGER", "CUSTOMER"),
)
VALUES = (
    *("0", "1", "2", "3", "5", "10", "7", "100", "0.5", "1.005", "2.675", "33.333", "1e2", "12.50", "1000", "10000"),
    *("-3", "-0.5", '"7"', '"7.50"', '"-2"', "0.000000000000000001", LARGEST, "1E+3"),
)
#: Values that count for nothing, or not as numbers.
ODD = (
    "null",
    "true",
    "{}",
    "[]",
    '"x"',
    '" 1"',
    '"1e3"',
    "1e20",
    "0.0000000000000000001",
    f"-{LARGEST}9",
    '""',
    "1e99",
)


def random_history(seed: int) -> History:
    """The history of a seed: always the same. Its subscriptions stay as they began."""
    return _history(Random(f"history {seed}"), seed, random_catalog(seed // HISTORIES_PER_CATALOG), is_lively=False)


def random_life(seed: int) -> History:
    """The history of a seed whose subscriptions have trials, change and end, and whose invoices are corrected."""
    return _history(Random(f"life {seed}"), seed, varied_catalog(seed // HISTORIES_PER_CATALOG), is_lively=True)


def _history(random: Random, seed: int, catalog: Catalog, *, is_lively: bool) -> History:
    subscriptions, until = _subscriptions(random, catalog)
    acts: tuple[Act, ...] = ()
    if is_lively:
        subscriptions = tuple(livened(random, one, until) for one in subscriptions)
        begun = [max(one.paid_at or one.started_at, billed_from(one)) + timedelta(days=1) for one in subscriptions]
        until = max(until, *begun)
        until += random.choice((timedelta(), timedelta(days=3)))
        acts = random_acts(random, catalog, subscriptions, _edges(subscriptions, until), until)
    edges = sorted({*_edges(subscriptions, until), *(act.at for act in acts)})
    exempt = random.random() < 0.1
    events = _events(random, catalog, edges, until)
    return History(
        seed=seed,
        catalog=catalog,
        tax_rate=random.choice((None, Decimal("0.19"), Decimal("0.0825"), Decimal("0.5"), Decimal("0.07"))),
        tax_exemption="Reverse charge" if exempt else None,
        discounts=tuple(_discount(random, subscriptions, edges) for _ in range(random.choice((0, 0, 1, 2, 4)))),
        credit=tuple(_credit(random, subscriptions) for _ in range(random.choice((0, 0, 1, 3)))),
        subscriptions=subscriptions,
        events=events,
        voids=tuple(_voids(random, events, edges, until)),
        typed=tuple(_typed(random, subscriptions, until) for _ in range(random.choice((0, 0, 0, 1, 2)))),
        until=until,
        acts=acts,
    )


def _subscriptions(random: Random, catalog: Catalog) -> tuple[tuple[Subscription, ...], datetime]:
    first = _subscription(random, catalog, 0, None)
    until = _until(random, first)
    listed = [first]
    if random.random() < 0.3:
        started_at = min(first.started_at + random.choice((timedelta(), timedelta(days=random.randrange(90)))), until)
        listed.append(_subscription(random, catalog, 1, started_at))
    return tuple(listed), max(until, *(one.paid_at or one.started_at for one in listed))


def _subscription(random: Random, catalog: Catalog, place: int, started_at: datetime | None) -> Subscription:
    plan, zone = random.choice(catalog.plans), random.choice(ZONES)
    fees = [price for price in plan.prices if price.metric is None and random.random() < 0.3]
    started_at = _odd_instant(random, zone, _shortest(plan)) if started_at is None else started_at
    wait = random.choice((0, 0, 0, 0, 0, 1, 5, 40))
    paid_at = None if place == 0 and random.random() < 0.02 else started_at + timedelta(days=wait)
    quantities = tuple((fee.name, random.choice((Decimal(3), Decimal("0.5"), Decimal(40)))) for fee in fees)
    return Subscription(place, plan, zone, started_at, paid_at, quantities)


def _odd_instant(random: Random, zone: str, interval: Interval) -> datetime:
    """The end of a month or the night of a change of clocks, or such a day some intervals later."""
    day = datetime(*random.choice((*DAYS, *CHANGES.get(zone, ()) * 4)))  # noqa: DTZ001 - a local time
    back = random.choice((0, 0, 1, 2))
    if interval == "WEEKLY":
        day -= timedelta(weeks=back)
    else:
        first = day.replace(day=1)
        for _ in range(back * MONTHS[interval]):
            first = (first - timedelta(days=1)).replace(day=1)
        day = first + timedelta(days=day.day - 1)
    wall = datetime.combine(day, time.fromisoformat(random.choice(CLOCKS)))
    if random.random() < 0.3:
        # The second time that the clocks show it, where they do.
        return wall.replace(tzinfo=ZoneInfo(zone), fold=1).astimezone(UTC)
    return instant_of(wall, ZoneInfo(zone))


def _until(random: Random, subscription: Subscription) -> datetime:
    """Some way into the future: so many boundaries ahead, sometimes exactly at the end of a grace time."""
    shortest = _shortest(subscription.plan)
    ahead = subscription.started_at + timedelta(
        days={"WEEKLY": 40, "MONTHLY": 180, "QUARTERLY": 400}.get(shortest, 800)
    )
    ends = [window.end for window in windows(subscription, shortest, ahead)]
    end = ends[min(random.choice((0, 1, 1, 1, 2, 3)), len(ends) - 1)]
    return end + random.choice((GRACE, GRACE, GRACE - TICK, timedelta(hours=30), timedelta(days=3)))


def _shortest(plan: Plan) -> Interval:
    """The shortest cadence of a plan."""
    intervals = {plan.interval, *(plan.interval_of(price) or plan.interval for price in plan.prices)}
    return min(intervals, key=("WEEKLY", "MONTHLY", "QUARTERLY", "YEARLY").index)


def _edges(subscriptions: tuple[Subscription, ...], until: datetime) -> list[datetime]:
    """The instants that matter: starts, and the ends of windows."""
    edges = set()
    for one in subscriptions:
        intervals = {one.plan.interval_of(price) or one.plan.interval for price in one.plan.prices}
        found = {window.end for interval in intervals for window in windows(one, interval, until)}
        edges |= {one.started_at, *found}
    return sorted(edges)


def _discount(random: Random, subscriptions: tuple[Subscription, ...], edges: list[datetime]) -> Discount:
    place = random.choice((None, *range(len(subscriptions))))
    starts_at = random.choice((edges[0], edges[0] - timedelta(days=9), *edges))
    ends_at = random.choice((None, None, *(edge for edge in edges if edge > starts_at)))
    at_once = place is not None and random.random() < 0.5
    if random.random() < 0.6:
        percentage = Decimal(random.choice(("0.5", "0.1", "0.333", "0.005", "1", "0.125")))
        return Discount(place, percentage, None, None, starts_at, ends_at, at_once)
    currency = random.choice((subscriptions[0].plan.currency, subscriptions[-1].plan.currency, "EUR"))
    if place is not None and at_once:
        currency = subscriptions[place].plan.currency
    return Discount(place, None, random.choice((1, 7, 500, 12345, 10**9)), currency, starts_at, ends_at, at_once)


def _typed(random: Random, subscriptions: tuple[Subscription, ...], until: datetime) -> Typed:
    one = random.choice(subscriptions)
    ends = [window.end for window in windows(one, _shortest(one.plan), until)]
    boundary = random.choice([end for end in ends if end < until] or ends)
    at = min(boundary + random.choice((timedelta(), GRACE / 2, GRACE - TICK, GRACE)), until)
    amount_minor = random.choice((1, 499, 333, 100_000, -1, -250, -5000, -(10**8)))
    return Typed(one.place, boundary, at, "Typed by hand", amount_minor, random.random() < 0.7)


def _credit(random: Random, subscriptions: tuple[Subscription, ...]) -> Credit:
    currency = random.choice((subscriptions[0].plan.currency, subscriptions[-1].plan.currency, "USD"))
    return Credit(
        currency, random.choice((1, 49, 500, 4900, 10**7)) * 10 ** random.randrange(MINOR_DIGITS[currency] + 1)
    )


def _events(random: Random, catalog: Catalog, edges: list[datetime], until: datetime) -> tuple[Event, ...]:
    """Events in random order. Some come again with other content, some late, some of times far from any window."""
    late = [edge + random.choice((timedelta(), GRACE - TICK, GRACE, timedelta(days=2))) for edge in edges[1:]]
    stops = [edges[0], *random.sample(late, min(len(late), random.choice((0, 1, 1, 2))))]
    stops = [stop for stop in stops if stop <= until]
    types = [metric.event_type for metric in catalog.metrics]
    events: list[Event] = []
    for number in range(random.choice((0, 4, 10, 20, 30))):
        key = f"e{random.randrange(number + 1)}" if random.random() < 0.15 else f"e{number}"
        subject, external_subject = random.choice(WHOM)
        events.append(
            Event(
                key=key,
                type=random.choice((*types, *types, *types, "other")),
                subject=subject,
                external_subject=external_subject,
                timestamp=_timestamp(random, edges, catalog),
                arrives_at=random.choice((edges[0], *stops)),
                data=_data(random),
            )
        )
    return tuple(events)


def _voids(random: Random, events: tuple[Event, ...], edges: list[datetime], until: datetime) -> Iterator[Void]:
    """Some events are withdrawn, in the period that they fall into or long after it."""
    if random.random() < 0.5 or not events:
        return
    instants = [edge + random.choice((timedelta(), GRACE, timedelta(days=2))) for edge in edges]
    for event in random.sample(events, min(len(events), random.choice((1, 2, 5)))):
        later = [instant for instant in instants if event.arrives_at <= instant <= until]
        if later:
            yield Void(event.key, random.choice(later))


def _timestamp(random: Random, edges: list[datetime], catalog: Catalog) -> datetime:
    froms = [metric.event_from for metric in catalog.metrics if metric.event_from is not None]
    edge = random.choice((*edges, *froms))
    if random.random() < 0.3:
        return edge + random.choice((timedelta(), -TICK, TICK))
    if random.random() < 0.1:
        return edge + random.choice((timedelta(days=-40), timedelta(days=400)))
    span = max((edges[-1] - edges[0]) // TICK, 1)
    return edges[0] + TICK * random.randrange(span)


def _data(random: Random) -> str:
    """JSON with a value at both paths that metrics read, groups, and sometimes a price."""
    value = random.choice(VALUES) if random.random() < 0.9 else random.choice(ODD)
    region, at = random.choice(("eu", "us", "mars")), ""
    members = [] if random.random() < 0.03 else [f'"units": {value}, "usage": {{"units": {value}}}']
    if random.random() < 0.9:
        model = random.choice(MODELS)
        members.append(f'"model": {model if model == "7" and random.random() < 0.5 else f"{chr(34)}{model}{chr(34)}"}')
    if random.random() < 0.6:
        price = random.choice(
            (str(amount(random)), f'"{amount(random):f}"', "-1", "null", '"dear"', "1e30", "0.0012345678901234567")
        )
        members.append(f'"price": {price}')
        at = f', "price": {price}'
    members.append(f'"at": {{"region": "{region}"{at}}}')
    return f"{{{', '.join(members)}}}"
