"""The tables, one a file, with their constraints and indexes; no rules."""

from app.models.api_key import ApiKey
from app.models.audit_entry import AuditEntry
from app.models.audit_personal_data import AuditPersonalData
from app.models.billable_metric import BillableMetric
from app.models.cost_budget import CostBudget
from app.models.counted_event import CountedEvent
from app.models.credit_entry import CreditEntry
from app.models.credit_note import CreditNote
from app.models.credit_note_line import CreditNoteLine
from app.models.customer import Customer
from app.models.customer_token import CustomerToken
from app.models.discount import Discount
from app.models.due_work import DueWork
from app.models.entitlement import Entitlement
from app.models.environment import Environment, EnvironmentKind
from app.models.event_inbox import EventInbox
from app.models.event_key import EventKey
from app.models.feature import Feature
from app.models.fee import Fee
from app.models.grant import Grant
from app.models.idempotency_record import IdempotencyRecord
from app.models.invoice import Invoice
from app.models.invoice_decision import InvoiceDecision
from app.models.invoice_line import InvoiceLine
from app.models.invoice_sequence import InvoiceSequence
from app.models.merchant import Merchant
from app.models.meter_event import MeterEvent
from app.models.meter_event_repeat import MeterEventRepeat
from app.models.meter_event_revision import MeterEventRevision
from app.models.payment import Payment
from app.models.plan import Plan
from app.models.plan_feature import PlanFeature
from app.models.plan_version import PlanVersion
from app.models.plan_version_price import PlanVersionPrice
from app.models.price import Price
from app.models.product import Product
from app.models.refund import Refund
from app.models.row import table_of
from app.models.subscription import Subscription
from app.models.subscription_change import SubscriptionChange
from app.models.subscription_period import SubscriptionPeriod
from app.models.subscription_phase import SubscriptionPhase
from app.models.subscription_quantity import SubscriptionQuantity
from app.models.test_clock import TestClock
from app.models.usage_counter import CounterKind, UsageCounter
from app.models.usage_job import UsageJob, UsageJobKind, UsageJobState
from app.models.usage_value import UsageValue

__all__ = [
    "ApiKey",
    "AuditEntry",
    "AuditPersonalData",
    "BillableMetric",
    "CostBudget",
    "CountedEvent",
    "CounterKind",
    "CreditEntry",
    "CreditNote",
    "CreditNoteLine",
    "Customer",
    "CustomerToken",
    "Discount",
    "DueWork",
    "Entitlement",
    "Environment",
    "EnvironmentKind",
    "EventInbox",
    "EventKey",
    "Feature",
    "Fee",
    "Grant",
    "IdempotencyRecord",
    "Invoice",
    "InvoiceDecision",
    "InvoiceLine",
    "InvoiceSequence",
    "Merchant",
    "MeterEvent",
    "MeterEventRepeat",
    "MeterEventRevision",
    "Payment",
    "Plan",
    "PlanFeature",
    "PlanVersion",
    "PlanVersionPrice",
    "Price",
    "Product",
    "Refund",
    "Subscription",
    "SubscriptionChange",
    "SubscriptionPeriod",
    "SubscriptionPhase",
    "SubscriptionQuantity",
    "TestClock",
    "UsageCounter",
    "UsageJob",
    "UsageJobKind",
    "UsageJobState",
    "UsageValue",
    "table_of",
]
