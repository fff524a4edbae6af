"""A whole catalog as one document, in which objects name each other by key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum
from functools import singledispatch
from typing import Any

from app.billing.anchors import anchor_to_json
from app.billing.catalog.metrics import BillableMetricDraft
from app.billing.catalog.plans import PlanDraft
from app.billing.catalog.prices import PriceDraft
from app.billing.catalog.products import FeeDraft, ProductDraft
from app.billing.decimals import plain
from app.billing.filters import filter_to_json
from app.billing.price_models import model_to_json
from app.billing.tax import TaxBehavior

Draft = ProductDraft | BillableMetricDraft | FeeDraft | PriceDraft | PlanDraft


class CatalogNoun(StrEnum):
    """The nouns of a catalog, each after those it refers to."""

    PRODUCT = "PRODUCT"
    BILLABLE_METRIC = "BILLABLE_METRIC"
    FEE = "FEE"
    PRICE = "PRICE"
    PLAN = "PLAN"


#: How documents call the list of each noun.
SECTIONS: Mapping[CatalogNoun, str] = {
    CatalogNoun.PRODUCT: "products",
    CatalogNoun.BILLABLE_METRIC: "billableMetrics",
    CatalogNoun.FEE: "fees",
    CatalogNoun.PRICE: "prices",
    CatalogNoun.PLAN: "plans",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogDraft:
    """A whole catalog as a user wants it: every object has a key, and what it refers to is a key of the same document.

    An id may stand in the place of a key, for an object that has none.
    """

    products: Sequence[ProductDraft] = ()
    billable_metrics: Sequence[BillableMetricDraft] = ()
    fees: Sequence[FeeDraft] = ()
    prices: Sequence[PriceDraft] = ()
    plans: Sequence[PlanDraft] = ()

    def of(self, noun: CatalogNoun) -> Sequence[Draft]:
        """Return the objects of one noun, in the order of the document."""
        match noun:
            case CatalogNoun.PRODUCT:
                return self.products
            case CatalogNoun.BILLABLE_METRIC:
                return self.billable_metrics
            case CatalogNoun.FEE:
                return self.fees
            case CatalogNoun.PRICE:
                return self.prices
            case CatalogNoun.PLAN:
                return self.plans


def item_of(draft: Draft) -> dict[str, Any]:
    """Return an object as a document writes it: plain JSON, decimals as text, without what is empty or the default."""
    return {name: value for name, value in _item(draft).items() if value not in (None, [], {})}


def fields_of(draft: Draft) -> list[str]:
    """Return the names of an object's fields, in the order in which a document writes them."""
    return list(_item(draft))


@singledispatch
def _item(draft: Any) -> dict[str, Any]:
    raise TypeError(f"{type(draft).__name__} has no place in a catalog")


@_item.register
def _product(draft: ProductDraft) -> dict[str, Any]:
    return {"key": draft.key, "name": draft.name, "description": draft.description, "metadata": draft.metadata}


@_item.register
def _billable_metric(draft: BillableMetricDraft) -> dict[str, Any]:
    return {
        "key": draft.key,
        "productId": draft.product,
        "name": draft.name,
        "description": draft.description,
        "unit": draft.unit,
        "eventType": draft.event_type,
        "aggregation": draft.aggregation.value,
        "valueProperty": draft.value_property,
        "groupBy": [{"name": item.name, "path": item.path} for item in draft.group_by],
        "eventFrom": draft.event_from and draft.event_from.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }


@_item.register
def _fee(draft: FeeDraft) -> dict[str, Any]:
    return {"key": draft.key, "productId": draft.product, "name": draft.name, "description": draft.description}


@_item.register
def _price(draft: PriceDraft) -> dict[str, Any]:
    metered = draft.billable_metric is not None
    model = model_to_json(draft.model)
    kind = str(model.pop("type")).lower()
    # One of a fee is what a price charges that says nothing.
    quantity = None if draft.quantity in (None, 1) else plain(draft.quantity)
    return {
        "key": draft.key,
        "target": {"billableMetricId": draft.billable_metric} if metered else {"feeId": draft.fee},
        "invoiceDisplayName": draft.invoice_display_name,
        "paymentTerm": draft.payment_term.value,
        "currency": draft.currency,
        "model": {kind: model},
        "quantity": quantity,
        "filter": filter_to_json(draft.filter),
        "cadence": draft.cadence and draft.cadence.value,
        "isObligation": draft.is_obligation or None,
        "periodMinimum": None if draft.period_minimum is None else plain(draft.period_minimum),
        "periodMaximum": None if draft.period_maximum is None else plain(draft.period_maximum),
    }


@_item.register
def _plan(draft: PlanDraft) -> dict[str, Any]:
    return {
        "key": draft.key,
        "productId": draft.product,
        "name": draft.name,
        "description": draft.description,
        "billingInterval": draft.billing_interval.value,
        "currency": draft.currency,
        "billingVersion": draft.billing_version,
        "billingAnchor": anchor_to_json(draft.billing_anchor),
        "taxBehavior": None if draft.tax_behavior is TaxBehavior.EXCLUSIVE else draft.tax_behavior.value,
        "priceIds": list(draft.prices),
    }
