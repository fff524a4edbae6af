"""What users may ask for: drafts of every noun, and the checks that need no look-up.

A check notes all problems of a draft at once. Drafts hold ids or keys of other objects as they were given.
"""

from app.billing.catalog.addresses import Address, address_from_json, address_to_json
from app.billing.catalog.customers import (
    CustomerDraft,
    PaymentDraft,
    SubscriptionDraft,
    check_customer,
    check_payment,
    check_subscription,
)
from app.billing.catalog.merchants import (
    MerchantDraft,
    TestClockDraft,
    check_clock_instant,
    check_merchant,
    check_test_clock,
)
from app.billing.catalog.metrics import BillableMetricDraft, check_billable_metric
from app.billing.catalog.plans import PlanDraft, check_plan
from app.billing.catalog.prices import PriceDraft, check_currency, check_price
from app.billing.catalog.products import FeeDraft, ProductDraft, check_fee, check_product
from app.billing.extraction import GroupBy

__all__ = [
    "Address",
    "BillableMetricDraft",
    "CustomerDraft",
    "FeeDraft",
    "GroupBy",
    "MerchantDraft",
    "PaymentDraft",
    "PlanDraft",
    "PriceDraft",
    "ProductDraft",
    "SubscriptionDraft",
    "TestClockDraft",
    "address_from_json",
    "address_to_json",
    "check_billable_metric",
    "check_clock_instant",
    "check_currency",
    "check_customer",
    "check_fee",
    "check_merchant",
    "check_payment",
    "check_plan",
    "check_price",
    "check_product",
    "check_subscription",
    "check_test_clock",
]
