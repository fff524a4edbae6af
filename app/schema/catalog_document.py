"""Catalog as code: the document that `catalogApply` takes and `catalogExport` gives."""

import strawberry

from app.billing.catalog.as_code import CatalogDraft
from app.schema.billable_metric import BillableMetricFields
from app.schema.declarations import field
from app.schema.fee import FeeFields
from app.schema.plan import PlanFields
from app.schema.price import PriceFields
from app.schema.product import ProductFields

KEY = "The slug by which the document and later ones name it, unique per noun. Example: `pro-2026`."
WITHIN = "Where another object is named, its key in this document is meant, or the id of one that has no key."


@strawberry.input(description="A product of a catalog.")
class CatalogProductInput(ProductFields):
    """See `ProductDraft`."""

    key: str = field(KEY)


@strawberry.input(description="A billable metric of a catalog. What it measures is fixed once a plan bills it.")
class CatalogBillableMetricInput(BillableMetricFields):
    """See `BillableMetricDraft`."""

    key: str = field(KEY)


@strawberry.input(description="A fee of a catalog.")
class CatalogFeeInput(FeeFields):
    """See `FeeDraft`."""

    key: str = field(KEY)


@strawberry.input(
    description="A price of a catalog. Once a plan holds it, it never changes: another price takes another key."
)
class CatalogPriceInput(PriceFields):
    """See `PriceDraft`."""

    key: str = field(KEY)


@strawberry.input(description="A plan of a catalog. Other prices, or another order of them, make a new version.")
class CatalogPlanInput(PlanFields):
    """See `PlanDraft`."""

    key: str = field(KEY)


@strawberry.input(description=f"A whole catalog, at most 1,000 objects of each noun. {WITHIN}")
class CatalogInput:
    """See `CatalogDraft`."""

    products: list[CatalogProductInput] = field("What is sold.", default_factory=list)
    billable_metrics: list[CatalogBillableMetricInput] = field("How usage is measured.", default_factory=list)
    fees: list[CatalogFeeInput] = field("What is charged without measuring it.", default_factory=list)
    prices: list[CatalogPriceInput] = field("What metrics and fees cost.", default_factory=list)
    plans: list[CatalogPlanInput] = field("How prices are packaged.", default_factory=list)

    def to_draft(self) -> CatalogDraft:
        """Return what is asked for."""
        return CatalogDraft(
            products=[item.to_draft() for item in self.products],
            billable_metrics=[item.to_draft() for item in self.billable_metrics],
            fees=[item.to_draft() for item in self.fees],
            prices=[item.to_draft() for item in self.prices],
            plans=[item.to_draft() for item in self.plans],
        )


@strawberry.input(description="A catalog to make the one that is there.")
class CatalogApplyInput:
    """See `services.catalog_apply`."""

    catalog: CatalogInput = field(
        "The whole catalog: what has a key and is left out here is archived. What has no key stays as it is."
    )
    dry_run: bool = field("Only show what would happen. Example: `true`.", default=False)
