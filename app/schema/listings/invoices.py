"""Lists of invoices and payments."""

import strawberry

from app import models
from app.schema.enums import InvoiceReason, InvoiceStatus, PaymentTerm
from app.schema.listings.listing import By, InstantRange, listing, one_of, one_of_these, within
from app.schema.scalars import CurrencyCode

CUSTOMERS = "Of one of the customers with these ids; external ids are not looked up."
CREATED = "When they were made, in the customer's time."
BY_CREATION = By("created_at", "When it was made, in the customer's time.")


@listing(
    models.Invoice,
    CREATED_AT=BY_CREATION,
    ISSUED_AT=By("issued_at", "When it was issued; null for a draft."),
    DUE_AT=By("due_at", "When it is to be paid; null for a draft."),
    PAID_AT=By("paid_at", "When nothing was left to pay; null before."),
    NUMBER=By("number", "Its number, by the bytes of the text; null for a draft."),
)
class InvoiceFilter:
    """Rows of `invoice`."""

    statuses: list[InvoiceStatus] | None = one_of("status", "With one of these statuses. Example: `[ISSUED]`.")
    reasons: list[InvoiceReason] | None = one_of(
        "reason", "Made for one of these reasons. Example: `[SUBSCRIPTION_CYCLE]`."
    )
    customer_ids: list[strawberry.ID] | None = one_of("customer_id", CUSTOMERS)
    subscription_ids: list[strawberry.ID] | None = one_of(
        "subscription_id", "Of one of the subscriptions with these ids."
    )
    numbers: list[str] | None = one_of("number", 'With one of these numbers. Example: `["INV-000001"]`.')
    currencies: list[CurrencyCode] | None = one_of("currency", "In one of these currencies. Example: `[USD]`.")
    issued_at: InstantRange | None = within("issued_at", "When they were issued; never true of drafts.")
    due_at: InstantRange | None = within("due_at", "When they are to be paid; never true of drafts.")
    created_at: InstantRange | None = within("created_at", CREATED)


@listing(
    models.InvoiceLine,
    CREATED_AT=BY_CREATION,
    PERIOD_START=By("period_start", "When what it covers begins."),
    PERIOD_END=By("period_end", "When what it covers ends."),
)
class InvoiceLineFilter:
    """Rows of `invoice_line`."""

    invoice_ids: list[strawberry.ID] | None = one_of("invoice_id", "Of one of the invoices with these ids.")
    price_ids: list[strawberry.ID] | None = one_of_these(
        "price_id", models.Price, 'Of one of the prices with these ids or keys. Example: `["output-tokens-2026"]`.'
    )
    payment_terms: list[PaymentTerm] | None = one_of(
        "payment_term", "With one of these payment terms. Example: `[IN_ARREARS]`."
    )
    period_start: InstantRange | None = within("period_start", "When what they cover begins.")
    created_at: InstantRange | None = within("created_at", CREATED)


@listing(models.Payment, CREATED_AT=BY_CREATION)
class PaymentFilter:
    """Rows of `payment`."""

    invoice_ids: list[strawberry.ID] | None = one_of("invoice_id", "For one of the invoices with these ids.")
    customer_ids: list[strawberry.ID] | None = one_of("customer_id", CUSTOMERS)
    methods: list[str] | None = one_of("method", 'Paid in one of these ways. Example: `["bank_transfer"]`.')
    created_at: InstantRange | None = within("created_at", CREATED)
