"""All that the amount of an invoice line depends on, as it is stored with the line."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.billing.aggregation import Aggregation
from app.billing.decimals import parse_plain, plain
from app.billing.errors import InvariantBroken
from app.billing.price_models import (
    EventTally,
    PriceModel,
    model_from_json,
    model_to_json,
    needs_events,
    tally_from_json,
    tally_to_json,
)
from app.billing.proration import Share, share_from_json


@dataclass(frozen=True, slots=True)
class LineInputs:
    """All that a line's amount depends on. `aggregation` is None for a fee, whose `event_count` is 0.

    `tally` is there for models that look at each event. `share` is None for a whole period. Bounds are in major units.
    `charged_before` is what earlier lines charged for the period, in major units; None for its first line. `uncovered`
    is how much of the quantity no grant covers, which alone is then charged; None where all is.
    """

    model: PriceModel
    currency: str
    quantity: Decimal
    aggregation: Aggregation | None
    unit: str | None
    event_count: int
    tally: EventTally | None = None
    share: Share | None = None
    is_obligation: bool = False
    period_minimum: Decimal | None = None
    period_maximum: Decimal | None = None
    charged_before: Decimal | None = None
    uncovered: Decimal | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the stored form, with decimals as plain strings, without what most lines lack."""
        rare = {
            "tally": tally_to_json(self.tally),
            "share": None if self.share is None else self.share.to_json(),
            "isObligation": self.is_obligation or None,
            "periodMinimum": None if self.period_minimum is None else plain(self.period_minimum),
            "periodMaximum": None if self.period_maximum is None else plain(self.period_maximum),
            "chargedBefore": None if self.charged_before is None else plain(self.charged_before),
            "uncovered": None if self.uncovered is None else plain(self.uncovered),
        }
        return {
            "model": model_to_json(self.model),
            "currency": self.currency,
            "quantity": plain(self.quantity),
            "aggregation": self.aggregation,
            "unit": self.unit,
            "eventCount": self.event_count,
            **{name: value for name, value in rare.items() if value is not None},
        }


def line_inputs_from_json(data: Mapping[str, Any]) -> LineInputs:
    """Read what `LineInputs.to_json` wrote. InvariantBroken when it is something else."""
    match data:
        case {
            "model": dict(model),
            "currency": str(currency),
            "quantity": str(quantity),
            "aggregation": str() | None as aggregation,
            "unit": str() | None as unit,
            "eventCount": int(event_count),
        }:
            pass
        case _:
            raise InvariantBroken("The stored inputs of a line lack something.")
    try:
        inputs = LineInputs(
            model=model_from_json(model),
            currency=currency,
            quantity=parse_plain(quantity),
            aggregation=None if aggregation is None else Aggregation(aggregation),
            unit=unit,
            event_count=event_count,
            tally=tally_from_json(data.get("tally")),
            share=share_from_json(data.get("share")),
            is_obligation=bool(data.get("isObligation", False)),
            period_minimum=_optional(data.get("periodMinimum")),
            period_maximum=_optional(data.get("periodMaximum")),
            charged_before=_optional(data.get("chargedBefore")),
            uncovered=_optional(data.get("uncovered")),
        )
    except (TypeError, ValueError) as error:
        raise InvariantBroken("The stored inputs of a line can't be read.") from error
    if needs_events(inputs.model) and inputs.tally is None:
        raise InvariantBroken("The stored inputs of a line lack the events that its model looks at.")
    return inputs


def _optional(text: str | None) -> Decimal | None:
    return None if text is None else parse_plain(text)
