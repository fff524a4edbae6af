"""Root fields that compute and write nothing."""

from decimal import Decimal
from typing import Annotated, Any

import strawberry

from app.billing.access import Scope
from app.schema.declarations import field
from app.schema.price_model import PriceModelInput
from app.schema.price_preview import PricePreview, PricePreviewEventInput, preview
from app.schema.scalars import CurrencyCode

Model = Annotated[PriceModelInput, strawberry.argument(description="How the quantity becomes an amount.")]
Currency = Annotated[CurrencyCode, strawberry.argument(description="The currency to charge. Example: `USD`.")]
Quantity = Annotated[
    Decimal | None, strawberry.argument(description='What to charge for, or give `events`. Example: `"1500000"`.')
]
Events = Annotated[
    list[PricePreviewEventInput] | None,
    strawberry.argument(description="Events whose sum to charge for, or give `quantity`."),
]


def _price_preview(model: Model, currency: Currency, quantity: Quantity = None, events: Events = None) -> Any:
    return preview(model.to_model(), currency, quantity, events)


@strawberry.type
class PreviewQueries:
    """What it would cost."""

    price_preview: PricePreview = field(
        "What a quantity, or some events, would cost under a pricing model.",
        resolver=_price_preview,
        access=Scope.CATALOG_READ,
    )
