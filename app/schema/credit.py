"""Customer credit: money in hand."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from app import models
from app.billing import money as billing
from app.billing.access import Scope
from app.billing.catalog.corrections import CreditRemovalDraft
from app.billing.catalog.invoices import CreditDraft
from app.db import Sessions
from app.loaders.owner import Owner
from app.schema.declarations import edge, field, noun, value
from app.schema.enums import CreditKind
from app.schema.inputs import idempotency_key
from app.schema.money import Money, money_of
from app.schema.node import Node
from app.schema.scalars import CurrencyCode
from app.schema.user_errors import Payload
from app.services.credit import credit_by_customer

if TYPE_CHECKING:
    from app.schema.credit_note import CreditNote
    from app.schema.customer import Customer
    from app.schema.invoice import Invoice
    from app.schema.refund import Refund

NOTE = "Why it was given, as the customer may read it, up to 2000 characters. Example: `Outage of May 3`."


async def credit_balances_by_customer(
    sessions: Sessions, owner: Owner, customer_ids: Sequence[str]
) -> list[list[billing.Money]]:
    """Return each customer's balances."""
    async with sessions.read() as session:
        found = await credit_by_customer(session, owner.environment_id, customer_ids)
    return [
        [billing.Money(minor, currency) for currency, minor in found.get(customer_id, {}).items()]
        for customer_id in customer_ids
    ]


@noun(
    "cre",
    models.CreditEntry,
    Scope.BILLING_READ,
    "A change of a customer's credit, never edited. The balance is the sum of the entries of a currency.",
)
class CreditEntry(Node):
    """Rows of `credit_entry`."""

    kind: CreditKind = field("What moved it.")
    amount: Money = field("By how much; below zero where it was taken.", of=money_of("amount_minor"))
    note: str | None = field("Why it was given or removed, which the customer may read. Example: `Outage of May 3`.")
    created_at: datetime = field("When it was made, in the customer's time.")
    customer: Annotated["Customer", strawberry.lazy("app.schema.customer")] = edge(
        "Whose credit it is.", models.Customer, "customer_id"
    )
    invoice: Annotated["Invoice", strawberry.lazy("app.schema.invoice")] | None = edge(
        "The invoice that brought or took it; null for what was given by hand.", models.Invoice, "invoice_id"
    )
    source: Annotated["CreditEntry", strawberry.lazy("app.schema.credit")] | None = edge(
        "The entry that this takes from; null for one that brought credit.", models.CreditEntry, "source_id"
    )
    credit_note: Annotated["CreditNote", strawberry.lazy("app.schema.credit_note")] | None = edge(
        "The credit note that brought it.", models.CreditNote, "credit_note_id"
    )
    refund: Annotated["Refund", strawberry.lazy("app.schema.refund")] | None = edge(
        "The refund that took it.", models.Refund, "refund_id"
    )


@strawberry.input(description="Credit to give to a customer.")
class CustomerCreditAddInput:
    """See `CreditDraft`."""

    customer_id: strawberry.ID = field("The id of the customer.")
    amount: Decimal = field('How much, above zero, in major units. Example: `"25.00"`.')
    currency: CurrencyCode | None = field("Null for the merchant's default currency. Example: `USD`.", default=None)
    note: str | None = field(NOTE, default=None)
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> CreditDraft:
        """Return what is asked for."""
        return CreditDraft(customer=self.customer_id, amount=self.amount, currency=self.currency, note=self.note)


@value("The credit that was given.")
class CustomerCreditAddPayload(Payload):
    """The answer of `customerCreditAdd`."""

    credit_entry: CreditEntry | None = field("The entry that brought it.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key gave it.", default=False)


@strawberry.input(description="Credit to take from a customer.")
class CustomerCreditRemoveInput:
    """See `CreditRemovalDraft`."""

    customer_id: strawberry.ID = field("The id of the customer.")
    amount: Decimal = field('How much, above zero and at most its balance, in major units. Example: `"25.00"`.')
    currency: CurrencyCode | None = field("Null for the merchant's default currency. Example: `USD`.", default=None)
    reason: str = field(
        "Why it is taken, as the customer may read it, up to 2000 characters. Example: `Given by mistake`."
    )
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> CreditRemovalDraft:
        """Return what is asked for."""
        return CreditRemovalDraft(
            customer=self.customer_id, amount=self.amount, currency=self.currency, reason=self.reason
        )


@value("The credit that was taken.")
class CustomerCreditRemovePayload(Payload):
    """The answer of `customerCreditRemove`."""

    credit_entries: list[CreditEntry] | None = field(
        "An entry for each that credit was taken from, oldest first.", default=None
    )
    replayed: bool = field("Whether an earlier call with this idempotency key took it.", default=False)
