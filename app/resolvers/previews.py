"""Root fields that compute and write nothing."""

import strawberry

from app.billing.access import Scope
from app.schema.declarations import field
from app.schema.price_preview import PricePreview, resolve_price_preview


@strawberry.type
class PreviewQueries:
    """What it would cost."""

    price_preview: PricePreview = field(
        "What a quantity, or some events, would cost under a pricing model, before discounts and tax.",
        resolver=resolve_price_preview,
        access=Scope.CATALOG_READ,
    )
