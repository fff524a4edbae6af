"""Why an amount is what it is."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from app import models
from app.billing import steps as billing
from app.billing.adjustments import explain_adjustments
from app.billing.pricing import PricedLine, line_inputs_from_json, price_line
from app.context import Context
from app.db import Sessions
from app.loaders.owner import Owner
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.declarations import field, value
from app.schema.enums import StepOperation

if TYPE_CHECKING:
    from app.schema.meter_event import MeterEvent


@value("One step from usage to amount.")
class ExplanationStep:
    """Resolvers return `billing.billing.Step`."""

    operation: StepOperation = field("What the step does.")
    description: str = field("The step in words. Example: `1,500,000 token × 0.00002 USD = 30.00 USD`.")
    input: Decimal | None = field("What the step starts from; null where it starts from nothing.")
    output: Decimal = field("What the step ends with.")


@value("What could have changed an amount and did not.")
class NotApplied:
    """Resolvers return `billing.billing.NotApplied`."""

    operation: StepOperation = field("What the step would have done.")
    reason: str = field("Why it made no difference. Example: `No tax rate is set for the customer.`")


NOT_APPLIED = "What could have changed the amount and did not, and why."


@value("Why a price charges what it charges.")
class PriceExplanation:
    """Resolvers return `billing.pricing.PricedLine` or `ExplainedPrice`."""

    steps: list[ExplanationStep] = field("The steps from usage to amount, in order.")
    not_applied: list[NotApplied] = field(NOT_APPLIED)


@dataclass(frozen=True)
class ExplainedPrice:
    """The steps to an amount, and to its shares of discounts and tax."""

    steps: tuple[billing.Step, ...]
    not_applied: tuple[billing.NotApplied, ...]


@dataclass(frozen=True)
class ExplainedLine(ExplainedPrice):
    """The explanation of a stored line; the counter that it was billed from leads to its events."""

    usage_counter_id: int | None


@value("Why a line of an invoice is what it is, priced again from the inputs stored with it.")
class LineExplanation:
    """Resolvers return `ExplainedLine`."""

    steps: list[ExplanationStep] = field(
        "The steps from usage to amount, in order; then the line's share of each discount, and of the tax."
    )
    not_applied: list[NotApplied] = field(NOT_APPLIED)
    events: Connection[Annotated["MeterEvent", strawberry.lazy("app.schema.meter_event")]] = connection(
        "Exactly the events that the line counted, in the order in which they came.",
        Relation(
            models.MeterEvent,
            "usage_counter_id",
            through=models.CountedEvent,
            link="event_number",
            parent="usage_counter_id",
        ),
    )


@dataclass(frozen=True)
class _LineToExplain:
    """A stored line as the key of a loader, which explains the same one once a request, however often it is asked."""

    id: str
    row: Any = dataclass_field(compare=False)


def follow_explanation(row: Any, context: Context) -> Awaitable[ExplainedLine]:
    """Ask for the explanation of a stored line."""
    return context.loaders.of(_explain_lines).load(_LineToExplain(row.id, row))  # type: ignore[arg-type]  # no text


async def _explain_lines(
    sessions: Sessions, _owner: Owner, lines: Sequence[_LineToExplain]
) -> Sequence[ExplainedLine | Exception]:
    """Explain lines in a thread, so that meanwhile others are served."""
    async with sessions.long_work:
        return await asyncio.to_thread(lambda: [_explained(line.row) for line in lines])


def _explained(row: Any) -> ExplainedLine | Exception:
    try:
        return explain_line(row)
    except Exception as error:  # noqa: BLE001 - the loader raises it for this line, and the others have theirs
        return error


def explain_line(row: Any) -> ExplainedLine:
    """Price a stored line again, by the rules it was made by."""
    priced = price_line(line_inputs_from_json(row.inputs), row.rules_version)
    explained = explain_price(priced, row.amount_minor, row.currency, row.adjustments)
    return ExplainedLine(explained.steps, explained.not_applied, row.usage_counter_id)


def explain_price(
    priced: PricedLine, amount_minor: int, currency: str, adjustments: Mapping[str, Any]
) -> ExplainedPrice:
    """Return how a line came to its amount, and what it has of its invoice's discounts and tax."""
    shares, missed = explain_adjustments(amount_minor, currency, adjustments)
    return ExplainedPrice(priced.steps + shares, priced.not_applied + missed)
