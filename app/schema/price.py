"""Prices: what a metric or a fee costs."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Maybe

from app import models
from app.billing.access import Scope
from app.billing.cadences import Cadence
from app.billing.catalog import PriceDraft
from app.billing.price_models import model_from_json
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.declarations import edge, field, noun, value
from app.schema.enums import PaymentTerm
from app.schema.inputs import ARCHIVED, KEY, REFERENCE, changes_of, idempotency_key
from app.schema.node import Node
from app.schema.price_model import PriceModel, PriceModelInput
from app.schema.price_terms import PriceCondition, PriceConditionInput, filter_of
from app.schema.scalars import CurrencyCode
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.billable_metric import BillableMetric
    from app.schema.fee import Fee
    from app.schema.invoice import InvoiceLine
    from app.schema.plan_version import PlanVersion
    from app.schema.product import Product

DISPLAY_NAME = "What invoice lines are called. Example: `Output tokens`."
QUANTITY = "How many of a fee are charged, above zero; null means 1. Metered quantities are measured."

FILTER = "Which events of its metric it charges: those that meet every condition; empty for what no other price takes."
CADENCE = "How often it is charged; null for the billing interval of its plan. A shorter one must divide that."
OBLIGATION = "Whether a fee is owed for whole periods only: nothing for a part of one, and nothing back."
MINIMUM = "The least that it charges in a period, in major units; a part of a period has its share. Null for none."
MAXIMUM = "The most that it charges in a period, in major units; a part of a period has its share. Null for none."


@value("What a price is charged for: one of the two.")
class PriceTarget:
    """Read from the price's row."""

    billable_metric: Annotated["BillableMetric", strawberry.lazy("app.schema.billable_metric")] | None = edge(
        "The metric whose usage is charged.", models.BillableMetric, "billable_metric_id"
    )
    fee: Annotated["Fee", strawberry.lazy("app.schema.fee")] | None = edge(
        "The fee that is charged.", models.Fee, "fee_id"
    )


@noun(
    "price",
    models.Price,
    Scope.CATALOG_READ,
    "A pricing model for one metric or one fee. What it charges never changes once a published plan version uses it.",
)
class Price(Node):
    """Rows of `price`."""

    key: str | None = field(KEY)
    invoice_display_name: str = field(DISPLAY_NAME)
    payment_term: PaymentTerm = field("Whether it is due at the start or at the end of the period it covers.")
    currency: CurrencyCode = field("The currency it charges. Example: `USD`.")
    model: PriceModel = field("How a quantity becomes an amount.", of=lambda row: model_from_json(row.pricing))
    quantity: Decimal | None = field(QUANTITY)
    filter: list[PriceCondition] = field(FILTER, of=filter_of)
    cadence: Cadence | None = field(CADENCE)
    is_obligation: bool = field(OBLIGATION)
    period_minimum: Decimal | None = field(MINIMUM)
    period_maximum: Decimal | None = field(MAXIMUM)
    created_at: datetime = field("When it was created.")
    archived_at: datetime | None = field(ARCHIVED)
    target: PriceTarget = field("What it is charged for.", of=lambda row: row)
    product: Annotated["Product", strawberry.lazy("app.schema.product")] = edge(
        "The product of its metric or fee.", models.Product, "product_id"
    )
    plan_versions: Connection[Annotated["PlanVersion", strawberry.lazy("app.schema.plan_version")]] = connection(
        "Which plan versions contain it.",
        Relation(models.PlanVersion, "price_id", through=models.PlanVersionPrice, link="plan_version_id"),
    )
    invoice_lines: Connection[Annotated["InvoiceLine", strawberry.lazy("app.schema.invoice")]] = connection(
        "What it has charged.", Relation(models.InvoiceLine, "price_id")
    )


@strawberry.input(one_of=True, description="What a price is charged for: exactly one of its fields.")
class PriceTargetInput:
    """See `PriceDraft`."""

    billable_metric_id: Maybe[strawberry.ID] = field("The id or key of a billable metric.")
    fee_id: Maybe[strawberry.ID] = field("The id or key of a fee.")


@strawberry.input(description="What makes a price.")
class PriceFields:
    """See `PriceDraft`."""

    key: str | None = field(KEY, default=None)
    target: PriceTargetInput = field("What it is charged for.")
    invoice_display_name: str = field(f"{DISPLAY_NAME} Up to 255 characters.")
    payment_term: PaymentTerm = field("When it is due; metered prices are IN_ARREARS. Example: `IN_ARREARS`.")
    currency: CurrencyCode | None = field("Null means the merchant's default currency. Example: `USD`.", default=None)
    model: PriceModelInput = field("How a quantity becomes an amount.")
    quantity: Decimal | None = field(f'{QUANTITY} Example: `"3"`.', default=None)
    filter: list[PriceConditionInput] | None = field(FILTER, default=None)
    cadence: Cadence | None = field(f"{CADENCE} Example: `MONTHLY`.", default=None)
    is_obligation: bool = field(OBLIGATION, default=False)
    period_minimum: Decimal | None = field(f'{MINIMUM} Example: `"10"`.', default=None)
    period_maximum: Decimal | None = field(f'{MAXIMUM} Example: `"1000"`.', default=None)

    def to_draft(self) -> PriceDraft:
        """Return what is asked for."""
        metric, fee = self.target.billable_metric_id, self.target.fee_id
        return PriceDraft(
            key=self.key,
            billable_metric=metric.value if metric else None,
            fee=fee.value if fee else None,
            invoice_display_name=self.invoice_display_name,
            payment_term=self.payment_term,
            currency=self.currency,
            model=self.model.to_model(),
            quantity=self.quantity,
            filter=tuple(condition.to_condition() for condition in self.filter or ()),
            cadence=self.cadence,
            is_obligation=self.is_obligation,
            period_minimum=self.period_minimum,
            period_maximum=self.period_maximum,
        )


@strawberry.input(description="A price to create.")
class PriceCreateInput(PriceFields):
    """See `PriceDraft`."""

    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="What to change of a price; what is left out stays.")
class PriceUpdateInput:
    """See `PriceDraft`."""

    id: strawberry.ID = field(REFERENCE)
    key: Maybe[str | None] = field(KEY)
    invoice_display_name: Maybe[str | None] = field(
        f"{DISPLAY_NAME} Fixed once a published plan version uses the price."
    )

    def to_changes(self) -> dict[str, Any]:
        """Return what is to be changed."""
        return changes_of(self, "invoice_display_name")


@value("The price that was created.")
class PriceCreatePayload(Payload):
    """The answer of `priceCreate`."""

    price: Price | None = field("The price.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key made it.", default=False)


@value("The price as it is now.")
class PriceUpdatePayload(Payload):
    """The answer of `priceUpdate`."""

    price: Price | None = field("The price.", default=None)
