from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.billing.aggregation import Aggregation
from app.billing.catalog import (
    BillableMetricDraft,
    FeeDraft,
    GroupBy,
    PlanDraft,
    PriceDraft,
    ProductDraft,
    check_billable_metric,
    check_fee,
    check_plan,
    check_price,
    check_product,
)
from app.billing.errors import Problems
from app.billing.lifecycle import PaymentTerm
from app.billing.periods import BillingInterval
from app.billing.price_models import StandardPrice

METRIC = BillableMetricDraft(
    product="prod_1",
    name="Output tokens",
    unit="token",
    event_type="inference.completed",
    aggregation=Aggregation.SUM,
    value_property="$.tokens",
    group_by=(GroupBy("model", "$.model"),),
    event_from=datetime(2026, 1, 1, tzinfo=UTC),
)
PRICE = PriceDraft(
    billable_metric="bm_1",
    invoice_display_name="Output tokens",
    payment_term=PaymentTerm.IN_ARREARS,
    currency="USD",
    model=StandardPrice(Decimal("0.00002")),
)
FEE_PRICE = replace(PRICE, billable_metric=None, fee="fee_1", payment_term=PaymentTerm.IN_ADVANCE, quantity=Decimal(2))
PLAN = PlanDraft(
    product="prod_1",
    name="Pro",
    billing_interval=BillingInterval.MONTHLY,
    currency="USD",
    prices=("price_1", "price_2"),
)


def found(problems: Problems) -> list[tuple[str, str | None]]:
    return [(error.code.value, error.field) for error in problems.errors]


def metric_errors(**changes: object) -> list[tuple[str, str | None]]:
    problems = Problems()
    check_billable_metric(replace(METRIC, **changes), problems)  # type: ignore[arg-type]
    return found(problems)


def price_errors(draft: PriceDraft, **changes: object) -> list[tuple[str, str | None]]:
    problems = Problems()
    check_price(replace(draft, **changes), problems)  # type: ignore[arg-type]
    return found(problems)


def plan_errors(**changes: object) -> list[tuple[str, str | None]]:
    problems = Problems()
    check_plan(replace(PLAN, **changes), problems)  # type: ignore[arg-type]
    return found(problems)


def test_the_drafts_of_the_quickstart_are_fine() -> None:
    assert metric_errors() == []
    assert price_errors(PRICE) == []
    assert price_errors(FEE_PRICE) == []
    assert plan_errors() == []


def test_a_product_shows_all_its_problems_in_order() -> None:
    problems = Problems()
    check_product(ProductDraft(key="A b", name=" ", description="\x00", metadata={"a": "\x00"}), problems)
    assert found(problems) == [
        ("INVALID", "key"),
        ("BLANK", "name"),
        ("INVALID", "description"),
        ("INVALID", "metadata.a"),
    ]


def test_a_fee_shows_all_its_problems_in_order() -> None:
    problems = Problems()
    check_fee(FeeDraft(key="", product="prod_1", name="x" * 256, description="x" * 2001), problems)
    assert found(problems) == [("BLANK", "key"), ("TOO_LONG", "name"), ("TOO_LONG", "description")]


def test_drafts_need_only_what_has_no_default() -> None:
    problems = Problems()
    check_product(ProductDraft(name="LLM Inference Engine"), problems)
    check_fee(FeeDraft(product="llm", name="Platform fee"), problems)
    check_plan(PlanDraft(product="llm", name="P", billing_interval=BillingInterval.WEEKLY, prices=("p",)), problems)
    assert found(problems) == []


def test_a_metric_shows_all_its_problems_in_order() -> None:
    assert metric_errors(
        key="_",
        name="",
        description="\x1b",
        unit="x" * 65,
        event_type=" ",
        value_property="tokens",
        group_by=(GroupBy("1st", "$.a"), GroupBy("b", "")),
    ) == [
        ("INVALID", "key"),
        ("BLANK", "name"),
        ("INVALID", "description"),
        ("TOO_LONG", "unit"),
        ("BLANK", "eventType"),
        ("INVALID", "valueProperty"),
        ("INVALID", "groupBy.0.name"),
        ("BLANK", "groupBy.1.path"),
    ]


