"""What a draft of a price would have made of past usage, without writing anything."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Info

from app import models
from app.billing import money as billing
from app.billing import periods
from app.context import Context
from app.metering.waiting import wait_until_counted
from app.schema.client_error import ClientError, names_arguments
from app.schema.connections import MAX_SIZE
from app.schema.declarations import edge, field, value
from app.schema.money import Money, Period
from app.schema.price_model import PriceModelInput
from app.schema.price_terms import PriceConditionInput
from app.schema.scalars import CurrencyCode
from app.services.comparing_prices import Compared
from app.services.price_simulations import MAX_EVENTS, MAX_SPAN, PriceSimulationDraft, simulate_price

if TYPE_CHECKING:
    from app.schema.customer import Customer


@dataclass(frozen=True)
class SimulatedRow:
    """A customer of a simulation, with the currency that its amounts are in."""

    compared: Compared
    currency: str


@dataclass(frozen=True)
class Simulated:
    """A simulation, and the rows of it that were asked for."""

    currency: str
    period: periods.Period
    customers: tuple[Compared, ...]
    other_currency_subscription_count: int
    rows: tuple[SimulatedRow, ...]


def _row_money(column: str) -> Any:
    return lambda row: billing.Money(getattr(row.compared, column), row.currency)


def _sum(column: str) -> Any:
    return lambda root: billing.Money(sum(getattr(one, column) for one in root.customers), root.currency)


@value("What a customer paid for its usage, and what it would have paid.")
class SimulatedCustomer:
    """Resolvers return `SimulatedRow`."""

    customer: Annotated["Customer", strawberry.lazy("app.schema.customer")] = edge(
        "Whose usage it is.", models.Customer, "compared.customer_id"
    )
    is_priced: bool = field(
        "Whether a subscription of the customer prices the metric in the span. Where none does, `old` is 0, and `new` "
        "is rated over months counted from the start of the span.",
        of="compared.is_priced",
    )
    old: Money = field("What the prices of its subscriptions charge.", of=_row_money("old_minor"))
    new: Money = field("What they would charge with the draft in their place.", of=_row_money("new_minor"))
    difference: Money = field(
        "`new` less `old`: below zero where the customer would pay less.", of=_row_money("difference_minor")
    )


@value("What a draft of a price would have made of past usage, beside what real prices make of it.")
class PriceSimulation:
    """Resolvers return `Simulated`."""

    currency: CurrencyCode = field("The currency of all its amounts. Example: `USD`.")
    period: Period = field("The span whose usage is rated.")
    old: Money = field("What the prices of subscriptions charge, in all.", of=_sum("old_minor"))
    new: Money = field("What they would charge with the draft in their place, in all.", of=_sum("new_minor"))
    difference: Money = field("`new` less `old`.", of=_sum("difference_minor"))
    total_count: int = field("How many customers were simulated.", of=lambda root: len(root.customers))
    paying_more_count: int = field(
        "How many of them would pay more.", of=lambda root: sum(one.difference_minor > 0 for one in root.customers)
    )
    paying_less_count: int = field(
        "How many of them would pay less.", of=lambda root: sum(one.difference_minor < 0 for one in root.customers)
    )
    unpriced_count: int = field(
        "How many of them have no price on the metric. They are in all the other figures.",
        of=lambda root: sum(not one.is_priced for one in root.customers),
    )
    other_currency_subscription_count: int = field(
        "How many subscriptions were left out, with their usage, as they are billed in another currency than the draft."
    )
    customers: list[SimulatedCustomer] = field(
        "The customers that were asked for, in the order of how much more or less they would pay.", of="rows"
    )


Model = Annotated[PriceModelInput, strawberry.argument(description="How a quantity becomes an amount in the draft.")]
MetricId = Annotated[strawberry.ID, strawberry.argument(description="The id or key of the metric that it prices.")]
From = Annotated[
    datetime,
    strawberry.argument(name="from", description="Usage from this instant on. Example: `2026-01-01T00:00:00Z`."),
]
To = Annotated[
    datetime,
    strawberry.argument(
        name="to",
        description=f"Usage before this instant, at most {MAX_SPAN.days} days later. The span may hold at most "
        f"{MAX_EVENTS:,} events of the metric. Example: `2026-04-01T00:00:00Z`.",
    ),
]
Currency = Annotated[
    CurrencyCode | None,
    strawberry.argument(
        description="The currency of the draft; null for the merchant's. Only subscriptions in it are simulated. "
        "Example: `USD`."
    ),
]
Conditions = Annotated[
    list[PriceConditionInput] | None,
    strawberry.argument(
        description="Which events of the metric the draft charges; null for all. It takes the place of the prices "
        "whose every event it charges; others charge what it leaves them."
    ),
]
PeriodMinimum = Annotated[
    Decimal | None,
    strawberry.argument(description='The least that the draft charges in a period; null for none. Example: `"10"`.'),
]
PeriodMaximum = Annotated[
    Decimal | None,
    strawberry.argument(description='The most that the draft charges in a period; null for none. Example: `"1000"`.'),
]
CustomerIds = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(description="Only these customers; null for all who are not on a test clock."),
]
First = Annotated[
    int, strawberry.argument(description=f"How many customers to show, at most {MAX_SIZE}. All are in the totals.")
]
Skip = Annotated[int, strawberry.argument(description="How many customers to pass over before. Example: `20`.")]


async def resolve_price_simulation(  # noqa: PLR0913, PLR0917 - the arguments of a field are as many as the API has
    info: Info[Context, None],
    model: Model,
    metric_id: MetricId,
    start: From,
    end: To,
    currency: Currency = None,
    filter: Conditions = None,
    period_minimum: PeriodMinimum = None,
    period_maximum: PeriodMaximum = None,
    customer_ids: CustomerIds = None,
    first: First = 20,
    skip: Skip = 0,
) -> Any:
    """Rate past usage by real prices and by a draft, or say which arguments are wrong."""
    if not 0 <= first <= MAX_SIZE or skip < 0:
        raise ClientError(f"`first` is 0 to {MAX_SIZE}, and `skip` is not negative.", "BAD_PAGE")
    draft = PriceSimulationDraft(
        model=model.to_model(),
        metric=metric_id,
        start=start,
        end=end,
        currency=currency,
        filter=tuple(condition.to_condition() for condition in filter or ()),
        period_minimum=period_minimum,
        period_maximum=period_maximum,
        customers=None if customer_ids is None else tuple(customer_ids),
    )
    context = info.context
    await wait_until_counted(context.sessions)
    async with context.sessions.long_work, context.sessions.snapshot() as session:
        with names_arguments():
            found = await simulate_price(session, context.principal, draft)
    rows = tuple(SimulatedRow(one, found.currency) for one in found.customers[skip : skip + first])
    left_out = found.other_currency_subscription_count
    return Simulated(found.currency, found.period, found.customers, left_out, rows)
