"""Root fields of the catalog: products, metrics, fees, prices, plans."""

import strawberry

from app import models
from app.billing.access import Scope
from app.loaders.pages import Relation
from app.schema import billable_metric as metrics_schema
from app.schema.billable_metric import BillableMetric, BillableMetricCreatePayload, BillableMetricUpdatePayload
from app.schema.connections import Connection, connection
from app.schema.fee import Fee, FeeCreateInput, FeeCreatePayload, FeeUpdateInput, FeeUpdatePayload
from app.schema.mutation import Call, mutation
from app.schema.plan import Plan, PlanCreateInput, PlanCreatePayload, PlanUpdateInput, PlanUpdatePayload
from app.schema.plan_version import PlanVersion
from app.schema.price import Price, PriceCreateInput, PriceCreatePayload, PriceUpdateInput, PriceUpdatePayload
from app.schema.product import (
    Product,
    ProductCreateInput,
    ProductCreatePayload,
    ProductUpdateInput,
    ProductUpdatePayload,
)
from app.schema.single import single
from app.services import billable_metrics, fees, plans, prices, products


@strawberry.type
class CatalogQueries:
    """What is sold and for how much."""

    product: Product | None = single("A product by its id or key.", models.Product)
    products: Connection[Product] = connection("All products.", Relation(models.Product))
    billable_metric: BillableMetric | None = single("A billable metric by its id or key.", models.BillableMetric)
    billable_metrics: Connection[BillableMetric] = connection("All billable metrics.", Relation(models.BillableMetric))
    fee: Fee | None = single("A fee by its id or key.", models.Fee)
    fees: Connection[Fee] = connection("All fees.", Relation(models.Fee))
    price: Price | None = single("A price by its id or key.", models.Price)
    prices: Connection[Price] = connection("All prices.", Relation(models.Price))
    plan: Plan | None = single("A plan by its id or key.", models.Plan)
    plans: Connection[Plan] = connection("All plans.", Relation(models.Plan))
    plan_version: PlanVersion | None = single("A plan version by its id.", models.PlanVersion)
    plan_versions: Connection[PlanVersion] = connection("All versions of all plans.", Relation(models.PlanVersion))


@strawberry.type
class CatalogMutations:
    """Creating and changing the catalog."""

    @mutation("Create a product.", access=Scope.CATALOG_WRITE)
    async def product_create(self, call: Call, input: ProductCreateInput) -> ProductCreatePayload:
        done = await call.create(input, products.create_product)
        return ProductCreatePayload(product=done.rows[0], replayed=done.replayed)

    @mutation("Change a product.", access=Scope.CATALOG_WRITE)
    async def product_update(self, call: Call, input: ProductUpdateInput) -> ProductUpdatePayload:
        return ProductUpdatePayload(product=await call.update(input, products.update_product))

    @mutation("Create a billable metric.", access=Scope.CATALOG_WRITE)
    async def billable_metric_create(
        self, call: Call, input: metrics_schema.BillableMetricCreateInput
    ) -> BillableMetricCreatePayload:
        done = await call.create(input, billable_metrics.create_billable_metric)
        return BillableMetricCreatePayload(billable_metric=done.rows[0], replayed=done.replayed)

    @mutation("Change what a billable metric is called. What it measures stays.", access=Scope.CATALOG_WRITE)
    async def billable_metric_update(
        self, call: Call, input: metrics_schema.BillableMetricUpdateInput
    ) -> BillableMetricUpdatePayload:
        metric = await call.update(input, billable_metrics.update_billable_metric)
        return BillableMetricUpdatePayload(billable_metric=metric)

    @mutation("Create a fee.", access=Scope.CATALOG_WRITE)
    async def fee_create(self, call: Call, input: FeeCreateInput) -> FeeCreatePayload:
        done = await call.create(input, fees.create_fee)
        return FeeCreatePayload(fee=done.rows[0], replayed=done.replayed)

    @mutation("Change a fee.", access=Scope.CATALOG_WRITE)
    async def fee_update(self, call: Call, input: FeeUpdateInput) -> FeeUpdatePayload:
        return FeeUpdatePayload(fee=await call.update(input, fees.update_fee))

    @mutation("Create a price for one metric or one fee.", access=Scope.CATALOG_WRITE)
    async def price_create(self, call: Call, input: PriceCreateInput) -> PriceCreatePayload:
        done = await call.create(input, prices.create_price)
        return PriceCreatePayload(price=done.rows[0], replayed=done.replayed)

    @mutation("Change what a price is called. What it charges stays.", access=Scope.CATALOG_WRITE)
    async def price_update(self, call: Call, input: PriceUpdateInput) -> PriceUpdatePayload:
        return PriceUpdatePayload(price=await call.update(input, prices.update_price))

    @mutation("Create a plan from prices, with its first version published.", access=Scope.CATALOG_WRITE)
    async def plan_create(self, call: Call, input: PlanCreateInput) -> PlanCreatePayload:
        done = await call.create(input, plans.create_plan)
        return PlanCreatePayload(plan=done.rows[0], replayed=done.replayed)

    @mutation("Change what a plan is called. Its interval, currency and prices stay.", access=Scope.CATALOG_WRITE)
    async def plan_update(self, call: Call, input: PlanUpdateInput) -> PlanUpdatePayload:
        return PlanUpdatePayload(plan=await call.update(input, plans.update_plan))
