"""From terms, periods and counted events to priced lines: the one way in which previews and invoices are computed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.aggregation import quantity_of
from app.billing.catalog.features import BURNABLE
from app.billing.decimals import exact_difference
from app.billing.invoicing import AssessedLine
from app.billing.lifecycle import PaymentTerm
from app.billing.measuring import Measured, Metering, measure
from app.billing.money import minor_to_decimal
from app.billing.periods import Period
from app.billing.price_models import needs_events, unit_price_path
from app.billing.pricing import RULES_VERSION, LineInputs, PricedLine, price_line
from app.billing.proration import PartOfPeriod
from app.metering.usage import PeriodUsage, UsageRequest, period_usage
from app.services.charges import Charge
from app.services.covering import CoverAsked, units_not_billed
from app.services.terms import Term


@dataclass(frozen=True)
class RatedLine:
    """A line as an invoice or a preview shows it, with the counter that has its usage, where there is one."""

    charge: Charge
    inputs: LineInputs
    priced: PricedLine
    usage_counter_id: int | None = None
    covered: "CoveredLine | None" = None

    @property
    def corrects_line_id(self) -> None:
        """It corrects no other line."""

    @property
    def rules_version(self) -> int:
        """The rules by which it is priced."""
        return RULES_VERSION

    @property
    def metering(self) -> dict[str, Any] | None:
        """How its events are found and read, as it is stored; None for a fee."""
        metering = self.charge.term.metering
        return None if metering is None else metering.to_json()

    @property
    def taxable(self) -> bool:
        """Whether tax is charged on it: what has a price is taxed."""
        return True

    @property
    def price_id(self) -> str:
        """The price that is charged."""
        return self.charge.term.price_id

    @property
    def description(self) -> str:
        """What the line is called."""
        return self.charge.term.description

    @property
    def payment_term(self) -> PaymentTerm:
        """Whether the period is billed at its start or at its end."""
        return self.charge.term.payment_term

    @property
    def period(self) -> Period:
        """What the line covers."""
        return self.charge.window.part

    @property
    def quantity(self) -> Decimal:
        """How much is charged."""
        return self.inputs.quantity

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.inputs.currency

    @property
    def amount_minor(self) -> int:
        """The rounded amount in minor units."""
        return self.priced.amount_minor

    @property
    def assessed(self) -> AssessedLine:
        """The line as the totals see it: discounted by when its period begins, and taxed."""
        return AssessedLine(self.amount_minor, self.period.start)

    @property
    def exact_amount(self) -> Decimal:
        """The amount before rounding, in major units with 18 places."""
        return self.priced.exact_amount


class CoveredLine(RatedLine):
    """What is taken off a line for its units that grants cover, or that a hard limit keeps from being billed."""

    @property
    def description(self) -> str:
        """What the line is called."""
        return f"{self.charge.term.description} (covered by grants)"


async def rate(session: AsyncSession, environment_id: str, charges: Sequence[Charge]) -> list[RatedLine]:
    """Rate charges in their order. The usage of all of them is read in one go."""
    requests = {charge: usage_request(charge) for charge in charges if charge.term.metering}
    usage = await period_usage(session, environment_id, requests.values())
    rated = [_rate_one(charge, usage[requests[charge]] if charge in requests else PeriodUsage()) for charge in charges]
    return await _with_covered(session, environment_id, rated)


def is_coverable(inputs: LineInputs) -> bool:
    """Tell whether there are units of a line that grants can cover."""
    return has_coverable_units(inputs) and inputs.quantity > 0


def has_coverable_units(inputs: LineInputs) -> bool:
    """Tell whether grants can cover units of a line, be there any or not: of a sum, not looked at event by event."""
    return inputs.aggregation in BURNABLE and not needs_events(inputs.model)


async def _with_covered(session: AsyncSession, environment_id: str, rated: Sequence[RatedLine]) -> list[RatedLine]:
    """Return lines with what is taken off them for units that are not billed."""
    asked = {
        place: CoverAsked(line.charge.subscription_id, line.charge.customer_id, metering, line.period)
        for place, line in enumerate(rated)
        if (metering := line.charge.term.metering) is not None and is_coverable(line.inputs)
    }
    units = await units_not_billed(session, environment_id, list(asked.values())) if asked else []
    lines = list(rated)
    for place, not_billed in zip(asked, units, strict=True):
        if not_billed:
            lines[place] = replace(lines[place], covered=_covered(lines[place], not_billed))
    return lines


def _covered(line: RatedLine, not_billed: Decimal) -> CoveredLine:
    charged = minor_to_decimal(line.amount_minor, line.currency)
    uncovered = max(exact_difference(line.inputs.quantity, not_billed), Decimal(0))
    inputs = replace(line.inputs, uncovered=uncovered, charged_before=charged)
    return CoveredLine(line.charge, inputs, price_line(inputs))


def with_covered(lines: Iterable[RatedLine]) -> list[RatedLine]:
    """Return lines, and behind them what is taken off some of them."""
    listed = list(lines)
    return listed + [line.covered for line in listed if line.covered is not None]


def lines_by_subscription(rated: Iterable[RatedLine]) -> dict[str, list[RatedLine]]:
    """Return lines by the subscriptions they charge, each one's in their order."""
    found: defaultdict[str, list[RatedLine]] = defaultdict(list)
    for line in rated:
        found[line.charge.subscription_id].append(line)
    return dict(found)


def usage_request(charge: Charge) -> UsageRequest:
    """Return what to ask the counters for a metered charge."""
    term, part = charge.term, charge.window.part
    assert term.metering is not None, "only metered prices have usage"
    return UsageRequest(
        subscription_id=charge.subscription_id,
        customer_id=charge.customer_id,
        price_id=term.price_id,
        metric=term.metering.metric,
        start=part.start,
        end=part.end,
        needs_events=needs_events(term.model),
        unit_price_property=unit_price_path(term.model),
    )


def inputs_of(term: Term, window: PartOfPeriod, measured: Measured | None) -> LineInputs:
    """Return all that the amount of a term over a window depends on; nothing is measured for a fee."""
    return LineInputs(
        model=term.model,
        currency=term.currency,
        quantity=term.quantity if measured is None else measured.quantity,
        aggregation=None if term.metering is None else term.metering.metric.aggregation,
        unit=term.unit,
        event_count=0 if measured is None else measured.event_count,
        tally=None if measured is None else measured.tally,
        share=window.share,
        is_obligation=term.is_obligation,
        period_minimum=term.period_minimum,
        period_maximum=term.period_maximum,
    )


def _rate_one(charge: Charge, usage: PeriodUsage) -> RatedLine:
    term, metering = charge.term, charge.term.metering
    measured = None if metering is None else _measured(metering, term, usage)
    inputs = inputs_of(term, charge.window, measured)
    return RatedLine(charge, inputs, price_line(inputs), usage.counter_id)


def _measured(metering: Metering, term: Term, usage: PeriodUsage) -> Measured:
    aggregation = metering.metric.aggregation
    if needs_events(term.model):
        return measure(aggregation, term.model, usage.events)
    return Measured(quantity_of(aggregation, usage.tallied), usage.tallied.event_count, None)
