"""The difference between two catalogs, and what a document is refused for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from app.billing.aggregation import Aggregation
from app.billing.catalog import BillableMetricDraft, FeeDraft, GroupBy, PlanDraft, PriceDraft, ProductDraft
from app.billing.catalog.as_code import CatalogDraft, CatalogNoun, item_of
from app.billing.catalog.differences import CatalogAction, Current, Existing, compare
from app.billing.catalog.document import MAX_OBJECTS, check_document, in_document_order
from app.billing.errors import ErrorCode, Problems
from app.billing.lifecycle import PaymentTerm
from app.billing.periods import BillingInterval
from app.billing.price_models import StandardPrice

METRIC = BillableMetricDraft(
    key="tokens",
    product="llm",
    name="Tokens",
    event_type="inference",
    aggregation=Aggregation.SUM,
    value_property="$.tokens",
    group_by=(GroupBy("model", "$.model"),),
    event_from=datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
)
PRICE = PriceDraft(
    key="base",
    fee="platform",
    invoice_display_name="Base",
    payment_term=PaymentTerm.IN_ADVANCE,
    currency="USD",
    model=StandardPrice(Decimal("49.00")),
)
PLAN = PlanDraft(
    key="pro",
    product="llm",
    name="Pro",
    billing_interval=BillingInterval.MONTHLY,
    currency="USD",
    prices=("base",),
)
CATALOG = CatalogDraft(
    products=[ProductDraft(key="llm", name="LLM", metadata={"a": "b"})],
    billable_metrics=[METRIC],
    fees=[FeeDraft(key="platform", product="llm", name="Platform")],
    prices=[PRICE],
    plans=[PLAN],
)


def there(catalog: CatalogDraft, *, published: bool = True, archived: bool = False) -> Current:
    return {
        noun: {
            str(draft.key): Existing(id=f"id-{draft.key}", draft=draft, published=published, archived=archived)
            for draft in catalog.of(noun)
        }
        for noun in CatalogNoun
    }


def refused(catalog: CatalogDraft, outside: frozenset[str] = frozenset()) -> list[tuple[ErrorCode, str | None]]:
    problems = Problems()
    check_document(catalog, outside, problems)
    return [(error.code, error.field) for error in in_document_order(catalog, problems.errors)]


def test_an_object_is_written_without_what_is_empty_or_the_default() -> None:
    assert item_of(METRIC) == {
        "key": "tokens",
        "productId": "llm",
        "name": "Tokens",
        "eventType": "inference",
        "aggregation": "SUM",
        "valueProperty": "$.tokens",
        "groupBy": [{"name": "model", "path": "$.model"}],
        "eventFrom": "2026-01-01T00:00:00Z",
    }
    expected = {
        "key": "base",
        "target": {"feeId": "platform"},
        "invoiceDisplayName": "Base",
        "paymentTerm": "IN_ADVANCE",
        "currency": "USD",
        "model": {"standard": {"unitPrice": "49"}},
    }
    assert item_of(PRICE) == item_of(replace(PRICE, quantity=Decimal("1.0"))) == expected
    assert item_of(replace(PRICE, quantity=Decimal("2.50"))) == {**expected, "quantity": "2.5"}


def test_the_same_instant_and_number_written_otherwise_are_no_change() -> None:
    other = replace(METRIC, event_from=datetime(2026, 1, 1, tzinfo=UTC))
    price = replace(PRICE, model=StandardPrice(Decimal(49)))
    changes = compare(
        there(CATALOG), replace(CATALOG, billable_metrics=[other], prices=[price]), problems := Problems()
    )
    assert {change.action for change in changes} == {CatalogAction.UNTOUCHED}
    assert problems.errors == ()


def test_what_is_archived_and_left_out_is_not_mentioned() -> None:
    assert compare(there(CATALOG, archived=True), CatalogDraft(), Problems()) == []


def test_what_is_left_out_is_archived_users_first() -> None:
    changes = compare(there(CATALOG), CatalogDraft(), Problems())
    assert [(change.action.value, change.key, change.id) for change in changes] == [
        ("ARCHIVE", key, f"id-{key}") for key in ("pro", "base", "platform", "tokens", "llm")
    ]


@pytest.mark.parametrize("published", [True, False])
def test_a_price_and_what_a_metric_measures_change_until_they_are_published(published: bool) -> None:
    wanted = replace(
        CATALOG,
        billable_metrics=[replace(METRIC, event_type="completion")],
        prices=[replace(PRICE, payment_term=PaymentTerm.IN_ARREARS)],
    )
    changes = compare(there(CATALOG, published=published), wanted, problems := Problems())
    assert [change.key for change in changes if change.action is CatalogAction.CHANGE] == ["tokens", "base"]
    expected = [(ErrorCode.IN_USE, "billableMetrics.0.eventType"), (ErrorCode.IN_USE, "prices.0.paymentTerm")]
    assert [(error.code, error.field) for error in problems.errors] == (expected if published else [])


@pytest.mark.parametrize(
    "wanted",
    [
        replace(CATALOG, billable_metrics=[replace(METRIC, product="x")]),
        replace(CATALOG, fees=[FeeDraft(key="platform", product="x", name="Platform")]),
        replace(CATALOG, prices=[replace(PRICE, fee="x")]),
        *(
            replace(CATALOG, plans=[replace(PLAN, **{name: value})])  # type: ignore[arg-type]
            for name, value in (
                ("product", "x"),
                ("billing_interval", BillingInterval.YEARLY),
                ("currency", "EUR"),
                ("billing_version", 2),
            )
        ),
    ],
)
def test_what_an_object_belongs_to_never_changes(wanted: CatalogDraft) -> None:
    compare(there(CATALOG, published=False), wanted, problems := Problems())
    assert [error.code for error in problems.errors] == [ErrorCode.IMMUTABLE]


def test_another_order_of_prices_is_another_version() -> None:
    plan = replace(PLAN, prices=("a", "b"), name="New name")
    before, after = replace(CATALOG, plans=[plan]), replace(CATALOG, plans=[replace(plan, prices=("b", "a"))])
    [change] = [change for change in compare(there(before), after, Problems()) if change.noun is CatalogNoun.PLAN]
    assert change.action is CatalogAction.NEW_VERSION
    assert [(item.field, item.before, item.after) for item in change.fields] == [("priceIds", ["a", "b"], ["b", "a"])]


def test_a_whole_document_has_no_problems() -> None:
    assert refused(CATALOG) == []
    by_id = replace(CATALOG, fees=[], prices=[replace(PRICE, fee="fee_x")])
    assert refused(by_id) == [(ErrorCode.NOT_FOUND, "prices.0.target.feeId")]
    assert refused(by_id, frozenset({"fee_x"})) == []


def test_a_document_without_keys_is_told_so() -> None:
    catalog = CatalogDraft(products=[ProductDraft(name="A"), ProductDraft(name="B")])
    assert refused(catalog) == [(ErrorCode.BLANK, "products.0.key"), (ErrorCode.BLANK, "products.1.key")]
    assert compare(there(CatalogDraft()), catalog, Problems()) == []


def test_a_section_has_a_bound() -> None:
    fees = [FeeDraft(key=f"f{number}", product="llm", name="F") for number in range(MAX_OBJECTS)]
    catalog = CatalogDraft(products=CATALOG.products, fees=fees)
    assert refused(catalog) == []
    over = replace(catalog, fees=[*fees, replace(fees[0], key="over")])
    assert refused(over) == [(ErrorCode.OUT_OF_RANGE, "fees")]


def test_problems_come_in_the_order_of_the_document() -> None:
    catalog = replace(
        CATALOG,
        products=[ProductDraft(key="llm", name=" "), ProductDraft(key="llm", name="B")],
        plans=[replace(PLAN, name="", prices=("none",), billing_version=2), replace(PLAN, currency="EUR", key="eur")],
    )
    assert refused(catalog) == [
        (ErrorCode.BLANK, "products.0.name"),
        (ErrorCode.TAKEN, "products.1.key"),
        (ErrorCode.BLANK, "plans.0.name"),
        (ErrorCode.UNSUPPORTED, "plans.0.billingVersion"),
        (ErrorCode.NOT_FOUND, "plans.0.priceIds.0"),
        (ErrorCode.CURRENCY_MISMATCH, "plans.1.priceIds.0"),
    ]
