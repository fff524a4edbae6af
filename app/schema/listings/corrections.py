"""Lists of credit notes and refunds."""

import strawberry

from app import models
from app.schema.listings.invoices import BY_CREATION, CREATED, CUSTOMERS
from app.schema.listings.listing import InstantRange, listing, one_of, within
from app.schema.scalars import CurrencyCode

CURRENCIES = "In one of these currencies. Example: `[USD]`."


@listing(models.CreditNote, CREATED_AT=BY_CREATION)
class CreditNoteFilter:
    """Rows of `credit_note`."""

    invoice_ids: list[strawberry.ID] | None = one_of("invoice_id", "Of one of the invoices with these ids.")
    customer_ids: list[strawberry.ID] | None = one_of("customer_id", CUSTOMERS)
    currencies: list[CurrencyCode] | None = one_of("currency", CURRENCIES)
    created_at: InstantRange | None = within("created_at", CREATED)


@listing(models.Refund, CREATED_AT=BY_CREATION)
class RefundFilter:
    """Rows of `refund`."""

    payment_ids: list[strawberry.ID] | None = one_of("payment_id", "Of one of the payments with these ids.")
    credit_note_ids: list[strawberry.ID] | None = one_of(
        "credit_note_id", "For one of the credit notes with these ids."
    )
    customer_ids: list[strawberry.ID] | None = one_of("customer_id", CUSTOMERS)
    currencies: list[CurrencyCode] | None = one_of("currency", CURRENCIES)
    created_at: InstantRange | None = within("created_at", CREATED)
