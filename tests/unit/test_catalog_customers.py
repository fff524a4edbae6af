from decimal import Decimal

import pytest

from app.billing.catalog import (
    Address,
    CustomerDraft,
    PaymentDraft,
    SubscriptionDraft,
    check_customer,
    check_payment,
    check_subscription,
)
from app.billing.errors import Problems


def found(problems: Problems) -> list[tuple[str, str | None]]:
    return [(error.code.value, error.field) for error in problems.errors]


def subscription_errors(draft: SubscriptionDraft) -> list[tuple[str, str | None]]:
    problems = Problems()
    check_subscription(draft, problems)
    return found(problems)


def test_a_customer_shows_all_its_problems_in_order() -> None:
    problems = Problems()
    draft = CustomerDraft(
        external_id="a b",
        name="",
        email="none",
        address=Address(line1="1", city="Berlin", country="de"),
        tax_id="x" * 65,
        locale="de_AT",
        tax_rate=Decimal("1.01"),
        tax_exemption="\n",
        metadata={"a": "x" * 501},
    )
    check_customer(draft, problems)
    assert found(problems) == [
        ("INVALID", "externalId"),
        ("BLANK", "name"),
        ("INVALID", "email"),
        ("INVALID", "address.country"),
        ("TOO_LONG", "taxId"),
        ("INVALID", "locale"),
        ("OUT_OF_RANGE", "taxRate"),
        ("BLANK", "taxExemption"),
        ("TOO_LONG", "metadata.a"),
    ]


@pytest.mark.parametrize(
    ("rate", "fine"),
    [
        ("0", True),
        ("0.19", True),
        ("0.000000000000000001", True),
        ("1", True),
        ("1.000000000000000001", False),
        ("-0.000000000000000001", False),
        ("19", False),
        ("1E-19", False),
        ("NaN", False),
        ("sNaN", False),
        ("Infinity", False),
    ],
)
def test_a_tax_rate_is_a_share_of_one(rate: str, fine: bool) -> None:
    problems = Problems()
    check_customer(CustomerDraft(name="Acme", tax_rate=Decimal(rate)), problems)
    assert found(problems) == ([] if fine else [("OUT_OF_RANGE", "taxRate")])


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("Reverse charge", None),
        ("x" * 255, None),
        ("", "BLANK"),
        ("x" * 256, "TOO_LONG"),
        ("a\x00b", "INVALID"),
    ],
)
def test_an_exemption_says_why(reason: str, code: str | None) -> None:
    problems = Problems()
    check_customer(CustomerDraft(name="Acme", tax_rate=Decimal("0.19"), tax_exemption=reason), problems)
    assert found(problems) == ([] if code is None else [(code, "taxExemption")])


@pytest.mark.parametrize(
    ("email", "code"),
    [
        (None, None),
        ("billing@acme.example", None),
        ("o'brien+x@müller.example", None),
        ("a" * 242 + "@acme.example", "TOO_LONG"),
        ("", "BLANK"),
        ("acme.example", "INVALID"),
        ("@acme.example", "INVALID"),
        ("a@b@c", "INVALID"),
        ("a b@acme.example", "INVALID"),
        ("a@acme.example\nBcc: all", "INVALID"),
        ("a\x00@acme.example", "INVALID"),
    ],
)
def test_an_email_has_the_form_of_an_address(email: str | None, code: str | None) -> None:
    problems = Problems()
    check_customer(CustomerDraft(name="Acme", email=email), problems)
    assert found(problems) == ([] if code is None else [(code, "email")])


@pytest.mark.parametrize(
    ("plan", "version", "errors"),
    [
        ("plan_1", None, []),
        (None, "pver_1", []),
        (None, None, [("BLANK", "planId")]),
        ("plan_1", "pver_1", [("INVALID", "planVersionId")]),
    ],
)
def test_a_subscription_is_to_a_plan_or_a_version(
    plan: str | None, version: str | None, errors: list[tuple[str, str]]
) -> None:
    assert subscription_errors(SubscriptionDraft(customer="cus_1", plan=plan, plan_version=version)) == errors


@pytest.mark.parametrize(("days", "fine"), [(-1, False), (0, True), (30, True), (365, True), (366, False)])
def test_a_payment_term_is_at_most_a_year(days: int, fine: bool) -> None:
    errors = subscription_errors(SubscriptionDraft(customer="cus_1", plan="plan_1", payment_term_days=days))
    assert errors == ([] if fine else [("OUT_OF_RANGE", "paymentTermDays")])


def test_the_payment_term_is_thirty_days_unless_said_otherwise() -> None:
    assert SubscriptionDraft(customer="cus_1").payment_term_days == 30


def test_a_payment_shows_all_its_problems_in_order() -> None:
    problems = Problems()
    check_payment(PaymentDraft(invoice="inv_1", amount=Decimal(0), method=" ", reference="x" * 2001), problems)
    assert found(problems) == [("OUT_OF_RANGE", "amount"), ("BLANK", "method"), ("TOO_LONG", "reference")]


@pytest.mark.parametrize(
    ("amount", "fine"),
    [
        (None, True),
        ("0.01", True),
        ("-5", False),
        ("NaN", False),
        ("sNaN", False),
        ("Infinity", False),
        ("1E+20", False),
    ],
)
def test_a_payment_is_an_amount_above_zero(amount: str | None, fine: bool) -> None:
    problems = Problems()
    check_payment(
        PaymentDraft(invoice="inv_1", amount=None if amount is None else Decimal(amount), method="bank_transfer"),
        problems,
    )
    assert found(problems) == ([] if fine else [("OUT_OF_RANGE", "amount")])
