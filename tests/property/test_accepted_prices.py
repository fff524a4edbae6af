"""Whatever is accepted can be billed: no draft that passes the checks fails on any usage, for any part of a period."""

import json
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.billing.aggregation import Aggregation, MeteredValue
from app.billing.cadences import Cadence
from app.billing.catalog import PriceDraft, check_price
from app.billing.catalog.as_code import item_of
from app.billing.catalog.prices import check_target
from app.billing.errors import Problems
from app.billing.filters import Condition
from app.billing.lifecycle import PaymentTerm
from app.billing.line_inputs import LineInputs, line_inputs_from_json
from app.billing.measuring import ReadEvent, measure
from app.billing.money import minor_to_decimal
from app.billing.price_models import (
    ChargeScope,
    DynamicPrice,
    GraduatedPrice,
    PackagePrice,
    PercentagePrice,
    PriceModel,
    StandardPrice,
    Tier,
    VolumePrice,
    model_from_json,
    model_to_json,
)
from app.billing.pricing import price_line
from app.billing.proration import Share


def numbers(least: int, greatest: int) -> st.SearchStrategy[Decimal]:
    """Decimals of at most 18 places, and rarely one that hardly fits or does not."""
    scaled = st.builds(
        lambda units, places: Decimal(f"{units}E-{places}"), st.integers(least, greatest), st.integers(0, 18)
    )
    edges = st.sampled_from([Decimal(text) for text in ("0", "1E-18", "1E-19", "1E+20", "99999999999999999999", "-1")])
    return st.integers(0, 15).flatmap(lambda chance: edges if chance == 0 else scaled)


def mostly(usual: list[Any], rare: list[Any]) -> st.SearchStrategy[Any]:
    """One of some values, and rarely one that may be refused."""
    return st.sampled_from([*usual * 8, *rare])


AMOUNTS = numbers(0, 10**20 - 1)
OPTIONAL = st.none() | AMOUNTS
#: A least and a greatest, of which one may be missing.
RANGES = st.tuples(OPTIONAL, OPTIONAL).map(
    lambda pair: pair if None in pair else tuple(sorted(pair))  # type: ignore[type-var]  # neither is None
)
FULL_RANGES = st.tuples(AMOUNTS, AMOUNTS).map(sorted)
TIERS = st.builds(
    lambda bounds, rates: tuple(
        Tier(bound, *rate) for bound, rate in zip([*sorted(set(bounds)), None], rates, strict=False)
    ),
    st.lists(numbers(1, 10**8), max_size=4),
    st.lists(st.tuples(AMOUNTS, OPTIONAL), min_size=5, max_size=5),
)
PATHS = mostly(["$.price", "$.a.b"], ["price"])
PERCENTAGES = st.integers(0, 10**18).map(lambda units: Decimal(f"{units}E-18"))
MODELS: dict[str, st.SearchStrategy[PriceModel]] = {
    "standard": st.builds(StandardPrice, numbers(-(10**20) + 1, 10**20 - 1)),
    "dynamic": st.builds(lambda bounds, path: DynamicPrice(bounds[0], bounds[1], path), FULL_RANGES, PATHS),
    "percentage": st.builds(
        lambda part, fixed, bounds, scope: PercentagePrice(part, fixed, bounds[0], bounds[1], scope),
        PERCENTAGES,
        OPTIONAL,
        RANGES,
        st.sampled_from(ChargeScope),
    ),
    "volume": st.builds(VolumePrice, TIERS),
    "graduated": st.builds(GraduatedPrice, TIERS),
    "package": st.builds(PackagePrice, AMOUNTS, AMOUNTS, OPTIONAL),
}
#: What a model is for.
TARGETS: dict[str, list[Aggregation | None]] = {
    **{key: [None, *Aggregation] for key in MODELS},
    **{key: [Aggregation.COUNT, Aggregation.SUM] for key in ("dynamic", "percentage")},
}
SHARES = st.none() | st.builds(
    lambda part, rest: Share(Decimal(part), Decimal(part + rest)), st.integers(0, 10**8), st.integers(1, 10**8)
)
EVENTS = st.lists(st.tuples(numbers(-(10**20), 10**20), st.none() | numbers(-(10**30), 10**30)), max_size=6)
FILTERS = mostly([(), (Condition("model", ("large",)),)], [(Condition("colour", ("red",)),)])


