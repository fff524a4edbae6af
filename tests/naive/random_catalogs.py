"""Random catalogs: metrics, prices of every kind that go together, and plans."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

from tests.naive.history import (
    Aggregation,
    Anchor,
    Catalog,
    Condition,
    Dynamic,
    Graduated,
    Interval,
    Metric,
    Model,
    Package,
    Percentage,
    Plan,
    Price,
    Standard,
    Tier,
    Volume,
)

AGGREGATIONS: tuple[Aggregation, ...] = ("COUNT", "SUM", "SUM", "MAX", "UNIQUE_COUNT")
INTERVALS: tuple[Interval, ...] = ("WEEKLY", "MONTHLY", "MONTHLY", "QUARTERLY", "YEARLY")
#: The cadences that whole windows of tile an interval, besides the interval itself.
SHORTER: dict[Interval, tuple[Interval, ...]] = {
    "WEEKLY": (),
    "MONTHLY": (),
    "QUARTERLY": ("MONTHLY",),
    "YEARLY": ("MONTHLY", "QUARTERLY"),
}
CURRENCIES = ("USD", "JPY", "KWD", "CLF")
# Many of these end in halves of a minor unit, or just below one.
AMOUNTS = (
    *("0", "0.5", "1", "2.5", "10", "49", "0.005", "0.015", "0.0005", "0.00005", "0.125", "0.0625", "1.005", "99.995"),
    *("0.3333", "0.00002", "0.000000000000000001", "0.004999999999999999", "1234567.8915", "0.1", "7.77"),
)
LARGEST = "99999999999999999999.999999999999999999"
EDGES = ("0.5", "1", "2", "3.5", "5", "10", "10.25", "33", "50", "100", "1000")
FEE_MODELS = ("STANDARD", "STANDARD", "STANDARD", "VOLUME", "GRADUATED", "PACKAGE")
MODELS = ("large", "small", "7", "tiny")


def random_catalog(seed: int) -> Catalog:
    """The catalog of a seed: always the same."""
    random = Random(f"catalog {seed}")
    metrics = tuple(_metric(random, place) for place in range(random.choice((1, 1, 2))))
    return Catalog(metrics, tuple(_plan(random, metrics, f"plan {place}") for place in range(random.choice((1, 1, 2)))))


def varied_catalog(seed: int) -> Catalog:
    """The catalog of a seed whose plans have variants in the same currency, which share some of their prices."""
    random = Random(f"varied catalog {seed}")
    metrics, plans = random_catalog(seed).metrics, []
    for plan in random_catalog(seed).plans:
        variants = [_variant(random, metrics, plan, f"{plan.name} {letter}") for letter in "ab"]
        plans += [plan, *variants]
    return Catalog(metrics, tuple(plans))


def _variant(random: Random, metrics: tuple[Metric, ...], plan: Plan, name: str) -> Plan:
    """A plan with some of the prices of another, some of them at another model, and sometimes other periods."""
    interval = random.choice((plan.interval, plan.interval, plan.interval, *INTERVALS))
    prices = []
    for price in plan.prices:
        kind = random.choice(("SAME", "SAME", "SAME", "OTHER", "NONE"))
        if kind != "NONE" and price.cadence in (None, "ONE_TIME", interval, *SHORTER[interval]):
            prices.append(price if kind == "SAME" else replace(price, model=_another(random, price)))
    if not prices or random.random() < 0.4:
        prices.append(_fee(random, 7, interval))
    if random.random() < 0.3:
        missing = [metric for metric in metrics if metric not in [price.metric for price in prices]]
        prices += [price for metric in missing for price in _metered(random, metric, interval)]
    anchor = _anchor(random, interval) if random.random() < 0.5 else None
    return Plan(name, interval, anchor, plan.currency, plan.tax_inclusive, tuple(prices))


def _another(random: Random, price: Price) -> Model:
    if price.metric is None:
        return _model(random, FEE_MODELS)
    while True:
        model = _metered_model(random, price.metric)
        if not isinstance(model, Standard) or model.unit_price >= 0:
            return model


def _metric(random: Random, place: int) -> Metric:
    aggregation = random.choice(AGGREGATIONS)
    path: str | None = random.choice(("$.units", "$.usage.units"))
    if aggregation == "COUNT" or (aggregation == "UNIQUE_COUNT" and random.random() < 0.4):
        path = None
    # Both metrics may measure the same events.
    event_type = random.choice(("work.done", f"work.{place}"))
    event_from = datetime(2024, 4, 1, 12, tzinfo=UTC) if random.random() < 0.15 else None
    group_by = (("model", "$.model"), ("region", "$.at.region")) if random.random() < 0.6 else ()
    return Metric(f"metric {place}", event_type, aggregation, path, group_by, event_from)


def _plan(random: Random, metrics: tuple[Metric, ...], name: str) -> Plan:
    interval = random.choice(INTERVALS)
    prices = [price for metric in metrics for price in _metered(random, metric, interval)]
    prices += [_fee(random, place, interval) for place in range(random.choice((0, 1, 1, 2, 3)))]
    if not prices:
        prices = [_fee(random, 0, interval)]
    random.shuffle(prices)
    anchor = _anchor(random, interval) if random.random() < 0.5 else None
    return Plan(name, interval, anchor, random.choice(CURRENCIES), random.random() < 0.3, tuple(prices))


def _anchor(random: Random, interval: Interval) -> Anchor:
    if interval == "WEEKLY":
        return Anchor(weekday=random.randrange(7))
    if interval == "MONTHLY":
        return Anchor(day=random.choice((1, 15, 28, 29, 30, 31)))
    return Anchor(day=random.choice((1, 15, 28, 29)), month=random.randint(1, 12))


def _metered(random: Random, metric: Metric, interval: Interval) -> list[Price]:
    """Prices of a metric: none, one for all its events, or some with filters and one for the rest."""
    kinds: list[tuple[Condition, ...]] = [] if random.random() < 0.2 else [()]
    if metric.group_by and random.random() < 0.7:
        region = (Condition("region", ("eu", "us")),) if random.random() < 0.3 else ()
        kinds = [(Condition("model", ("large", "7")), *region), (Condition("model", ("small",)),)]
        kinds = kinds[: random.choice((1, 2))] + ([()] if random.random() < 0.6 else [])
    prices = []
    for place, conditions in enumerate(kinds):
        model = _metered_model(random, metric)
        is_rebate = isinstance(model, Standard) and model.unit_price < 0
        least, most = (None, None) if is_rebate else _bounds(random, 0.25)
        prices.append(
            Price(
                name=f"{metric.name} price {place}",
                metric=metric,
                model=model,
                conditions=conditions,
                cadence=_cadence(random, interval),
                period_minimum=least,
                period_maximum=most,
            )
        )
    return prices


def _fee(random: Random, place: int, interval: Interval) -> Price:
    in_advance = random.random() < 0.7
    once = in_advance and random.random() < 0.2
    least, most = _bounds(random, 0.15)
    return Price(
        name=f"fee {place}",
        metric=None,
        model=_model(random, FEE_MODELS),
        in_advance=in_advance,
        quantity=random.choice((None, Decimal(2), Decimal("2.5"), Decimal(12))),
        cadence="ONE_TIME" if once else _cadence(random, interval),
        is_obligation=random.random() < 0.2,
        period_minimum=least,
        period_maximum=most,
    )


def _cadence(random: Random, interval: Interval) -> Interval | None:
    return random.choice((None, None, interval, *SHORTER[interval]))


def _metered_model(random: Random, metric: Metric) -> Model:
    if random.random() < 0.12:
        # A minus sign would round it to 28 digits.
        return Standard(amount(random).copy_negate())
    kinds = ["STANDARD", "VOLUME", "GRADUATED", "PACKAGE"]
    if metric.aggregation in ("COUNT", "SUM"):
        kinds += ["DYNAMIC", "PERCENTAGE", "PERCENTAGE"]
    return _model(random, kinds)


def _model(random: Random, kinds: list[str] | tuple[str, ...]) -> Model:
    match random.choice(kinds):
        case "STANDARD":
            return Standard(amount(random))
        case "DYNAMIC":
            low, high = sorted((amount(random), amount(random)))
            return Dynamic(low, high, random.choice(("$.price", "$.at.price")))
        case "PERCENTAGE":
            percentage = Decimal(random.choice(("0", "0.029", "0.5", "1", "0.005", "0.333333333333333333")))
            least, most = _bounds(random, 0.5)
            return Percentage(percentage, _maybe(random, 0.5), least, most, random.random() < 0.6)
        case "VOLUME":
            return Volume(_tiers(random))
        case "GRADUATED":
            return Graduated(_tiers(random))
        case _:
            size = Decimal(random.choice(("0.01", "0.5", "1", "3", "10", "0.000000000000000001")))
            free = Decimal(random.choice(EDGES)) if random.random() < 0.5 else None
            return Package(size, amount(random), free)


def _tiers(random: Random) -> tuple[Tier, ...]:
    edges = sorted(random.sample([Decimal(edge) for edge in EDGES], random.choice((0, 1, 2, 3))))
    return tuple(Tier(edge, amount(random), _maybe(random, 0.4)) for edge in (*edges, None))


def _bounds(random: Random, chance: float) -> tuple[Decimal | None, Decimal | None]:
    low, high = sorted((amount(random), amount(random)))
    return (low if random.random() < chance else None), (high if random.random() < chance else None)


def _maybe(random: Random, chance: float) -> Decimal | None:
    return amount(random) if random.random() < chance else None


def amount(random: Random) -> Decimal:
    """An amount or a quantity that is not negative."""
    if random.random() < 0.02:
        return Decimal(LARGEST)
    if random.random() < 0.2:
        return Decimal(random.randrange(10**9)).scaleb(-random.randrange(7))
    return Decimal(random.choice(AMOUNTS))
