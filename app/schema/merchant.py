"""The merchant."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Maybe

from app import models
from app.loaders.pages import Relation
from app.schema.address import ADDRESS, TAX_ID, Address, AddressInput, with_address
from app.schema.connections import Connection, connection
from app.schema.declarations import ANY_KEY, field, noun, value
from app.schema.inputs import changes_of
from app.schema.node import Node
from app.schema.scalars import CurrencyCode
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.api_key import ApiKey

PREFIX = "What invoice numbers begin with: capitals, digits and hyphens, at most 20. Example: `INV`."
GRACE = "How long invoices stay drafts so that late events still count, in seconds, at most 30 days. Example: `3600`."
INITIAL_PAYMENT = (
    "For how many days a new subscription waits for its first invoice to be paid before both end, 1 to 365. "
    "Example: `7`."
)
LOCALE = "How invoices write numbers and dates where their customer has no locale of its own. Example: `de-AT`."
TIMEZONE = "The IANA zone of its calendar. Example: `Europe/Berlin`."


@noun("org", models.Merchant, ANY_KEY, "The tenant: a company that bills its customers.")
class Merchant(Node):
    """Rows of `merchant`."""

    name: str = field("What it is called. Example: `Example Inc.`.")
    default_currency: CurrencyCode = field("The currency of prices and plans that name none. Example: `USD`.")
    timezone: str = field(TIMEZONE)
    invoice_number_prefix: str = field(PREFIX)
    grace_seconds: int = field(GRACE)
    initial_payment_days: int = field(INITIAL_PAYMENT)
    address: Address | None = field(ADDRESS)
    tax_id: str | None = field(TAX_ID)
    locale: str = field(LOCALE)
    created_at: datetime = field("When it was founded.")
    api_keys: Connection[Annotated["ApiKey", strawberry.lazy("app.schema.api_key")]] = connection(
        "Its keys, revoked ones too.", Relation(models.ApiKey, "merchant_id")
    )


@strawberry.input(
    description="What to change of the merchant; what is left out stays. What runs already keeps what it copied."
)
class MerchantUpdateInput:
    """See `MerchantDraft`."""

    name: Maybe[str | None] = field("What it is called, up to 255 characters. Example: `Example Inc.`.")
    default_currency: Maybe[CurrencyCode | None] = field(
        "The currency of prices and plans that name none. Example: `USD`."
    )
    timezone: Maybe[str | None] = field(TIMEZONE)
    invoice_number_prefix: Maybe[str | None] = field(PREFIX)
    grace_seconds: Maybe[int | None] = field(GRACE)
    initial_payment_days: Maybe[int | None] = field(INITIAL_PAYMENT)
    address: Maybe[AddressInput | None] = field(f"Replaces the whole address. {ADDRESS}")
    tax_id: Maybe[str | None] = field(TAX_ID)
    locale: Maybe[str | None] = field(LOCALE)

    def to_changes(self) -> dict[str, Any]:
        """Return what is to be changed."""
        needed = ("name", "default_currency", "timezone", "invoice_number_prefix", "grace_seconds")
        return with_address(changes_of(self, *needed, "initial_payment_days", "locale"))


@value("The merchant as it is now.")
class MerchantUpdatePayload(Payload):
    """The answer of `merchantUpdate`."""

    merchant: Merchant | None = field("The merchant.", default=None)
