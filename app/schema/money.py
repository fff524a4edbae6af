"""Amounts and spans of time."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.billing import money as billing
from app.billing import periods
from app.schema.declarations import field, value
from app.schema.scalars import CurrencyCode


@value("An amount of money.")
class Money:
    """Resolvers return `billing.money.Money`."""

    amount: Decimal = field(
        'The amount in major units, with all places of the currency. Example: `"79.00"`.',
        of=lambda money: format(money.amount, "f"),
    )
    currency: CurrencyCode = field("The currency. Example: `USD`.")


@value("The half-open span of time `[start, end)`: the end belongs to what comes next.")
class Period:
    """Resolvers return `billing.periods.Period`."""

    start: datetime = field("The first instant of the period. Example: `2026-01-31T00:00:00Z`.")
    end: datetime = field("The first instant after the period. Example: `2026-02-28T00:00:00Z`.")


def money_of(column: str) -> Callable[[Any], billing.Money]:
    """Return how to read an amount from a row: minor units in a column, the code in `currency`."""
    return lambda row: billing.Money(getattr(row, column), row.currency)


def period_of(row: Any) -> periods.Period:
    """Return what a line covers."""
    return periods.Period(row.period_start, row.period_end)
