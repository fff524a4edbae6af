"""Lines as tests of pricing state them: what was used, or which events there were, and what that comes to."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from app.billing.aggregation import Aggregation, MeteredValue
from app.billing.decimals import plain
from app.billing.errors import ErrorCode, Problems
from app.billing.measuring import ReadEvent, measure
from app.billing.money import minor_to_decimal
from app.billing.price_models import PriceModel, Tier, check_model
from app.billing.pricing import LineInputs, PricedLine, price_line
from app.billing.proration import Share

DAY = 86_400
#: The 17th to the end of January, by seconds of its 31 days.
HALF_OF_JANUARY = Share(Decimal(15 * DAY), Decimal(31 * DAY))
#: Ten days of a month of thirty.
A_THIRD = Share(Decimal(10 * DAY), Decimal(30 * DAY))
#: From noon of the 15th to the end of the February of a leap year.
HALF_OF_LEAP_FEBRUARY = Share(Decimal(29 * DAY // 2), Decimal(29 * DAY))
LARGEST = "9" * 20 + "." + "9" * 18
SMALLEST = "0." + "0" * 17 + "1"


def metered(model: PriceModel, quantity: str, currency: str = "USD", **given: Any) -> LineInputs:
    """The inputs of a line over a quantity that a SUM metric measured in one event."""
    inputs = LineInputs(model, currency, Decimal(quantity), Aggregation.SUM, unit=None, event_count=1)
    return replace(inputs, **given)


def fee(model: PriceModel, quantity: str = "1", currency: str = "USD", **given: Any) -> LineInputs:
    """The inputs of a line over a fee."""
    return replace(LineInputs(model, currency, Decimal(quantity), None, unit=None, event_count=0), **given)


def of_events(
    model: PriceModel, events: Sequence[str | tuple[str, str | None]], currency: str = "USD", **given: Any
) -> LineInputs:
    """The inputs of a line over events of a SUM metric, each given by its value, or with the price it carries."""
    read = [_event(number, event) for number, event in enumerate(events)]
    measured = measure(Aggregation.SUM, model, read)
    inputs = LineInputs(model, currency, measured.quantity, Aggregation.SUM, None, measured.event_count, measured.tally)
    return replace(inputs, **given)


def tiers(*given: tuple[str | None, str] | tuple[str | None, str, str]) -> tuple[Tier, ...]:
    """Tiers by their last unit, unit price and, where they have one, flat price."""
    return tuple(Tier(None if up_to is None else Decimal(up_to), *map(Decimal, prices)) for up_to, *prices in given)


def paid(inputs: LineInputs) -> str:
    """What a line comes to, with all places of its currency."""
    return str(minor_to_decimal(price_line(inputs).amount_minor, inputs.currency))


def told(line: PricedLine) -> list[str]:
    """The steps of a line in words."""
    return [step.description for step in line.steps]


def flow(line: PricedLine) -> list[tuple[str | None, str]]:
    """What goes into each step of a line and comes out."""
    return [(None if step.input is None else plain(step.input), plain(step.output)) for step in line.steps]


def wrong(model: PriceModel) -> list[tuple[ErrorCode, str | None]]:
    """What a price of this model would be refused for."""
    problems = Problems()
    check_model(model, problems, "model")
    return [(error.code, error.field) for error in problems.errors]


def _event(number: int, given: str | tuple[str, str | None]) -> ReadEvent:
    value, carried = (given, None) if isinstance(given, str) else given
    return ReadEvent(MeteredValue(f"evt_{number}", Decimal(value)), None if carried is None else Decimal(carried))
