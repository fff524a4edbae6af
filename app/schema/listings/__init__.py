"""What every noun's lists can be narrowed to and ordered by. A noun that connections lead to has its place here."""

from app.schema.listings import (
    audit,
    catalog,
    clocks,
    corrections,
    customers,
    entitlements,
    events,
    invoices,
    merchants,
    reductions,
    subscriptions,
)
from app.schema.listings.listing import LISTINGS, conditions_of, order_of

__all__ = [
    "LISTINGS",
    "audit",
    "catalog",
    "clocks",
    "conditions_of",
    "corrections",
    "customers",
    "entitlements",
    "events",
    "invoices",
    "merchants",
    "order_of",
    "reductions",
    "subscriptions",
]
