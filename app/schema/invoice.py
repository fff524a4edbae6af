"""Invoices: what is owed and why."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from app import models
from app.billing import money as billing
from app.billing.access import Scope
from app.billing.adjustments import discounts_taken
from app.loaders.credit_notes import credited_by_line, decisions_by_invoice
from app.loaders.lines_by_invoice import lines_by_invoice
from app.loaders.pages import Relation
from app.schema.billing_parties import BilledFrom, BilledTo
from app.schema.connections import Connection, connection
from app.schema.declarations import CORRECTS, batched, edge, field, followed, noun, value
from app.schema.enums import InvoiceDecisionKind, InvoiceReason, InvoiceStatus, PaymentTerm, TaxBehavior
from app.schema.explanation import LineExplanation, follow_explanation
from app.schema.money import Money, Period, money_of, period_of
from app.schema.node import Node
from app.schema.page_url import resolve_page_url
from app.schema.scalars import CurrencyCode

if TYPE_CHECKING:
    from app.schema.credit import CreditEntry
    from app.schema.credit_note import CreditNote
    from app.schema.customer import Customer
    from app.schema.payment import Payment
    from app.schema.price import Price
    from app.schema.subscription import Subscription


@noun("li", models.InvoiceLine, Scope.BILLING_READ, "One charge of an invoice.")
class InvoiceLine(Node):
    """Rows of `invoice_line`."""

    description: str = field("What is charged. Example: `Output tokens`.")
    payment_term: PaymentTerm = field("Whether the period is billed at its start or at its end.")
    period: Period = field("What the line covers.", of=period_of)
    quantity: Decimal = field("How much is charged.")
    amount: Money = field("The amount, rounded once.", of=money_of("amount_minor"))
    exact_amount: Decimal = field("The amount before rounding, with up to 18 places.")
    credited: Money = followed(
        "What credit notes took of the amount, before discounts and tax.",
        lambda row, context: context.loaders.of(credited_by_line).load(row.id),
        lambda row, minor: billing.Money(minor, row.currency),
    )
    explanation: LineExplanation = followed("Why the amount is what it is.", follow_explanation)
    created_at: datetime = field("When it was made, in the customer's time.")
    invoice: Annotated["Invoice", strawberry.lazy("app.schema.invoice")] = edge(
        "The invoice it is on.", models.Invoice, "invoice_id"
    )
    price: Annotated["Price", strawberry.lazy("app.schema.price")] | None = edge(
        "The price it charges; null for a line typed by hand.", models.Price, "price_id"
    )
    corrects: Annotated["InvoiceLine", strawberry.lazy("app.schema.invoice")] | None = edge(
        CORRECTS, models.InvoiceLine, "corrects_line_id"
    )
    covers: Annotated["InvoiceLine", strawberry.lazy("app.schema.invoice")] | None = edge(
        "The line of the same invoice from which this takes off the units that grants cover, or that are over a hard "
        "limit. Null for all else.",
        models.InvoiceLine,
        "covers_line_id",
    )


@value("What a discount took off an invoice.")
class DiscountTaken:
    """Read from `invoice.summary`, with the invoice's currency beside it."""

    name: str = field("What it is called. Example: `Launch`.", of=lambda taken: taken[0]["name"])
    percentage: Decimal | None = field(
        "The share of 1 it takes; null for an amount. Example: `0.1`.", of=lambda taken: taken[0]["percentage"]
    )
    base: Money = field(
        "What was left of the lines it takes from.", of=lambda taken: billing.Money(taken[0]["baseMinor"], taken[1])
    )
    amount: Money = field("What it took.", of=lambda taken: billing.Money(taken[0]["takenMinor"], taken[1]))


@value("The tax of an invoice at one rate.")
class TaxCharged:
    """Read from `invoice.summary`, with the invoice's currency beside it."""

    rate: Decimal = field("The rate as a share of 1. Example: `0.19`.", of=lambda part: part[0]["rate"])
    base: Money = field("What is taxed, after discounts.", of=lambda part: billing.Money(part[0]["baseMinor"], part[1]))
    amount: Money = field("The tax.", of=lambda part: billing.Money(part[0]["taxMinor"], part[1]))


DECISION_REASON = "Why, in your own words, up to 2000 characters. Example: `Billed twice`."


@value("What was decided about an issued invoice, never edited.", access=Scope.BILLING_READ)
class InvoiceDecision:
    """Rows of `invoice_decision`."""

    kind: InvoiceDecisionKind = field("What was decided.")
    reason: str = field(DECISION_REASON)
    amount: Money = field("What is no longer owed, or owed again.", of=money_of("amount_minor"))
    created_at: datetime = field("When it was decided, in the customer's time.")


