from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.billing.catalog import Address, MerchantDraft, TestClockDraft, check_merchant, check_test_clock
from app.billing.errors import Problems


def found(problems: Problems) -> list[tuple[str, str | None]]:
    return [(error.code.value, error.field) for error in problems.errors]


def test_a_merchant_shows_all_its_problems_in_order() -> None:
    problems = Problems()
    check_merchant(
        MerchantDraft(
            name="",
            default_currency="BTC",
            timezone="Mars/Olympus",
            invoice_number_prefix="inv",
            grace_seconds=-1,
            address=Address(line1="", city="Berlin", country="Germany"),
            tax_id=" ",
            locale="english",
        ),
        problems,
    )
    assert found(problems) == [
        ("BLANK", "name"),
        ("UNKNOWN_CURRENCY", "defaultCurrency"),
        ("INVALID", "timezone"),
        ("INVALID", "invoiceNumberPrefix"),
        ("OUT_OF_RANGE", "graceSeconds"),
        ("BLANK", "address.line1"),
        ("INVALID", "address.country"),
        ("BLANK", "taxId"),
        ("INVALID", "locale"),
    ]


def test_a_merchant_needs_only_a_name() -> None:
    problems = Problems()
    draft = MerchantDraft(name="Acme")
    check_merchant(draft, problems)
    assert found(problems) == []
    assert (draft.default_currency, draft.timezone, draft.invoice_number_prefix) == ("USD", "UTC", "INV")
    assert timedelta(seconds=draft.grace_seconds) == timedelta(hours=1)


@pytest.mark.parametrize(
    ("prefix", "code"),
    [
        ("INV", None),
        ("ACME-EU-7", None),
        ("TESTING", None),
        ("A" * 20, None),
        ("A" * 21, "TOO_LONG"),
        ("", "BLANK"),
        ("TEST", "INVALID"),
        ("TEST-INV", "INVALID"),
        ("SANDBOX-INV", "INVALID"),
        ("INV-", "INVALID"),
        ("IN V", "INVALID"),
        ("INV\n", "INVALID"),
    ],
)
def test_a_prefix_can_not_be_mistaken_for_another_series(prefix: str, code: str | None) -> None:
    problems = Problems()
    check_merchant(MerchantDraft(name="Acme", invoice_number_prefix=prefix), problems)
    assert found(problems) == ([] if code is None else [(code, "invoiceNumberPrefix")])


@pytest.mark.parametrize(("seconds", "fine"), [(0, True), (2_592_000, True), (2_592_001, False)])
def test_the_grace_time_is_at_most_thirty_days(seconds: int, fine: bool) -> None:
    problems = Problems()
    check_merchant(MerchantDraft(name="Acme", grace_seconds=seconds), problems)
    assert found(problems) == ([] if fine else [("OUT_OF_RANGE", "graceSeconds")])


@pytest.mark.parametrize(
    ("now", "fine"),
    [
        (None, True),
        (datetime(2026, 1, 31, tzinfo=UTC), True),
        (datetime(1970, 1, 1, tzinfo=UTC), True),
        (datetime(1970, 1, 1, tzinfo=timezone(timedelta(hours=1))), False),
        (datetime(1, 1, 1, tzinfo=UTC), False),
        (datetime(2500, 1, 1, 0, 0, 1, tzinfo=UTC), False),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), False),
    ],
)
def test_a_clock_stands_far_from_the_ends_of_the_calendar(now: datetime | None, fine: bool) -> None:
    problems = Problems()
    check_test_clock(TestClockDraft(name="quickstart", now=now), problems)
    assert found(problems) == ([] if fine else [("OUT_OF_RANGE", "now")])


def test_a_clock_has_a_name() -> None:
    problems = Problems()
    check_test_clock(TestClockDraft(name=""), problems)
    assert found(problems) == [("BLANK", "name")]
