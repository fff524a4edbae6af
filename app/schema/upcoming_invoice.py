"""What a subscription has used and what comes next, computed for any number of subscriptions at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Info, Parent

from app import models
from app.billing import money as billing
from app.billing.adjustments import line_adjustments
from app.context import Context
from app.db import Sessions
from app.loaders.owner import Owner
from app.metering.waiting import wait_until_counted
from app.schema.client_error import names_arguments
from app.schema.declarations import CORRECTS, COUNTED_UP_TO, edge, field, value
from app.schema.enums import PaymentTerm
from app.schema.explanation import ExplainedPrice, PriceExplanation, explain_price
from app.schema.money import Money, Period
from app.schema.scalars import CurrencyCode
from app.services import previews
from app.services.late_lines import LateLine
from app.services.rating import RatedLine

if TYPE_CHECKING:
    from app.schema.invoice import InvoiceLine
    from app.schema.price import Price


async def usage_by_subscription(
    sessions: Sessions, owner: Owner, subscription_ids: Sequence[str]
) -> list[list[previews.MeteredUsage]]:
    """Return what each subscription used in its running period."""
    counted_up_to = await wait_until_counted(sessions)
    async with sessions.read() as session:
        found = await previews.usage_by_subscription(session, owner.environment_id, subscription_ids)
    return [
        [replace(usage, counted_up_to=counted_up_to) for usage in found.get(subscription_id, [])]
        for subscription_id in subscription_ids
    ]


async def upcoming_by_subscription(
    sessions: Sessions, owner: Owner, subscription_ids: Sequence[str]
) -> list[previews.UpcomingInvoice | None]:
    """Return the next invoice of each subscription that has one."""
    counted_up_to = await wait_until_counted(sessions)
    async with sessions.read() as session:
        found = await previews.upcoming_by_subscription(session, owner.environment_id, subscription_ids)
    answers = {key: replace(upcoming, counted_up_to=counted_up_to) for key, upcoming in found.items()}
    return [answers.get(subscription_id) for subscription_id in subscription_ids]


async def _projected_by_subscription(
    sessions: Sessions, owner: Owner, until: datetime, subscription_ids: Sequence[str]
) -> list[list[previews.UpcomingInvoice]]:
    """Return the invoices of each subscription up to an instant."""
    counted_up_to = await wait_until_counted(sessions)
    async with sessions.read() as session:
        found = await previews.projected_by_subscription(session, owner.environment_id, subscription_ids, until)
    return [
        [replace(invoice, counted_up_to=counted_up_to) for invoice in found.get(subscription_id, [])]
        for subscription_id in subscription_ids
    ]


async def resolve_projected(
    root: Parent[Any],
    info: Info[Context, None],
    until: Annotated[
        datetime,
        strawberry.argument(
            description="The last boundary, at most two years behind the next one. Example: `2027-01-31T00:00:00Z`."
        ),
    ],
) -> Any:
    """Return the invoices to come, or say that they are too far ahead."""
    with names_arguments():
        return await info.context.loaders.of(_projected_by_subscription, until).load(root.id)


@dataclass(frozen=True)
class _Line:
    """A rated line and its shares of what is done to the invoice as a whole."""

    rated: RatedLine | LateLine
    adjustments: dict[str, Any]


def _lines(upcoming: Any) -> list[_Line]:
    return [_Line(line, line_adjustments(upcoming.assessment, place)) for place, line in enumerate(upcoming.lines)]


def _explained(line: _Line) -> ExplainedPrice:
    rated = line.rated
    return explain_price(rated.priced, rated.amount_minor, rated.currency, line.adjustments)


@value("A line of an upcoming invoice.")
class UpcomingInvoiceLine:
    """Resolvers return `_Line`."""

    description: str = field("What is charged. Example: `Output tokens`.", of="rated.description")
    payment_term: PaymentTerm = field(
        "Whether the period is billed at its start or at its end.", of="rated.payment_term"
    )
    period: Period = field("What the line covers.", of="rated.period")
    quantity: Decimal = field("How much is charged.", of="rated.quantity")
    amount: Money = field(
        "The amount, rounded once.", of=lambda line: billing.Money(line.rated.amount_minor, line.rated.currency)
    )
    exact_amount: Decimal = field("The amount before rounding, with up to 18 places.", of="rated.exact_amount")
    explanation: PriceExplanation = field(
        "Why the amount is what it is, with the line's share of discounts and of the tax.", of=_explained
    )
    price: Annotated["Price", strawberry.lazy("app.schema.price")] = edge(
        "What it costs.", models.Price, "rated.price_id"
    )
    corrects: Annotated["InvoiceLine", strawberry.lazy("app.schema.invoice")] | None = edge(
        CORRECTS, models.InvoiceLine, "rated.corrects_line_id"
    )


def _sum(column: str) -> Callable[[Any], billing.Money]:
    return lambda upcoming: billing.Money(getattr(upcoming.assessment, column), upcoming.currency)


@value("The invoice of a boundary of a subscription that is to come, if nothing more happened.")
class UpcomingInvoice:
    """Resolvers return `services.previews.UpcomingInvoice`."""

    boundary_at: datetime = field("The boundary that it bills; it is issued when the grace time after it has passed.")
    currency: CurrencyCode = field("The currency it is billed in. Example: `USD`.")
    subtotal: Money = field("The sum of the lines.", of=_sum("subtotal_minor"))
    discount: Money = field("What discounts take off.", of=_sum("discount_minor"))
    tax: Money = field("The tax, on top of the prices or part of them.", of=_sum("tax_minor"))
    carried_to_credit: Money = field(
        "What lies below zero and becomes the customer's credit.", of=_sum("carried_to_credit_minor")
    )
    total: Money = field("What will be owed, before the customer's credit is applied.", of=_sum("total_minor"))
    lines: list[UpcomingInvoiceLine] = field(
        "What will be charged: arrears first, then what comes in advance, then late usage of earlier periods.",
        of=_lines,
    )
    counted_up_to: datetime | None = field(COUNTED_UP_TO)
