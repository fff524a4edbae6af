"""Customers: whom the merchant bills."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, cast

import strawberry
from strawberry import Maybe
from strawberry.scalars import JSON

from app import models
from app.billing.access import Scope
from app.billing.catalog import CustomerDraft
from app.loaders.pages import Relation
from app.schema.account import Account, resolve_account
from app.schema.address import ADDRESS, TAX_ID, Address, AddressInput, address_of, with_address
from app.schema.connections import Connection, connection
from app.schema.credit import credit_balances_by_customer
from app.schema.declarations import batched, edge, field, noun, value
from app.schema.inputs import METADATA, changes_of, idempotency_key
from app.schema.money import Money
from app.schema.node import Node
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.credit import CreditEntry
    from app.schema.credit_note import CreditNote
    from app.schema.discount import Discount
    from app.schema.entitlement import Entitlement
    from app.schema.invoice import Invoice
    from app.schema.payment import Payment
    from app.schema.refund import Refund
    from app.schema.subscription import Subscription
    from app.schema.test_clock import TestClock

EXTERNAL_ID = "Your own id of the customer: letters, digits, `_` and `-`, unique per environment. Example: `acme-1`."
LOCALE = "How its invoices write numbers and dates; null for the merchant's way. Example: `de-AT`."
EMAIL = "Where invoices go. Example: `billing@acme.example`."
TAX_RATE = 'The share of 1 at which its invoices are taxed; null for no tax. Example: `"0.19"`.'
TAX_EXEMPTION = (
    "Why it is not taxed, whatever its rate, as its invoices say it; null where it is taxed. "
    "Example: `Reverse charge, VAT due by the recipient`."
)


@noun("cus", models.Customer, Scope.CUSTOMERS_READ, "An organization that the merchant bills.")
class Customer(Node):
    """Rows of `customer`."""

    external_id: str | None = field(EXTERNAL_ID)
    name: str = field("What it is called on invoices. Example: `Acme`.")
    email: str | None = field(EMAIL)
    address: Address | None = field(ADDRESS)
    tax_id: str | None = field(TAX_ID)
    locale: str | None = field(LOCALE)
    tax_rate: Decimal | None = field(TAX_RATE)
    tax_exemption: str | None = field(TAX_EXEMPTION)
    metadata: JSON = field(METADATA, of="details")
    created_at: datetime = field("When it was created, in its own time.")
    erased_at: datetime | None = field(
        "When its personal data was erased, in real time: its name then reads `[erased]`, and it can't be changed or "
        "subscribed again. Else null."
    )
    test_clock: Annotated["TestClock", strawberry.lazy("app.schema.test_clock")] | None = edge(
        "The clock whose time it lives in; null for real time.", models.TestClock, "test_clock_id"
    )
    subscriptions: Connection[Annotated["Subscription", strawberry.lazy("app.schema.subscription")]] = connection(
        "What it subscribes to.", Relation(models.Subscription, "customer_id")
    )
    invoices: Connection[Annotated["Invoice", strawberry.lazy("app.schema.invoice")]] = connection(
        "What it owes and has paid.", Relation(models.Invoice, "customer_id")
    )
    discounts: Connection[Annotated["Discount", strawberry.lazy("app.schema.discount")]] = connection(
        "The discounts on all it pays, or on one of its subscriptions.", Relation(models.Discount, "customer_id")
    )
    entitlements: Connection[Annotated["Entitlement", strawberry.lazy("app.schema.entitlement")]] = connection(
        "What it may use, may have used or will.", Relation(models.Entitlement, "customer_id")
    )
    credit_balances: list[Money] = batched(
        "The credit it has in hand, by currency, which its next invoices take.",
        credit_balances_by_customer,
        access=Scope.BILLING_READ,
    )
    credit_entries: Connection[Annotated["CreditEntry", strawberry.lazy("app.schema.credit")]] = connection(
        "How that came about, oldest first.", Relation(models.CreditEntry, "customer_id")
    )
    account: Account = field(
        "What it owes in a currency, less what it has in hand, and how that came about.",
        resolver=resolve_account,
        access=Scope.BILLING_READ,
    )
    payments: Connection[Annotated["Payment", strawberry.lazy("app.schema.payment")]] = connection(
        "The money received from it.", Relation(models.Payment, "customer_id")
    )
    credit_notes: Connection[Annotated["CreditNote", strawberry.lazy("app.schema.credit_note")]] = connection(
        "What was taken back of its invoices.", Relation(models.CreditNote, "customer_id")
    )
    refunds: Connection[Annotated["Refund", strawberry.lazy("app.schema.refund")]] = connection(
        "The money given back to it.", Relation(models.Refund, "customer_id")
    )


@strawberry.input(description="A customer to create.")
class CustomerCreateInput:
    """See `CustomerDraft`."""

    external_id: str | None = field(EXTERNAL_ID, default=None)
    name: str = field("What it is called on invoices, up to 255 characters. Example: `Acme`.")
    email: str | None = field(EMAIL, default=None)
    address: AddressInput | None = field(ADDRESS, default=None)
    tax_id: str | None = field(TAX_ID, default=None)
    locale: str | None = field(LOCALE, default=None)
    tax_rate: Decimal | None = field(TAX_RATE, default=None)
    tax_exemption: str | None = field(f"{TAX_EXEMPTION} Up to 255 characters.", default=None)
    test_clock_id: strawberry.ID | None = field(
        "The id of the test clock it lives on for good; null for real time.", default=None
    )
    metadata: JSON | None = field(METADATA, default=None)
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> CustomerDraft:
        """Return what is asked for."""
        return CustomerDraft(
            external_id=self.external_id,
            name=self.name,
            email=self.email,
            address=address_of(self.address),
            tax_id=self.tax_id,
            locale=self.locale,
            tax_rate=self.tax_rate,
            tax_exemption=self.tax_exemption,
            test_clock=self.test_clock_id,
            metadata={} if self.metadata is None else cast("dict[str, str]", self.metadata),
        )


@strawberry.input(description="What to change of a customer; what is left out stays. Issued invoices never change.")
class CustomerUpdateInput:
    """See `CustomerDraft`."""

    id: strawberry.ID = field("The id of the customer.")
    external_id: Maybe[str | None] = field(EXTERNAL_ID)
    name: Maybe[str | None] = field("What it is called on invoices, up to 255 characters.")
    email: Maybe[str | None] = field(EMAIL)
    address: Maybe[AddressInput | None] = field(f"Replaces the whole address. {ADDRESS}")
    tax_id: Maybe[str | None] = field(TAX_ID)
    locale: Maybe[str | None] = field(LOCALE)
    tax_rate: Maybe[Decimal | None] = field(TAX_RATE)
    tax_exemption: Maybe[str | None] = field(TAX_EXEMPTION)
    metadata: Maybe[JSON | None] = field(f"Replaces all metadata. {METADATA}")

    def to_changes(self) -> dict[str, Any]:
        """Return what is to be changed."""
        return with_address(changes_of(self, "name", "metadata"))


@strawberry.input(description="A customer whose personal data is to be erased for good.")
class CustomerEraseInput:
    """See `services.erasure.erase_customer`."""

    id: strawberry.ID = field("The id of the customer.")


@value("The customer that was created.")
class CustomerCreatePayload(Payload):
    """The answer of `customerCreate`."""

    customer: Customer | None = field("The customer.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key made it.", default=False)


@value("The customer as it is now.")
class CustomerUpdatePayload(Payload):
    """The answer of `customerUpdate`."""

    customer: Customer | None = field("The customer.", default=None)


@value("The customer as it is now.")
class CustomerErasePayload(Payload):
    """The answer of `customerErase`."""

    customer: Customer | None = field("The customer.", default=None)
