"""Lists of discounts and of changes of credit."""

import strawberry

from app import models
from app.schema.enums import CreditKind
from app.schema.listings.invoices import BY_CREATION, CREATED, CUSTOMERS
from app.schema.listings.listing import By, InstantRange, containing, listing, one_of, within
from app.schema.scalars import CurrencyCode


@listing(
    models.Discount,
    CREATED_AT=BY_CREATION,
    NAME=By("name", "What it is called, by the bytes of the text."),
    STARTS_AT=By("starts_at", "When it starts."),
    ENDS_AT=By("ends_at", "When it ends; null for never."),
)
class DiscountFilter:
    """Rows of `discount`."""

    customer_ids: list[strawberry.ID] | None = one_of("customer_id", CUSTOMERS)
    subscription_ids: list[strawberry.ID] | None = one_of(
        "subscription_id", "Of one of the subscriptions with these ids; never of a whole customer."
    )
    name_contains: str | None = containing("name", "Whose name contains this text. Example: `launch`.")
    created_at: InstantRange | None = within("created_at", CREATED)


@listing(models.CreditEntry, CREATED_AT=BY_CREATION)
class CreditEntryFilter:
    """Rows of `credit_entry`."""

    customer_ids: list[strawberry.ID] | None = one_of("customer_id", CUSTOMERS)
    invoice_ids: list[strawberry.ID] | None = one_of("invoice_id", "Brought or taken by one of these invoices.")
    kinds: list[CreditKind] | None = one_of("kind", "Of one of these kinds. Example: `[APPLIED]`.")
    currencies: list[CurrencyCode] | None = one_of("currency", "In one of these currencies. Example: `[USD]`.")
    created_at: InstantRange | None = within("created_at", CREATED)
