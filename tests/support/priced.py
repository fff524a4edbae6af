"""Random prices, quantities and shares for property tests, and the short way to what they come to."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

from app.billing.aggregation import Aggregation
from app.billing.price_models import (
    ChargeScope,
    GraduatedPrice,
    PackagePrice,
    PercentagePrice,
    PriceModel,
    StandardPrice,
    Tier,
    VolumePrice,
)
from app.billing.pricing import LineInputs, PricedLine, price_line
from app.billing.proration import Share

CURRENCIES = st.sampled_from(["JPY", "USD", "KWD", "CLF"])


def decimals(most: int, places: int, least: int = 0) -> st.SearchStrategy[Decimal]:
    """Decimals of at most so many whole units, with up to so many places."""
    return st.integers(0, places).flatmap(
        lambda scale: st.integers(least * 10**scale, most * 10**scale).map(lambda units: Decimal(f"{units}E-{scale}"))
    )


AMOUNTS = decimals(10**6, 18)
QUANTITIES = decimals(2000, 6)
EDGES = decimals(1000, 3).filter(bool)


def tiers(*, flat: bool = True) -> st.SearchStrategy[tuple[Tier, ...]]:
    """Up to six tiers that ascend; the last has no end."""
    flats = st.none() | AMOUNTS if flat else st.none()
    return st.lists(EDGES, max_size=5, unique=True).flatmap(
        lambda edges: st.tuples(*(st.builds(Tier, st.just(edge), AMOUNTS, flats) for edge in [*sorted(edges), None]))
    )


PER_PERIOD = st.just(ChargeScope.PER_PERIOD)
PERCENTAGES: st.SearchStrategy[PriceModel] = st.builds(
    PercentagePrice,
    decimals(1, 18),
    st.none() | AMOUNTS,
    st.none() | decimals(50, 4),
    st.none() | decimals(100, 4, least=50),
    PER_PERIOD,
)
FEE_MODELS: st.SearchStrategy[PriceModel] = st.one_of(
    st.builds(StandardPrice, AMOUNTS),
    st.builds(VolumePrice, tiers()),
    st.builds(GraduatedPrice, tiers()),
    st.builds(PackagePrice, EDGES, AMOUNTS, st.none() | QUANTITIES),
)
USAGE_MODELS = FEE_MODELS | PERCENTAGES


def priced(
    model: PriceModel,
    quantity: Decimal,
    currency: str = "USD",
    *,
    aggregation: Aggregation | None = None,
    share: Share | None = None,
    bounds: tuple[Decimal | None, Decimal | None] = (None, None),
) -> PricedLine:
    """Price a line of these inputs; that of a fee unless there is an aggregation."""
    return price_line(
        LineInputs(
            model=model,
            currency=currency,
            quantity=quantity,
            aggregation=aggregation,
            unit=None,
            event_count=0,
            share=share,
            period_minimum=bounds[0],
            period_maximum=bounds[1],
        )
    )


def exact(model: PriceModel, quantity: Decimal, share: Share | None = None) -> Fraction:
    """What usage of a quantity comes to before rounding, in a share of a period."""
    return priced(model, quantity, aggregation=Aggregation.SUM, share=share).exact