@pytest.mark.parametrize(
    ("aggregation", "value_property", "errors"),
    [
        (Aggregation.SUM, None, [("BLANK", "valueProperty")]),
        (Aggregation.MAX, None, [("BLANK", "valueProperty")]),
        (Aggregation.MAX, "", [("BLANK", "valueProperty")]),
        (Aggregation.MAX, "$.a", []),
        (Aggregation.COUNT, None, []),
        (Aggregation.COUNT, "$.a", [("INVALID", "valueProperty")]),
        (Aggregation.UNIQUE_COUNT, None, []),
        (Aggregation.UNIQUE_COUNT, "$.user", []),
        (Aggregation.SUM, "$." + "a" * 254, [("TOO_LONG", "valueProperty")]),
    ],
)
def test_the_value_property_fits_the_aggregation(
    aggregation: Aggregation, value_property: str | None, errors: list[tuple[str, str]]
) -> None:
    assert metric_errors(aggregation=aggregation, value_property=value_property) == errors


@pytest.mark.parametrize(
    ("group_by", "errors"),
    [
        ([(f"d{index}", "$.a") for index in range(10)], []),
        ([(f"d{index}", "$.a") for index in range(11)], [("OUT_OF_RANGE", "groupBy")]),
        ([("model", "$.a"), ("model", "$.b")], [("INVALID", "groupBy.1.name")]),
        ([("x" * 65, "$.a")], [("TOO_LONG", "groupBy.0.name")]),
        ([("", "$.a")], [("INVALID", "groupBy.0.name")]),
        ([("größe", "$.a")], [("INVALID", "groupBy.0.name")]),
        ([("a\n", "$.a\n")], [("INVALID", "groupBy.0.name"), ("INVALID", "groupBy.0.path")]),
    ],
)
def test_dimensions_are_few_named_and_distinct(
    group_by: list[tuple[str, str]], errors: list[tuple[str, str]]
) -> None:  # fmt: skip
    assert metric_errors(group_by=tuple(GroupBy(*pair) for pair in group_by)) == errors


def test_a_price_shows_all_its_problems_in_order() -> None:
    changes = {
        "key": "A",
        "fee": "fee_1",
        "invoice_display_name": "",
        "payment_term": PaymentTerm.IN_ADVANCE,
        "currency": "usd",
        "model": StandardPrice(Decimal("1E-19")),
        "quantity": Decimal(1),
    }
    assert price_errors(PRICE, **changes) == [
        ("INVALID", "key"),
        ("INVALID", "target"),
        ("BLANK", "invoiceDisplayName"),
        ("INVALID", "paymentTerm"),
        ("UNKNOWN_CURRENCY", "currency"),
        ("OUT_OF_RANGE", "model.standard.unitPrice"),
        ("INVALID", "quantity"),
    ]


def test_a_price_needs_a_target() -> None:
    assert price_errors(FEE_PRICE, fee=None) == [("INVALID", "target")]


def test_a_price_without_a_currency_takes_the_merchants() -> None:
    assert price_errors(PRICE, currency=None) == []


@pytest.mark.parametrize("quantity", ["0", "-1", "1E+20", "1E-19", "NaN", "Infinity"])
def test_the_quantity_of_a_fee_is_a_number_above_zero(quantity: str) -> None:
    assert price_errors(FEE_PRICE, quantity=Decimal(quantity)) == [("OUT_OF_RANGE", "quantity")]


def test_a_fee_may_be_due_at_either_end_of_its_period() -> None:
    assert price_errors(FEE_PRICE, payment_term=PaymentTerm.IN_ARREARS, quantity=None) == []


def test_a_plan_shows_all_its_problems_in_order() -> None:
    assert plan_errors(
        key="a b", name="\n", description="\ud800", currency="XXX", billing_version=2, prices=("a", "b", "a", "b")
    ) == [
        ("INVALID", "key"),
        ("BLANK", "name"),
        ("INVALID", "description"),
        ("UNKNOWN_CURRENCY", "currency"),
        ("UNSUPPORTED", "billingVersion"),
        ("INVALID", "priceIds.2"),
        ("INVALID", "priceIds.3"),
    ]


@pytest.mark.parametrize(("count", "fine"), [(0, False), (1, True), (100, True), (101, False)])
def test_a_plan_has_one_to_a_hundred_prices(count: int, fine: bool) -> None:
    errors = plan_errors(prices=tuple(f"price_{index}" for index in range(count)))
    assert errors == ([] if fine else [("OUT_OF_RANGE", "priceIds")])