def _due(row: Any) -> billing.Money:
    covered = row.credit_applied_minor + row.credited_minor + row.paid_minor
    is_void = row.status == InvoiceStatus.VOID
    return billing.Money(0 if is_void else row.total_minor - covered, row.currency)


def _discounts(row: Any) -> list[tuple[Any, str]]:
    return [(item, row.currency) for item in discounts_taken(row.summary)]


def _taxes(row: Any) -> list[tuple[Any, str]]:
    return [(item, row.currency) for item in row.summary.get("taxes", ())]


@noun(
    "inv",
    models.Invoice,
    Scope.BILLING_READ,
    "What a customer owes and why. Once issued it never changes; credit notes reduce it.",
)
class Invoice(Node):
    """Rows of `invoice`."""

    number: str | None = field("Gapless in its series; null for a draft. Example: `INV-000001`.")
    status: InvoiceStatus = field("Where it stands.")
    reason: InvoiceReason = field("What it bills.")
    currency: CurrencyCode = field("The currency it is in. Example: `USD`.")
    tax_behavior: TaxBehavior = field("Whether tax comes on top of the prices or is part of them.")
    subtotal: Money = field("The sum of the lines.", of=money_of("subtotal_minor"))
    discount: Money = field("What discounts took off.", of=money_of("discount_minor"))
    tax: Money = field("The tax.", of=money_of("tax_minor"))
    carried_to_credit: Money = field(
        "What lay below zero and became the customer's credit.", of=money_of("carried_to_credit_minor")
    )
    total: Money = field(
        "What is owed: subtotal - discount + tax + carriedToCredit; where prices hold the tax, the same without it.",
        of=money_of("total_minor"),
    )
    credit_applied: Money = field("What the customer's credit paid.", of=money_of("credit_applied_minor"))
    credited: Money = field("What credit notes took off what was due.", of=money_of("credited_minor"))
    amount_paid: Money = field("What was paid.", of=money_of("paid_minor"))
    amount_due: Money = field(
        "What is left to pay: total - creditApplied - credited - amountPaid; nothing of one that is VOID.", of=_due
    )
    discounts: list[DiscountTaken] = field(
        "What each discount took off, in order; then what those of earlier invoices took of their late usage.",
        of=_discounts,
    )
    taxes: list[TaxCharged] = field("What was taxed at which rate; empty where nothing was.", of=_taxes)
    tax_exemption: str | None = field(
        "Why the customer is not taxed; null where it is. Example: `Reverse charge`.",
        of=lambda row: row.summary.get("tax", {}).get("exemption"),
    )
    billed_to: BilledTo = field("Whom it was issued to.")
    billed_from: BilledFrom = field("Who issued it.")
    issued_at: datetime | None = field("When it was issued; null for a draft.")
    due_at: datetime | None = field("When it is to be paid; null for a draft.")
    paid_at: datetime | None = field("When nothing was left to pay; null before.")
    created_at: datetime = field("When it was made, in the customer's time.")
    page_url: str = field(
        "A new link to a page that shows and explains it, and that can be printed. Whoever has the link can read the "
        "page, without a key, until it expires. It is a path unless the server knows its public address.",
        resolver=resolve_page_url,
    )
    lines: list[InvoiceLine] = batched("What is charged, in order.", lines_by_invoice)
    decisions: list[InvoiceDecision] = batched(
        "That it was voided, written off, or expected to be paid after all, and why; oldest first.",
        decisions_by_invoice,
    )
    customer: Annotated["Customer", strawberry.lazy("app.schema.customer")] = edge(
        "Who owes it.", models.Customer, "customer_id"
    )
    subscription: Annotated["Subscription", strawberry.lazy("app.schema.subscription")] = edge(
        "What it bills.", models.Subscription, "subscription_id"
    )
    credit_entries: Connection[Annotated["CreditEntry", strawberry.lazy("app.schema.credit")]] = connection(
        "The credit that it took, or brought where it lay below zero.", Relation(models.CreditEntry, "invoice_id")
    )
    payments: Connection[Annotated["Payment", strawberry.lazy("app.schema.payment")]] = connection(
        "The money received for it.", Relation(models.Payment, "invoice_id")
    )
    credit_notes: Connection[Annotated["CreditNote", strawberry.lazy("app.schema.credit_note")]] = connection(
        "What was taken back of it.", Relation(models.CreditNote, "invoice_id")
    )
