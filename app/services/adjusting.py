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
    session: AsyncSession,
    environment_id: str,
    subscriptions: Iterable[Adjusted],
    planned: Sequence[DiscountTerms] = (),
) -> dict[str, Adjusting]:
    """Return how the invoices of each subscription are adjusted. Two statements.

    A subscription's own discounts come first, those that are only planned for it last of them, then its customer's,
    each in the order in which they were made. Amounts in another currency are left out.
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
            tuple(_terms_of(row, discounts[row.customer_id], planned)),
            TaxTerms(row.tax_behavior, *taxes[row.customer_id]),
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


def _terms_of(
    subscription: Adjusted, rows: Iterable[Row[Any]], planned: Iterable[DiscountTerms]
) -> Iterable[DiscountTerms]:
    fitting = [row for row in rows if row.currency in (None, subscription.currency)]
    yield from (_terms(row) for row in fitting if row.subscription_id == subscription.id)
    yield from planned
    yield from (_terms(row) for row in fitting if row.subscription_id is None)


def _terms(row: Row[Any]) -> DiscountTerms:
    return DiscountTerms(row.id, row.name, row.percentage, row.amount_minor, row.starts_at, row.ends_at)
