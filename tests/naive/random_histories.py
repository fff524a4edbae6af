"""Random histories of a seed: odd instants, repeated and late events, values at the edges of what counts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from tests.naive.history import (
    GRACE,
    MINOR_DIGITS,
    Catalog,
    Credit,
    Discount,
    Event,
    History,
    Subscription,
    Who,
)
from tests.naive.random_catalogs import LARGEST, MODELS, amount, random_catalog
from tests.naive.windows import instant_of, windows

#: So many histories in a row are of one catalog.
HISTORIES_PER_CATALOG = 10
# Half-hour jumps, jumps at midnight into both directions, the largest offset there is, and no jumps at all.
ZONES = (
    *("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Kiritimati", "Asia/Kathmandu"),
    *("America/Santiago", "America/Havana"),
)
# Ends of months, leap days, and nights in which clocks are changed in one of the zones.
NIGHTS = (
    *((2024, 1, 31), (2024, 2, 29), (2023, 2, 28), (2024, 3, 10), (2024, 3, 31), (2024, 4, 7), (2024, 9, 8)),
    *((2024, 10, 6), (2024, 10, 27), (2024, 11, 3), (2024, 12, 31), (2025, 3, 30), (2024, 5, 30), (2024, 8, 31)),
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
    """The history of a seed: always the same."""
    random = Random(f"history {seed}")
    catalog = random_catalog(seed // HISTORIES_PER_CATALOG)
    subscriptions, until = _subscriptions(random, catalog)
    edges = _edges(subscriptions, until)
    exempt = random.random() < 0.1
    return History(
        seed=seed,
        catalog=catalog,
        tax_rate=random.choice((None, Decimal("0.19"), Decimal("0.0825"), Decimal("0.5"), Decimal("0.07"))),
        tax_exemption="Reverse charge" if exempt else None,
        discounts=tuple(_discount(random, subscriptions, edges) for _ in range(random.choice((0, 0, 1, 2, 4)))),
        credit=tuple(_credit(random, subscriptions) for _ in range(random.choice((0, 0, 1, 3)))),
        subscriptions=subscriptions,
        events=_events(random, catalog, edges, until),
        until=until,
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
    started_at = _odd_instant(random, zone) if started_at is None else started_at
    wait = random.choice((0, 0, 0, 0, 0, 1, 5))
    # One that is never paid only waits. Two would leave open who bills what, once unpaid ones expire.
    paid_at = None if place == 0 and random.random() < 0.02 else started_at + timedelta(days=wait)
    quantities = tuple((fee.name, random.choice((Decimal(3), Decimal("0.5"), Decimal(40)))) for fee in fees)
    return Subscription(place, plan, zone, started_at, paid_at, quantities)


def _odd_instant(random: Random, zone: str) -> datetime:
    night = datetime(*random.choice(NIGHTS))  # noqa: DTZ001 - a local time
    clock = timedelta(hours=random.choice((0, 0, 1, 2, 3, 12, 23)), minutes=random.choice((0, 0, 15, 30, 59)))
    fine = random.choice((timedelta(), timedelta(), timedelta(seconds=59, microseconds=999_999)))
    return instant_of(night + clock + fine, ZoneInfo(zone)).astimezone(UTC)


def _until(random: Random, subscription: Subscription) -> datetime:
    """Some way into the future: so many boundaries ahead, sometimes exactly at the end of a grace time."""
    plan = subscription.plan
    intervals = {plan.interval_of(price) or plan.interval for price in plan.prices}
    order = ("WEEKLY", "MONTHLY", "QUARTERLY", "YEARLY")
    shortest = min(intervals, key=order.index)
    ahead = subscription.started_at + timedelta(
        days={"WEEKLY": 40, "MONTHLY": 180, "QUARTERLY": 400}.get(shortest, 800)
    )
    ends = [window.end for window in windows(subscription, shortest, ahead)]
    end = ends[min(random.choice((0, 1, 1, 1, 2, 3)), len(ends) - 1)]
    return end + random.choice((GRACE, GRACE, GRACE - TICK, timedelta(hours=30), timedelta(days=3)))


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
    if random.random() < 0.6:
        percentage = Decimal(random.choice(("0.5", "0.1", "0.333", "0.005", "1", "0.125")))
        return Discount(place, percentage, None, None, starts_at, ends_at)
    currency = random.choice((subscriptions[0].plan.currency, subscriptions[-1].plan.currency, "EUR"))
    return Discount(place, None, random.choice((1, 7, 500, 12345, 10**9)), currency, starts_at, ends_at)


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
                timestamp=_timestamp(random, edges),
                arrives_at=random.choice((edges[0], *stops)),
                data=_data(random),
            )
        )
    return tuple(events)


def _timestamp(random: Random, edges: list[datetime]) -> datetime:
    edge = random.choice(edges)
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
        price = random.choice((str(amount(random)), f'"{amount(random):f}"', "-1", "null", '"dear"', "1e30"))
        members.append(f'"price": {price}')
        at = f', "price": {price}'
    members.append(f'"at": {{"region": "{region}"{at}}}')
    return f"{{{', '.join(members)}}}"
