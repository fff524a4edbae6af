"""What something would cost, without writing anything."""

from collections.abc import Sequence
from decimal import Decimal

import strawberry

from app.billing.aggregation import Aggregation
from app.billing.decimals import exact_sum
from app.billing.errors import ErrorCode, Problems, Refused
from app.billing.price_models import PriceModel, check_fit, check_model
from app.billing.pricing import LineInputs, PricedLine, price_line
from app.schema.client_error import ClientError
from app.schema.declarations import field, value
from app.schema.explanation import PriceExplanation
from app.schema.money import Money, money_of


@strawberry.input(description="An event of a price preview.")
class PricePreviewEventInput:
    """Its value is what a SUM metric would read from it."""

    value: Decimal = field('What the event counts for. Example: `"1500"`.')


@value("What something would cost.")
class PricePreview:
    """Resolvers return `Preview`."""

    amount: Money = field("The amount, rounded once.", of=money_of("amount_minor"))
    exact_amount: Decimal = field("The amount before rounding, with up to 18 places.", of="priced.exact_amount")
    explanation: PriceExplanation = field("Why the amount is what it is.", of="priced")


class Preview:
    """A priced line and the currency it is in."""

    def __init__(self, priced: PricedLine, currency: str) -> None:
        """Take what was computed."""
        self.priced, self.currency, self.amount_minor = priced, currency, priced.amount_minor


def preview(
    model: PriceModel, currency: str, quantity: Decimal | None, events: Sequence[PricePreviewEventInput] | None
) -> Preview:
    """Price a quantity, or the sum of some events. ClientError naming every argument that is wrong."""
    problems = Problems()
    check_model(model, problems, "model")
    check_fit(model, Aggregation.SUM if events is not None else None, problems, "model")
    if (quantity is None) == (events is None):
        problems.add(ErrorCode.INVALID, "quantity", "Give either `quantity` or `events`.")
    if quantity is not None and quantity < 0:
        problems.add(ErrorCode.OUT_OF_RANGE, "quantity", "Must not be negative.")
    try:
        problems.raise_if_any()
    except Refused as refused:
        raise ClientError(str(refused)) from refused
    return Preview(price_line(_inputs(model, currency, quantity, events or ())), currency)


def _inputs(
    model: PriceModel, currency: str, quantity: Decimal | None, events: Sequence[PricePreviewEventInput]
) -> LineInputs:
    if quantity is not None:
        return LineInputs(model, currency, quantity, aggregation=None, unit=None, event_count=0)
    total = exact_sum(event.value for event in events)
    return LineInputs(model, currency, total, Aggregation.SUM, unit=None, event_count=len(events))
