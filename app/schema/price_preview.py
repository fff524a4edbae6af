"""What something would cost, without writing anything."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry import Info

from app.billing.given_usage import GivenEvent, GivenUsage
from app.billing.price_preview import PricePreviewDraft, preview_price
from app.billing.pricing import PricedLine
from app.context import Context
from app.schema.client_error import names_arguments
from app.schema.declarations import field, value
from app.schema.enums import Aggregation
from app.schema.explanation import PriceExplanation
from app.schema.money import Money, money_of
from app.schema.price_model import PriceModelInput
from app.schema.scalars import CurrencyCode


@strawberry.input(description="An event of a price preview.")
class PricePreviewEventInput:
    """See `billing.given_usage.GivenEvent`."""

    value: Decimal | None = field(
        'What the event counts for. Needed for SUM and MAX; COUNT does not look at it. Example: `"1500"`.', default=None
    )
    unit_price: Decimal | None = field(
        'The price that the event carries for one of its units, for DYNAMIC. Example: `"0.05"`.', default=None
    )

    def to_event(self) -> GivenEvent:
        """Return the event that was given."""
        return GivenEvent(self.value, self.unit_price)


@value("What something would cost.")
class PricePreview:
    """Resolvers return `Preview`."""

    amount: Money = field("The amount, rounded once.", of=money_of("amount_minor"))
    exact_amount: Decimal = field("The amount before rounding, with up to 18 places.", of="priced.exact_amount")
    explanation: PriceExplanation = field("Why the amount is what it is.", of="priced")


@dataclass(frozen=True)
class Preview:
    """A priced line and the currency it is in."""

    priced: PricedLine
    currency: str

    @property
    def amount_minor(self) -> int:
        """The rounded amount in minor units."""
        return self.priced.amount_minor


Model = Annotated[PriceModelInput, strawberry.argument(description="How the quantity becomes an amount.")]
Currency = Annotated[CurrencyCode, strawberry.argument(description="The currency to charge. Example: `USD`.")]
Quantity = Annotated[
    Decimal | None,
    strawberry.argument(
        description="What to charge for, or give `events`. Alone it is the quantity of a fee; with `aggregation` it is "
        'what usage came to. Example: `"1500000"`.'
    ),
]
Events = Annotated[
    list[PricePreviewEventInput] | None,
    strawberry.argument(description="Events to charge for, or give `quantity`. Needed where each event is looked at."),
]
MeasuredBy = Annotated[
    Aggregation | None,
    strawberry.argument(
        description="How the usage is measured: what is made of `events`, or what made `quantity`. That of SUM and "
        "MAX may be below zero, and is charged as 0. Null for SUM with events, and for a fee with a quantity. It "
        "decides what a `share` does. Example: `SUM`."
    ),
]
Share = Annotated[
    Decimal | None,
    strawberry.argument(
        description="The part of a period that is charged, above 0 and at most 1; null for a whole one. Of COUNT and "
        "SUM the usage is that of the part, and what the model has per period is scaled: tier bounds, flat prices, "
        'free units, a charge per period. The amount of all else is multiplied by it. Example: `"0.5"`.'
    ),
]
Unit = Annotated[str | None, strawberry.argument(description="What one of the quantity is called. Example: `token`.")]
PeriodMinimum = Annotated[
    Decimal | None,
    strawberry.argument(description='The least charge in a period; null for none. Example: `"10"`.'),
]
PeriodMaximum = Annotated[
    Decimal | None,
    strawberry.argument(description='The greatest charge in a period; null for none. Example: `"1000"`.'),
]


async def resolve_price_preview(  # noqa: PLR0913, PLR0917 - the arguments of a field are as many as the API has
    info: Info[Context, None],
    model: Model,
    currency: Currency,
    quantity: Quantity = None,
    events: Events = None,
    aggregation: MeasuredBy = None,
    share: Share = None,
    unit: Unit = None,
    period_minimum: PeriodMinimum = None,
    period_maximum: PeriodMaximum = None,
) -> Any:
    """Price a quantity or some events, or say which arguments are wrong."""
    draft = PricePreviewDraft(
        model=model.to_model(),
        currency=currency,
        usage=GivenUsage(quantity, None if events is None else tuple(event.to_event() for event in events)),
        aggregation=aggregation,
        unit=unit,
        share=share,
        period_minimum=period_minimum,
        period_maximum=period_maximum,
    )
    # In a thread, so that meanwhile others are served.
    async with info.context.sessions.long_work:
        with names_arguments():
            return Preview(await asyncio.to_thread(preview_price, draft), currency)
