"""How many of a fee a subscriber takes."""

from decimal import Decimal

import strawberry

from app.schema.declarations import field


@strawberry.input(description="How many of a fee a subscription takes.")
class FeeQuantityInput:
    """See `FeeQuantity`."""

    price_id: strawberry.ID = field("The id or key of a price of the plan that charges a fee.")
    quantity: Decimal = field('How many, above zero. Example: `"5"`.')
