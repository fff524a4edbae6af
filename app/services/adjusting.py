"""What happens to the lines of an invoice as a whole: which discounts are taken, and how it is taxed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.discounts import DiscountTerms
from app.billing.invoicing import AssessedLine, Assessment, assess
from app.billing.tax import TaxBehavior, TaxTerms
from app.models import table_of


class Adjusted(Protocol):
    """What decides how the invoices of a subscription are adjusted, be it a model or a light row."""

    id: str
    customer_id: str
    currency: str
    tax_behavior: TaxBehavior


@dataclass(frozen=True)
class Adjusting:
    """The discounts of a subscription in the order in which they are taken, and its customer's tax."""

    discounts: tuple[DiscountTerms, ...]
    tax: TaxTerms

    def assess(self, lines: Sequence[AssessedLine]) -> Assessment:
        """Add up lines, leaving out discounts that take from none of them."""
        starts = {line.period_start for line in lines if line.period_start is not None}
        taken = [terms for terms in self.discounts if any(terms.takes_from(start) for start in starts)]
        return assess(lines, taken, self.tax)


async def adjusting_by_subscription(
    session: AsyncSession, environment_id: str, subscriptions: Iterable[Adjusted]
) -> dict[str, Adjusting]:
    """Return how the invoices of each subscription are adjusted. Two statements.

    A subscription's own discounts come first, then its customer's, each in the order in which they were made. Amounts
    in another currency are left out.
    """
    listed = list(subscriptions)
    discounts = await _discounts(session, environment_id, {row.customer_id for row in listed})
    customers = table_of(models.Customer).c
    taxed = select(customers.id, customers.tax_rate, customers.tax_exemption).where(
        customers.environment_id == environment_id, customers.id.in_({row.customer_id for row in listed})
    )
    taxes = {row.id: (row.tax_rate, row.tax_exemption) for row in await session.execute(taxed)}
    return {
        row.id: Adjusting(
            tuple(_terms_of(row, discounts[row.customer_id])), TaxTerms(row.tax_behavior, *taxes[row.customer_id])
        )
        for row in listed
    }


async def adjusting_of(session: AsyncSession, subscription: models.Subscription) -> Adjusting:
    """Return how the invoices of one subscription are adjusted."""
    found = await adjusting_by_subscription(session, subscription.environment_id, [subscription])
    return found[subscription.id]


async def _discounts(
    session: AsyncSession, environment_id: str, customer_ids: Iterable[str]
) -> dict[str, list[Row[Any]]]:
    table = table_of(models.Discount)
    statement = select(table).where(
        table.c.environment_id == environment_id, table.c.customer_id.in_(set(customer_ids))
    )
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in await session.execute(statement.order_by(table.c.subscription_id.is_(None), table.c.id)):
        found[row.customer_id].append(row)
    return found


def _terms_of(subscription: Adjusted, rows: Iterable[Row[Any]]) -> Iterable[DiscountTerms]:
    for row in rows:
        mine = row.subscription_id in (None, subscription.id)
        if mine and row.currency in (None, subscription.currency):
            yield DiscountTerms(row.id, row.name, row.percentage, row.amount_minor, row.starts_at, row.ends_at)
