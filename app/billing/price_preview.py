"""What a quantity, or some events, would cost under a pricing model: priced as on an invoice, with nothing stored."""

from dataclasses import dataclass
from decimal import Decimal

from app.billing.aggregation import Aggregation
from app.billing.catalog.prices import check_bounds
from app.billing.errors import ErrorCode, Problems
from app.billing.given_usage import GivenUsage, check_detail, check_usage, measure_given
from app.billing.measuring import Measured
from app.billing.price_models import PriceModel, check_fit, check_model, needs_events
from app.billing.pricing import LineInputs, PricedLine, price_line
from app.billing.proration import Share
from app.billing.text import check_name


@dataclass(frozen=True, kw_only=True, slots=True)
class PricePreviewDraft:
    """What is to be priced. Without an `aggregation` a quantity is that of a fee, and events are added up.

    `share` is the part of a period, above 0 and at most 1; None is a whole one. Bounds are in major units.
    """

    model: PriceModel
    currency: str
    usage: GivenUsage
    aggregation: Aggregation | None = None
    unit: str | None = None
    share: Decimal | None = None
    period_minimum: Decimal | None = None
    period_maximum: Decimal | None = None

    @property
    def measured_by(self) -> Aggregation | None:
        """How the usage is measured; None for a fee, which no model is for that looks at each event."""
        if self.aggregation is None and (self.usage.events is not None or needs_events(self.model)):
            return Aggregation.SUM
        return self.aggregation


def preview_price(draft: PricePreviewDraft) -> PricedLine:
    """Price what a draft says. Refused with every problem, named by its argument and in their order."""
    problems = Problems()
    check_model(draft.model, problems, "model")
    known = len(problems.errors)
    check_fit(draft.model, draft.measured_by, problems, "model")
    fits = len(problems.errors) == known
    check_usage(draft.usage, draft.measured_by, problems)
    check_detail(draft.usage, draft.model, problems)
    if not fits and draft.measured_by is None:
        message = "Say how the quantity was measured, like SUM: without it, it is that of a fee."
        problems.add(ErrorCode.BLANK, "aggregation", message)
    if draft.unit is not None:
        check_name(problems, "unit", draft.unit)
    if draft.share is not None and not 0 < draft.share <= 1:
        problems.add(ErrorCode.OUT_OF_RANGE, "share", "Must be above 0 and at most 1.")
    check_bounds(draft.model, draft.period_minimum, draft.period_maximum, problems)
    problems.raise_if_any()
    return price_line(_inputs(draft))


def _inputs(draft: PricePreviewDraft) -> LineInputs:
    measured = _measured(draft)
    share = None if draft.share in (None, 1) else draft.share
    return LineInputs(
        model=draft.model,
        currency=draft.currency,
        quantity=measured.quantity,
        aggregation=draft.measured_by,
        unit=draft.unit,
        event_count=measured.event_count,
        tally=measured.tally,
        share=None if share is None else Share(share, Decimal(1)),
        period_minimum=draft.period_minimum,
        period_maximum=draft.period_maximum,
    )


def _measured(draft: PricePreviewDraft) -> Measured:
    if draft.measured_by is not None:
        return measure_given(draft.measured_by, draft.model, [draft.usage])
    assert draft.usage.quantity is not None, "a fee has no events"
    return Measured(draft.usage.quantity, 0, None)
