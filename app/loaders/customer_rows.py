"""Which rows are a customer's own: what a customer token reads, and by construction nothing else.

A table that is not named here has none. What is not issued is not yet the customer's: drafts can still change.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, false, select

from app import models
from app.billing.lifecycle import InvoiceStatus
from app.models import table_of

#: Makes the condition that a row of an environment is a customer's of the two ids.
Rule = Callable[[Table, Any, Any], ColumnElement[bool]]


def _is_the_customer(table: Table, _environment: Any, customer: Any) -> ColumnElement[bool]:
    is_it: ColumnElement[bool] = table.c.id == customer
    return is_it


def _has_the_customer(table: Table, _environment: Any, customer: Any) -> ColumnElement[bool]:
    has_it: ColumnElement[bool] = table.c.customer_id == customer
    return has_it


def _issued(table: Table, environment: Any, customer: Any) -> ColumnElement[bool]:
    return _has_the_customer(table, environment, customer) & (table.c.status != InvoiceStatus.DRAFT)


def _through(column: str, model: type[Any]) -> Rule:
    """Make the rule of what hangs on rows that have a rule of their own."""

    def rule(table: Table, environment: Any, customer: Any) -> ColumnElement[bool]:
        holder = table_of(model)
        own = _rules()[holder](holder, environment, customer)
        return table.c[column].in_(select(holder.c.id).where(holder.c.environment_id == environment, own))

    return rule


@cache
def _rules() -> Mapping[Table, Rule]:
    direct = (models.CreditEntry, models.CreditNote, models.Discount, models.Entitlement)
    paid = (models.Payment, models.Refund, models.Subscription)
    through: dict[type[Any], tuple[str, type[Any]]] = {
        models.InvoiceLine: ("invoice_id", models.Invoice),
        models.CreditNoteLine: ("credit_note_id", models.CreditNote),
        models.Grant: ("entitlement_id", models.Entitlement),
        models.SubscriptionChange: ("subscription_id", models.Subscription),
        models.SubscriptionPeriod: ("subscription_id", models.Subscription),
    }
    return {
        table_of(models.Customer): _is_the_customer,
        table_of(models.Invoice): _issued,
        **{table_of(model): _has_the_customer for model in (*direct, *paid)},
        **{table_of(model): _through(column, holder) for model, (column, holder) in through.items()},
    }


#: Tables that no customer has rows of, but to whose rows its own lead: the catalog it is billed by, and the
#: environment whose secret signs links.
LINKED: Final = frozenset(
    table_of(model)
    for model in (
        *(models.Product, models.BillableMetric, models.Fee, models.Price, models.Plan, models.PlanVersion),
        *(models.Feature, models.PlanVersionPrice, models.PlanFeature, models.Environment),
    )
)


def is_the_customers(table: Table, environment_id: Any, customer_id: Any) -> ColumnElement[bool]:
    """Return the condition that a row of the environment is a customer's; no row is where the table has no rule."""
    rule = _rules().get(table)
    return false() if rule is None else rule(table, environment_id, customer_id)
