"""Enums of the API: those of `billing`, with what each member means."""

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

import strawberry

from app.billing.access import Scope
from app.billing.account import AccountEntryKind
from app.billing.aggregation import Aggregation
from app.billing.catalog.as_code import CatalogNoun
from app.billing.catalog.differences import CatalogAction
from app.billing.errors import DESCRIPTIONS, ErrorCode
from app.billing.extraction import MESSAGES, UncountedReason
from app.billing.lifecycle import (
    ChangeStatus,
    ChangeTime,
    CreditKind,
    InvoiceDecisionKind,
    InvoiceReason,
    InvoiceStatus,
    PaymentExcess,
    PaymentTerm,
    SubscriptionStatus,
    TerminationReason,
    VersionPolicy,
)
from app.billing.periods import BillingInterval
from app.billing.steps import StepOperation
from app.billing.tax import TaxBehavior
from app.models import EnvironmentKind

M = TypeVar("M", bound=Enum)


def describe(members: type[M], description: str, meanings: Mapping[M, str]) -> None:
    """Make an enum part of the API. A member without a meaning is a KeyError when the schema is made."""
    declared = strawberry.enum(members, description=description)
    for item in declared.__strawberry_definition__.values:  # type: ignore[attr-defined]
        item.description = meanings[members[item.name]]
        # A sorted schema hands out what stands here, and rules compare members.
        item.value = members[item.name]


