"""How many of a fee a subscriber takes."""

from decimal import Decimal

from sqlmodel import Field

from app.db import Exact
from app.models.row import EnvironmentRow, belongs_to, unique


class SubscriptionQuantity(EnvironmentRow, table=True):
    """The quantity of one fee price in one subscription, in the place of the price's own."""

    __tablename__ = "subscription_quantity"
    __table_args__ = (
        unique("subscription_id", "price_id"),
        belongs_to("subscription_id", "subscription"),
        belongs_to("price_id", "price"),
    )

    subscription_id: str
    price_id: str
    quantity: Decimal = Field(sa_type=Exact)