@st.composite
def accepted(draw: st.DrawFn, kind: str) -> tuple[PriceDraft, Aggregation | None]:
    """A draft of some model that is accepted, and what its metric does; None is a fee."""
    aggregation = draw(mostly(TARGETS[kind], [None, *Aggregation]))
    terms = [PaymentTerm.IN_ARREARS] if aggregation else [*PaymentTerm]
    least, greatest = draw(st.just((None, None)) | RANGES)
    target: dict[str, str] = {"fee": "fee"} if aggregation is None else {"billable_metric": "metric"}
    draft = PriceDraft(
        **target,
        invoice_display_name="Any",
        payment_term=draw(mostly(terms, [*PaymentTerm])),
        currency=draw(st.sampled_from(["USD", "JPY", "KWD", "CLF", None])),
        model=draw(MODELS[kind]),
        quantity=None if aggregation is not None else draw(OPTIONAL),
        filter=() if aggregation is None else draw(FILTERS),
        cadence=draw(mostly([None, Cadence.MONTHLY, Cadence.YEARLY], [*Cadence])),
        is_obligation=aggregation is None and draw(st.booleans()),
        period_minimum=least,
        period_maximum=greatest,
    )
    check_price(draft, problems := Problems())
    check_target(draft, aggregation, {"model"}, problems)
    assume(not problems.errors)
    return draft, aggregation


def line_of(
    draft: PriceDraft,
    aggregation: Aggregation | None,
    events: list[tuple[Decimal, Decimal | None]],
    share: Share | None,
) -> LineInputs:
    """What an invoice stores of a line that charges the draft, read from the database as it was written."""
    model = model_from_json(json.loads(json.dumps(model_to_json(draft.model))))
    fee = LineInputs(
        model=model,
        currency=draft.currency or "USD",
        quantity=draft.quantity or Decimal(1),
        aggregation=aggregation,
        unit=None,
        event_count=0,
        share=share,
        is_obligation=draft.is_obligation,
        period_minimum=draft.period_minimum,
        period_maximum=draft.period_maximum,
    )
    if aggregation is None:
        return fee
    counts = aggregation in (Aggregation.COUNT, Aggregation.UNIQUE_COUNT)
    read = [
        ReadEvent(MeteredValue(str(place), None if counts else value), carried)
        for place, (value, carried) in enumerate(events)
    ]
    measured = measure(aggregation, model, read)
    return replace(fee, quantity=measured.quantity, event_count=measured.event_count, tally=measured.tally)


@pytest.mark.parametrize("kind", MODELS)
@given(data=st.data(), events=EVENTS, share=SHARES)
def test_what_is_accepted_can_be_billed(
    kind: str, data: st.DataObject, events: list[tuple[Decimal, Decimal | None]], share: Share | None
) -> None:
    draft, aggregation = data.draw(accepted(kind))
    inputs = line_of(draft, aggregation, events, share)
    line = price_line(inputs)
    read = line_inputs_from_json(json.loads(json.dumps(inputs.to_json())))
    assert price_line(read) == line
    assert line.steps[-1].output == minor_to_decimal(line.amount_minor, inputs.currency)
    assert item_of(draft)["model"].keys() == {kind}
    is_rebate = isinstance(draft.model, StandardPrice) and draft.model.unit_price < 0
    assert line.exact <= 0 if is_rebate else line.exact >= 0
    part = Fraction(1) if share is None else share.exact
    if draft.is_obligation and share is not None:
        assert line.exact == 0
        return
    if draft.period_minimum is not None:
        assert line.exact >= Fraction(draft.period_minimum) * part
    if draft.period_maximum is not None:
        assert line.exact <= Fraction(draft.period_maximum) * part
