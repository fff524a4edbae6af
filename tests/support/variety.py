"""In what the members of the crowd differ: values repeat and some are null, but not among the first members."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import SQLModel

from app import models
from app.billing.aggregation import Aggregation
from app.billing.extraction import UncountedReason
from app.billing.lifecycle import (
    ChangeStatus,
    CreditKind,
    InvoiceReason,
    InvoiceStatus,
    PaymentTerm,
    SubscriptionStatus,
    VersionPolicy,
)
from app.billing.periods import BillingInterval

START = datetime(2026, 1, 1, tzinfo=UTC)
# Names that sort and compare differently by bytes, by case and by language, with what SQL takes for wildcards.
NAMES = ("Acme", "acme", "ACME corp", "Zebra", "ångström", "Ångström", "100%_/\\", "100 percent", "🦓", "a b", "a_b")


def name(number: int) -> str:
    return NAMES[number * 7 % len(NAMES)]


def instant(number: int) -> datetime:
    """One of eighteen instants, half of which are a microsecond after another."""
    return START + timedelta(days=number * 5 % 9, microseconds=number % 2)


def text(number: int) -> str:
    """A text of its own, in an order that is not that of the numbers nor of a language."""
    return f"{'aB-_'[number % 4]}{number * 37 % 50}"


def scarce(number: int, value: Any) -> Any:
    return None if number % 10 == 9 else value


def key(number: int) -> dict[str, Any]:
    archived_at = START if number % 5 == 4 else None
    return {"key": scarce(number, f"k{number * 37 % 50}"), "name": name(number), "archived_at": archived_at}


def subscription(number: int) -> dict[str, Any]:
    status = (SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE, SubscriptionStatus.TERMINATED)[number // 20]
    ended_at = instant(number) if status is SubscriptionStatus.TERMINATED else None
    return {
        "status": status,
        "version_policy": (VersionPolicy.PINNED, VersionPolicy.FLOATING)[number % 2],
        "started_at": instant(number),
        "activated_at": scarce(number, START),
        "ended_at": ended_at,
    }


def invoice(number: int) -> dict[str, Any]:
    status = (InvoiceStatus.DRAFT, InvoiceStatus.ISSUED, InvoiceStatus.PAID)[number // 20]
    reason = InvoiceReason.SUBSCRIPTION_START if number % 3 else InvoiceReason.SUBSCRIPTION_CYCLE
    if status is InvoiceStatus.DRAFT:
        return {"status": status, "reason": reason}
    at = instant(number)
    paid_at = at if status is InvoiceStatus.PAID else None
    number_ = f"TEST-INV-{number * 37 % 50:06}"
    return {"status": status, "reason": reason, "number": number_, "issued_at": at, "due_at": at, "paid_at": paid_at}


def api_key(number: int) -> dict[str, Any]:
    some = scarce(number, instant(number))
    return {"name": name(number), "revoked_at": None if number % 2 else START, "expires_at": some, "last_used_at": some}


def event(number: int) -> dict[str, Any]:
    at = instant(number)
    return {
        "timestamp": at,
        "reason": (UncountedReason.NO_SUBSCRIPTION, UncountedReason.CUSTOMER_UNKNOWN)[number % 2],
        "external_subject": scarce(number, name(number)),
        "external_id": scarce(number, text(number)),
    }


def customer(number: int) -> dict[str, Any]:
    return {"name": name(number), "external_id": scarce(number, text(number)), "email": scarce(number, name(number))}


VARIED: dict[type[SQLModel], Callable[[int], dict[str, Any]]] = {
    models.Product: key,
    models.BillableMetric: lambda n: {**key(n), "aggregation": (Aggregation.SUM, Aggregation.MAX)[n % 2]},
    models.Fee: key,
    models.Price: lambda n: {"invoice_display_name": name(n), "archived_at": START if n % 5 == 4 else None},
    models.Plan: lambda n: {
        **key(n),
        "billing_interval": (BillingInterval.MONTHLY, BillingInterval.YEARLY)[n % 2],
        "default_number": 1 + n % 3,
    },
    models.PlanVersion: lambda n: {"number": 1 + n % 3, "published_at": scarce(n, instant(n))},
    models.TestClock: lambda n: {"name": name(n), "now": instant(n)},
    models.Customer: customer,
    models.Subscription: subscription,
    models.SubscriptionChange: lambda n: {
        "status": (ChangeStatus.APPLIED, ChangeStatus.CANCELED)[n % 2],
        "effective_at": instant(n),
    },
    models.Invoice: invoice,
    models.InvoiceLine: lambda n: {
        "payment_term": (PaymentTerm.IN_ARREARS, PaymentTerm.IN_ADVANCE)[n % 2],
        "period_start": instant(n),
        "period_end": instant(n) + timedelta(days=31),
    },
    models.Discount: lambda n: {"name": name(n), "starts_at": instant(n), "ends_at": scarce(n, instant(n))},
    models.CreditEntry: lambda n: {"kind": (CreditKind.ADDED, CreditKind.CARRIED)[n % 2]},
    models.Payment: lambda n: {"method": name(n)},
    models.CreditNote: lambda n: {"reason": name(n)},
    models.Refund: lambda n: {"reference": scarce(n, text(n))},
    models.Feature: key,
    models.Entitlement: lambda n: {"started_at": instant(n), "ended_at": scarce(n, instant(n) + timedelta(days=99))},
    models.Grant: lambda n: {"effective_at": scarce(n, instant(n)), "voided_at": None if n % 2 else instant(n)},
    models.ApiKey: api_key,
    models.MeterEvent: event,
}


def vary(row: SQLModel, number: int) -> None:
    """Make a row of a member differ from those of the others."""
    values = {**VARIED[type(row)](number), "created_at": instant(number)} if type(row) in VARIED else {}
    if "currency" in type(row).model_fields:
        values["currency"] = "EUR" if number % 4 == 3 else "USD"
    for column, value in values.items():
        setattr(row, column, value)