describe(ErrorCode, "What is wrong with an input.", DESCRIPTIONS)
describe(UncountedReason, "Why an event counted for nothing.", MESSAGES)
describe(
    Aggregation,
    "What a billable metric makes of the values of its events.",
    {
        Aggregation.COUNT: "How many events there are.",
        Aggregation.SUM: "The sum of the values.",
        Aggregation.AVG: "The mean of the values, rounded half up to 18 places.",
        Aggregation.MIN: "The least value.",
        Aggregation.MAX: "The greatest value.",
        Aggregation.UNIQUE_COUNT: "How many distinct values there are; without a valueProperty, how many events.",
        Aggregation.LATEST: "The value of the latest event, by timestamp and then by id.",
    },
)
describe(
    CatalogNoun,
    "The nouns of a catalog.",
    {
        CatalogNoun.PRODUCT: "What is sold.",
        CatalogNoun.BILLABLE_METRIC: "How usage is measured.",
        CatalogNoun.FEE: "What is charged without measuring it.",
        CatalogNoun.PRICE: "What a metric or a fee costs.",
        CatalogNoun.PLAN: "How prices are packaged.",
    },
)
describe(
    CatalogAction,
    "What a catalog document does to an object.",
    {
        CatalogAction.CREATE: "It is made.",
        CatalogAction.CHANGE: "Fields of it say something else.",
        CatalogAction.NEW_VERSION: "The plan gets a version with other prices, published and default at once. "
        "Subscriptions that are there keep theirs. An archived plan is restored with it.",
        CatalogAction.RESTORE: "It is taken back from the archive, and fields of it may say something else.",
        CatalogAction.ARCHIVE: "It is left out: it stays with those who use it and takes nothing new.",
        CatalogAction.UNTOUCHED: "It is as the document says already.",
    },
)
describe(
    BillingInterval,
    "How long a billing period is.",
    {
        BillingInterval.WEEKLY: "Seven days.",
        BillingInterval.MONTHLY: "A month; from the 31st to the last day of shorter months.",
        BillingInterval.QUARTERLY: "Three months.",
        BillingInterval.YEARLY: "A year.",
    },
)
describe(
    PaymentTerm,
    "Whether a price is due at the start or at the end of the period it covers.",
    {
        PaymentTerm.IN_ADVANCE: "Due at the start. For fees.",
        PaymentTerm.IN_ARREARS: "Due at the end. For fees and for everything metered.",
    },
)
describe(
    SubscriptionStatus,
    "Where a subscription stands.",
    {
        SubscriptionStatus.SCHEDULED: "Starts later.",
        SubscriptionStatus.TRIALING: "Is on trial: nothing is billed before that ends.",
        SubscriptionStatus.PENDING_PAYMENT: "Waits for its first invoice to be paid; usage counts once active.",
        SubscriptionStatus.ACTIVE: "Runs and renews.",
        SubscriptionStatus.PAST_DUE: "Runs and renews, and an invoice is overdue.",
        SubscriptionStatus.TERMINATED: "Has ended for good.",
    },
)
describe(
    TerminationReason,
    "Why a subscription ended.",
    {
        TerminationReason.INITIAL_PAYMENT_EXPIRED: "Its first invoice was not paid in time.",
        TerminationReason.REQUESTED: "It was terminated.",
        TerminationReason.ENDED: "It was to last until then from its start.",
    },
)
describe(
    ChangeTime,
    "When something is to happen to a subscription.",
    {
        ChangeTime.NOW: "Now, in the customer's time.",
        ChangeTime.PERIOD_END: "When the billing period ends that runs now.",
    },
)
describe(
    VersionPolicy,
    "Whether a subscription follows the default version of its plan.",
    {
        VersionPolicy.PINNED: "It stays on its version until it is changed.",
        VersionPolicy.FLOATING: "It goes with the default version.",
    },
)
describe(
    ChangeStatus,
    "Where a change of a subscription stands.",
    {
        ChangeStatus.SCHEDULED: "Is to come.",
        ChangeStatus.APPLIED: "Has taken effect.",
        ChangeStatus.CANCELED: "Was canceled before it took effect.",
    },
)
describe(
    InvoiceStatus,
    "Where an invoice stands.",
    {
        InvoiceStatus.DRAFT: "Waits for late events during the grace time.",
        InvoiceStatus.ISSUED: "Is final, has its number, and is to be paid.",
        InvoiceStatus.PAID: "Nothing is left to pay.",
        InvoiceStatus.VOID: "Is no longer owed. It keeps its number.",
        InvoiceStatus.UNCOLLECTIBLE: "Is owed and not expected to be paid.",
    },
)
describe(
    InvoiceReason,
    "What an invoice bills.",
    {
        InvoiceReason.SUBSCRIPTION_START: "What is due upfront when a subscription starts (Invoice 0).",
        InvoiceReason.SUBSCRIPTION_CYCLE: "The end of one period and the start of the next.",
        InvoiceReason.SUBSCRIPTION_CHANGE: "The advance of what a subscription changed to.",
        InvoiceReason.SUBSCRIPTION_END: "The arrears until a subscription ended.",
        InvoiceReason.GRANT_PURCHASE: "Units that were bought.",
        InvoiceReason.SUBSCRIPTION_SUPPLEMENT: "Usage that came after the last invoice of a subscription, day by day.",
    },
)
describe(
    TaxBehavior,
    "Whether tax comes on top of prices or is part of them.",
    {
        TaxBehavior.EXCLUSIVE: "On top: 100.00 at 19 % are 119.00.",
        TaxBehavior.INCLUSIVE: "Part of them: 100.00 at 19 % hold 15.97 of tax.",
    },
)
describe(
    CreditKind,
    "What moved a customer's credit.",
    {
        CreditKind.ADDED: "It was given by hand.",
        CreditKind.CARRIED: "An invoice lay below zero, and the rest was carried here.",
        CreditKind.APPLIED: "An invoice was paid with it.",
        CreditKind.RETURNED: "An invoice that took it was voided.",
        CreditKind.OVERPAID: "Money was received that was not due, or no longer.",
        CreditKind.CREDIT_NOTE: "A credit note took back what had been paid.",
        CreditKind.REMOVED: "It was taken by hand.",
        CreditKind.REFUNDED: "It was given back as money.",
    },
)
describe(
    AccountEntryKind,
    "What moves a customer's account.",
    {
        AccountEntryKind.INVOICE: "An invoice was issued.",
        AccountEntryKind.CREDIT_CARRIED: "An invoice lay below zero, and the rest became credit.",
        AccountEntryKind.PAYMENT: "Money was received.",
        AccountEntryKind.REFUND: "Money was given back.",
        AccountEntryKind.CREDIT_NOTE: "A credit note was written.",
        AccountEntryKind.VOID: "An invoice was voided: all but what credit notes had taken of it.",
        AccountEntryKind.WRITE_OFF: "What was due on an invoice was written off.",
        AccountEntryKind.WRITE_OFF_REVERSAL: "What was written off is owed after all, or was credited or voided.",
        AccountEntryKind.CREDIT_ADDED: "Credit was given by hand.",
        AccountEntryKind.CREDIT_REMOVED: "Credit was removed by hand.",
    },
)
describe(
    InvoiceDecisionKind,
    "What was decided about an issued invoice.",
    {
        InvoiceDecisionKind.VOID: "It is no longer owed, as if it had not been issued.",
        InvoiceDecisionKind.WRITE_OFF: "What is due is not expected to be paid.",
        InvoiceDecisionKind.WRITE_OFF_REVERSAL: "What was written off is owed after all, or was credited or voided.",
    },
)
describe(
    PaymentExcess,
    "What becomes of a payment of more than is due.",
    {
        PaymentExcess.REFUSE: "It is refused whole.",
        PaymentExcess.CREDIT: "The invoice is paid, and the rest becomes the customer's credit.",
    },
)
describe(
    StepOperation,
    "What a step of an explanation does.",
    {
        StepOperation.AGGREGATE: "Makes a quantity of events.",
        StepOperation.QUANTITY: "Sets or corrects the quantity.",
        StepOperation.COVER: "Leaves those units that no grant covers.",
        StepOperation.PRICE: "Applies the pricing model.",
        StepOperation.PRORATE: "Charges a part of a period by its share of the whole one, in seconds.",
        StepOperation.PERIOD_BOUNDS: "Applies the least and the most that the price charges in a period.",
        StepOperation.ROUND: "Rounds once, half up, to the minor unit of the currency.",
        StepOperation.CHARGED_BEFORE: "Takes off what earlier lines charged for the same period.",
        StepOperation.DISCOUNT: "Takes off the line's share of a discount.",
        StepOperation.TAX: "Says the line's share of the tax.",
    },
)
describe(
    EnvironmentKind,
    "One of a merchant's two worlds; nothing crosses between them.",
    {EnvironmentKind.LIVE: "Real money.", EnvironmentKind.SANDBOX: "For trying things out."},
)
describe(
    Scope,
    "A right that an API key carries. Writing does not include reading.",
    {
        Scope.EVENTS_CREATE: "Report events.",
        Scope.CATALOG_READ: "Read products, metrics, fees, prices, features and plans.",
        Scope.CATALOG_WRITE: "Create and change products, metrics, fees, prices, features and plans.",
        Scope.CUSTOMERS_READ: "Read customers.",
        Scope.CUSTOMERS_WRITE: "Create and change customers.",
        Scope.BILLING_READ: "Read subscriptions, discounts, credit, invoices, corrections, payments, events, usage.",
        Scope.BILLING_WRITE: "Create subscriptions, discounts, credit, typed lines, corrections; record payments.",
        Scope.ENTITLEMENTS_READ: "Read entitlements and grants, and whether customers have access.",
        Scope.ENTITLEMENTS_WRITE: "Issue, end and consume entitlements, and give and take back grants.",
        Scope.SETTINGS_WRITE: "Change the merchant, API keys and test clocks, and read API keys.",
        Scope.AUDIT_READ: "Read the audit log.",
        Scope.ALL: "Everything.",
    },
)

__all__ = [
    "AccountEntryKind",
    "Aggregation",
    "BillingInterval",
    "ChangeStatus",
    "ChangeTime",
    "CreditKind",
    "EnvironmentKind",
    "ErrorCode",
    "InvoiceDecisionKind",
    "InvoiceReason",
    "InvoiceStatus",
    "PaymentExcess",
    "PaymentTerm",
    "Scope",
    "StepOperation",
    "SubscriptionStatus",
    "TaxBehavior",
    "TerminationReason",
    "UncountedReason",
    "VersionPolicy",
    "describe",
]
