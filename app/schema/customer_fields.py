"""What a customer token may read: all of it is here, by type, and what is not here is refused.

Which rows it reads is not said here but where they are read (`loaders.customer_rows`). Left out is what is the
merchant's: metadata, test clocks, what was decided and why, events with all that they say, how metrics read them, plan
versions that are not the customer's, and every list that leads from the catalog back to those who use it.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from graphql import GraphQLSchema, OperationType, get_operation_ast

from app.schema.access import selected_fields
from app.schema.documents import KNOWN, Document

_OWN: Final = {
    "Query": "me node nodes customer subscription invoice invoiceLine payment creditNote refund entitlement hasAccess",
    "Node": "id",
    "Customer": """
        id externalId name email address taxId locale taxRate taxExemption createdAt subscriptions invoices discounts
        entitlements creditBalances creditEntries account payments creditNotes refunds
    """,
    "Subscription": """
        id status terminationReason startedAt trialEndsAt activatedAt endingAt endedAt timezone billingInterval currency
        taxBehavior paymentTermDays versionPolicy createdAt currentPeriod customer plan planVersion product discounts
        invoices changes usage upcomingInvoice projectedInvoices
    """,
    "SubscriptionUsage": "billableMetric price quantity amount countedUpTo",
    "SubscriptionChange": """
        id status effectiveAt billingInterval createdAt formerPlanVersion plan planVersion invoice subscription
    """,
    "UpcomingInvoice": "boundaryAt carriedToCredit countedUpTo currency discount lines subtotal tax total",
    "UpcomingInvoiceLine": """
        amount corrects description exactAmount explanation paymentTerm period price quantity
    """,
    "Invoice": """
        id number status reason currency taxBehavior subtotal discount tax carriedToCredit total creditApplied credited
        amountPaid amountDue discounts taxes taxExemption billedTo billedFrom issuedAt dueAt paidAt createdAt pageUrl
        lines customer subscription creditEntries payments creditNotes
    """,
    "InvoiceLine": """
        id description paymentTerm period quantity amount exactAmount credited explanation createdAt invoice price
        corrects covers
    """,
    "LineExplanation": "steps notApplied",
    "PriceExplanation": "steps notApplied",
    "ExplanationStep": "operation description input output",
    "NotApplied": "operation reason",
    "DiscountTaken": "name percentage base amount",
    "TaxCharged": "rate base amount",
    "BilledTo": "address email locale name taxId",
    "BilledFrom": "address name taxId",
    "Discount": "id name percentage amount startsAt endsAt createdAt customer subscription",
    "Payment": "id amount refunded method reference createdAt invoice customer refunds",
    "Refund": "id amount reason reference createdAt payment customer creditNote",
    "CreditNote": """
        id amount discount tax total reason reducedDue toCredit refunded createdAt customer invoice lines refunds
    """,
    "CreditNoteLine": "amount discount tax total invoiceLine",
    "CreditEntry": "id kind amount note createdAt customer invoice source creditNote refund",
    "Account": "currency openingBalance closingBalance entries hasMore",
    "AccountEntry": "at kind amount balance invoice payment creditNote creditEntry refund",
    "Entitlement": """
        id startedAt endedAt anchorAt createdAt terms balance balanceHistory customer feature subscription grants
    """,
    "EntitlementBalance": "balance overage",
    "BalanceEntry": "at since kind balanceChange overageChange balance overage grant",
    "Grant": "id amount priority effectiveAt expiresAt recurrence voidedAt createdAt entitlement invoice",
    "FeatureAccess": "access at staticValue balance usage overage period entitlements feature",
}
#: Of what its own rows lead to. No edge here leads back, and none to what another customer has.
_CATALOG: Final = {
    "Product": "id key name description",
    "Plan": """
        id key name description billingInterval currency billingVersion billingAnchor taxBehavior product
    """,
    "PlanVersion": "id number plan prices features",
    "PlanFeature": "feature price terms",
    "Price": """
        id key invoiceDisplayName paymentTerm currency cadence quantity isObligation periodMinimum periodMaximum model
        filter target product
    """,
    "PriceTarget": "billableMetric fee",
    "PriceCondition": "name in",
    "Fee": "id key name description product",
    "BillableMetric": "id key name description unit aggregation groupBy product usage",
    "GroupByDimension": "name",
    "MetricUsage": "total windows groups countedUpTo",
    "UsageWindow": "start end value groups",
    "UsageGroup": "key value isOther",
    "UsageKey": "name value",
    "Feature": "id key name description kind product billableMetric",
    "StandardPrice": "unitPrice",
    "DynamicPrice": "minPrice maxPrice",
    "PercentagePrice": "percentage fixedCharge minCharge maxCharge chargeScope",
    "VolumePrice": "tiers",
    "GraduatedPrice": "tiers",
    "PriceTier": "upTo unitPrice flatPrice",
    "PackagePrice": "packageSize packagePrice freeUnits",
    "BooleanTerms": "kind",
    "StaticTerms": "value",
    "MeteredTerms": """
        isSoftLimit issueAfterReset preserveOverageAtReset resetMaxRollover resetMinRollover usagePeriod
    """,
    "BillingAnchor": "day month weekday",
}
_VALUES: Final = {
    "Money": "amount currency",
    "Period": "start end",
    "Address": "line1 line2 city region postalCode country",
    "PageInfo": "startCursor endCursor hasNextPage hasPreviousPage",
}
_LISTED: Final = (
    *("Subscription", "SubscriptionChange", "Invoice", "Discount", "Entitlement", "Grant"),
    *("CreditEntry", "CreditNote", "Payment", "Refund"),
)
#: The fields by the type they are of.
CUSTOMER_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    **{kind: frozenset(names.split()) for kind, names in (_OWN | _CATALOG | _VALUES).items()},
    **{f"{noun}Connection": frozenset({"nodes", "edges", "pageInfo", "totalCount"}) for noun in _LISTED},
    **{f"{noun}Edge": frozenset({"node", "cursor"}) for noun in _LISTED},
}


@lru_cache(maxsize=KNOWN)
def hidden_from_customers(schema: GraphQLSchema, document: Document, operation_name: str | None) -> str | None:
    """Return what an operation selects that is not for customer tokens, the first of it; None where all is."""
    operation = get_operation_ast(document.node, operation_name)
    if operation is None or operation.operation is not OperationType.QUERY:
        return "What changes something"
    for parent, name in selected_fields(schema, document.node, operation_name):
        # What introspection shows is no customer's and no merchant's.
        if not name.startswith("__") and name not in CUSTOMER_FIELDS.get(parent.name, ()):
            return f"{parent.name}.{name}"
    return None
