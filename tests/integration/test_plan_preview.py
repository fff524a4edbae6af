"""`planPreview`: the invoices that a subscriber would get, which are those that subscribers do get."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app import models
from app.billing.access import Scope
from app.ids import new_id
from app.models import EnvironmentKind
from tests.support.api import Api, make_api
from tests.support.priced_catalog import make_metric, make_plan, make_price, standard
from tests.support.usage import everything, report
from tests.support.world import JANUARY_31

LINES = """lines { description paymentTerm period { start end } quantity amount { amount currency } exactAmount
  price { id } explanation { steps { operation description input output } notApplied { operation reason } } }"""
SUMS = "currency subtotal { amount } discount { amount } tax { amount } carriedToCredit { amount } total { amount }"
QUERY = f"""query($planId: ID, $priceIds: [ID!], $interval: BillingInterval, $tax: TaxBehavior,
    $usage: [PlanPreviewUsageInput!], $quantities: [FeeQuantityInput!], $customerId: ID, $startsAt: DateTime) {{
  planPreview(planId: $planId, priceIds: $priceIds, billingInterval: $interval, taxBehavior: $tax, usage: $usage,
      quantities: $quantities, customerId: $customerId, startsAt: $startsAt) {{
    currency billingInterval period {{ start end }} total {{ amount }}
    upfront {{ billedAt {SUMS} {LINES} }} invoices {{ billedAt {SUMS} {LINES} }} }} }}"""
INVOICES = f"{{ invoices(first: 100) {{ nodes {{ {SUMS} {LINES} }} }} }}"
TIERS = [
    {"upTo": "10", "unitPrice": "10", "flatPrice": "2"},
    {"upTo": "20", "unitPrice": "5", "flatPrice": "3"},
    {"unitPrice": "5", "flatPrice": "3"},
]


async def catalog(api: Api) -> list[str]:
    """Make a metric of every kind and a price of every model; return the keys of the prices."""
    await api.make("productCreate", key="llm", name="LLM")
    group_by = [{"name": "model", "path": "$.model"}]
    await make_metric(api, "tokens", "SUM", valueProperty="$.n", groupBy=group_by)
    await make_metric(api, "payments", "SUM", valueProperty="$.n")
    await make_metric(api, "calls", "COUNT", groupBy=group_by)
    await make_metric(api, "seats", "MAX", valueProperty="$.n")
    await make_metric(api, "users", "UNIQUE_COUNT", valueProperty="$.n")
    for key in ("platform", "setup", "support"):
        await api.make("feeCreate", key=key, productId="llm", name=key)
    large, monthly = [{"name": "model", "in": ["large"]}], {"cadence": "MONTHLY"}
    tokens, percentage = {"billableMetricId": "tokens"}, {"percentage": "0.029", "minCharge": "0.30"}
    await make_price(api, "large", {"graduated": {"tiers": TIERS}}, tokens, filter=large, **monthly)
    volume = {"volume": {"tiers": [{"upTo": "100", "unitPrice": "5"}, {"unitPrice": "3"}]}}
    await make_price(api, "other", volume, tokens, periodMinimum="20", **monthly)
    await make_price(api, "payment", {"percentage": percentage}, {"billableMetricId": "payments"})
    dynamic = {"minPrice": "0.01", "maxPrice": "5", "unitPriceProperty": "$.price"}
    await make_price(api, "call", {"dynamic": dynamic}, {"billableMetricId": "calls"})
    package = {"packageSize": "10", "packagePrice": "7.77", "freeUnits": "5"}
    await make_price(api, "seat", {"package": package}, {"billableMetricId": "seats"})
    await make_price(api, "user", standard("0.333"), {"billableMetricId": "users"}, periodMaximum="10")
    await make_price(api, "platform", standard("49"), {"feeId": "platform"}, paymentTerm="IN_ADVANCE")
    once = {"paymentTerm": "IN_ADVANCE", "cadence": "ONE_TIME"}
    await make_price(api, "setup", standard("150"), {"feeId": "setup"}, **once)
    await make_price(api, "support", standard("19.99"), {"feeId": "support"}, **monthly)
    return ["large", "other", "payment", "call", "seat", "user", "platform", "setup", "support"]


async def discounted_customer(api: Api, tax_rate: str | None = "0.19") -> str:
    """Make a customer on a clock who has 10 % off for two months, 7.00 off for good, and is taxed."""
    clock = await api.make("testClockCreate", name="clock", now="2026-01-31T00:00:00Z")
    customer_id = await api.make("customerCreate", name="Acme", testClockId=clock)
    async with api.sessions.begin() as session:
        [environment] = [row for row in await api.rows(models.Environment) if row.kind is EnvironmentKind.LIVE]
        customer = await session.get_one(models.Customer, (environment.id, customer_id))
        customer.tax_rate = None if tax_rate is None else Decimal(tax_rate)
        mine: dict[str, Any] = {"environment_id": environment.id, "created_at": JANUARY_31, "customer_id": customer_id}
        mine["starts_at"] = datetime(2026, 1, 1, tzinfo=UTC)
        ends_at = datetime(2026, 3, 15, tzinfo=UTC)
        session.add(
            models.Discount(**mine, id=new_id("dis"), name="Launch", percentage=Decimal("0.1"), ends_at=ends_at)
        )
        session.add(models.Discount(**mine, id=new_id("dis"), name="Thanks", amount_minor=700, currency="USD"))
    return customer_id


#: What is used in each window, as events are reported and as they are given.
USED: list[tuple[str, list[dict[str, Any]]]] = [
    ("tokens", [{"n": "11", "model": "large"}, {"n": "10", "model": "large"}, {"n": "101"}, {"n": "-0.5"}]),
    ("payments", [{"n": "5"}, {"n": "1000.37"}, {"n": "-20"}]),
    ("calls", [{"price": "0.125"}, {}, {"price": "9"}]),
    ("seats", [{"n": "16"}, {"n": "3"}]),
    ("users", [{"n": "7"}, {"n": "7"}, {"n": "8"}]),
]


def given_usage() -> list[dict[str, Any]]:
    return [
        {
            "billableMetricId": name,
            "events": [
                {
                    "value": data.get("n"),
                    "unitPrice": data.get("price"),
                    "dimensions": [{"name": "model", "value": data["model"]}] if "model" in data else None,
                }
                for data in events
            ],
        }
        for name, events in USED
    ]


async def play(api: Api, customer_id: str, plan_id: str, quantities: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Live through a quarter in which the usage of a month comes each month; return the invoices, oldest first."""
    for month, at in enumerate((JANUARY_31, datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC))):
        for name, events in USED if month == 0 else USED[:1]:
            for place, data in enumerate(events):
                await report(api, name, at + timedelta(hours=place), data, subject=customer_id)
    made = await api.mutate(
        "subscriptionCreate", "invoice { id }", customerId=customer_id, planId=plan_id, quantities=quantities
    )
    paid = await api.mutate(
        "invoiceRecordPayment", "invoice { status }", invoiceId=made["invoice"]["id"], method="cash"
    )
    assert paid["invoice"] == {"status": "PAID"}
    [clock] = await api.rows(models.TestClock)
    await api.mutate("testClockAdvance", "testClock { now }", id=clock.id, to="2026-04-30T02:00:00Z")
    nodes: list[dict[str, Any]] = (await api.gql(INVOICES))["invoices"]["nodes"]
    return nodes


@pytest.mark.parametrize("behavior", ["EXCLUSIVE", "INCLUSIVE"])
async def test_a_preview_equals_the_invoices_of_the_same_usage(database_url: str, behavior: str) -> None:
    async with make_api(database_url) as api:
        keys = await catalog(api)
        plan_id, customer_id = await make_plan(api, keys, taxBehavior=behavior), await discounted_customer(api)
        quantities = [{"priceId": "platform", "quantity": "3"}]
        asked = {"usage": given_usage(), "quantities": quantities, "customerId": customer_id}
        before = await everything(api)
        found = (await api.gql(QUERY, planId=plan_id, **asked))["planPreview"]
        assert await everything(api) == before
        of_prices = {"priceIds": keys, "interval": "QUARTERLY", "tax": behavior}
        assert (await api.gql(QUERY, **of_prices, **asked))["planPreview"] == found
        assert found["period"] == {"start": "2026-01-31T00:00:00Z", "end": "2026-04-30T00:00:00Z"}
        previewed = [found["upfront"], *found["invoices"]]
        assert [invoice.pop("billedAt")[:10] for invoice in previewed] == [
            *("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30")
        ]
        issued = await play(api, customer_id, plan_id, quantities)
        assert issued == previewed
        totals = [Decimal(invoice["total"]["amount"]) for invoice in issued[1:]]
        assert Decimal(found["total"]["amount"]) == sum(totals)
        operations = {step["operation"] for line in issued[1]["lines"] for step in line["explanation"]["steps"]}
        assert {"AGGREGATE", "QUANTITY", "PRICE", "ROUND", "DISCOUNT", "TAX"} <= operations


async def test_what_a_designer_sees(database_url: str) -> None:
    async with make_api(database_url) as api:
        plan_id = await make_plan(api, await catalog(api))
        found = (await api.gql(QUERY, planId=plan_id, usage=given_usage()))["planPreview"]
        [first, second, third] = found["invoices"]
        assert found["upfront"]["total"] == {"amount": "199.00"}
        assert [line["description"] for line in found["upfront"]["lines"]] == ["platform", "setup"]
        # 21 large tokens are 163; 100.5 others at 3 are 301.50; support is 19.99.
        assert [line["amount"]["amount"] for line in first["lines"]] == ["163.00", "301.50", "19.99"]
        assert (second["total"], second["tax"]) == (first["total"], {"amount": "0.00"})
        # Then the quarter: 0.30 + 29.01073 + 0.30; 0.125 + 0.01 + 5; two packages; two users; the next advance.
        amounts = [(line["description"], line["amount"]["amount"]) for line in third["lines"]]
        assert amounts == [
            ("large", "163.00"), ("other", "301.50"), ("payment", "29.61"), ("call", "5.14"), ("seat", "15.54"),
            ("user", "0.67"), ("support", "19.99"), ("platform", "49.00"),
        ]  # fmt: skip
        assert found["total"] == {"amount": str(3 * Decimal("484.49") + Decimal("99.96"))}


async def test_without_usage_everything_is_zero_but_minimums_and_flat_prices(database_url: str) -> None:
    async with make_api(database_url) as api:
        keys = await catalog(api)
        found = (await api.gql(QUERY, priceIds=keys[:6], interval="MONTHLY"))["planPreview"]
        assert found["upfront"] is None
        [invoice] = found["invoices"]
        assert [line["amount"]["amount"] for line in invoice["lines"]] == [
            *("2.00", "20.00", "0.00", "0.00", "0.00", "0.00")
        ]
        alone = (await api.gql(QUERY, priceIds=["setup"]))["planPreview"]
        assert (alone["billingInterval"], alone["invoices"], alone["total"]) == ("MONTHLY", [], {"amount": "0.00"})
        assert alone["upfront"]["total"] == {"amount": "150.00"}


async def test_quantities_go_to_the_price_that_takes_their_dimensions(database_url: str) -> None:
    async with make_api(database_url) as api:
        await catalog(api)
        large = [{"name": "model", "value": "large"}]
        usage = [
            {"billableMetricId": "tokens", "quantity": "101"},
            {"billableMetricId": "tokens", "quantity": "10", "dimensions": large},
            {"billableMetricId": "tokens", "quantity": "11", "dimensions": large},
            {"billableMetricId": "users", "quantity": "2"},
            {"billableMetricId": "users", "events": [{"value": "1"}, {"value": "1"}]},
            {"billableMetricId": "seats", "quantity": "15"},
            {"billableMetricId": "seats", "quantity": "16"},
        ]
        keys = ["large", "other", "user", "seat"]
        [invoice] = (await api.gql(QUERY, priceIds=keys, usage=usage))["planPreview"]["invoices"]
        assert [(line["quantity"], line["amount"]["amount"]) for line in invoice["lines"]] == [
            ("21", "163.00"), ("101", "303.00"), ("3", "1.00"), ("16", "15.54"),
        ]  # fmt: skip
        small = [{"name": "model", "value": "small"}]
        events = [{"value": "21"}, {"value": "101", "dimensions": small}]
        mixed = {"billableMetricId": "tokens", "dimensions": large, "events": events}
        [invoice] = (await api.gql(QUERY, priceIds=keys[:2], usage=[mixed]))["planPreview"]["invoices"]
        assert [line["amount"]["amount"] for line in invoice["lines"]] == ["163.00", "303.00"]


async def test_distinct_values_are_told_apart_as_the_metric_does(database_url: str) -> None:
    """Without a valueProperty the events themselves are distinct, whatever they carry; as on the invoice."""
    async with make_api(database_url) as api:
        await catalog(api)
        await make_metric(api, "visits", "UNIQUE_COUNT")
        await make_price(api, "visit", standard("2"), {"billableMetricId": "visits"})
        plan_id, customer_id = await make_plan(api, ["visit"]), await discounted_customer(api, None)
        usage = [{"billableMetricId": "visits", "events": [{"value": "7"}, {"value": "7"}, {}]}]
        asked = {"planId": plan_id, "customerId": customer_id, "usage": usage}
        [previewed] = (await api.gql(QUERY, **asked))["planPreview"]["invoices"]
        assert [line["quantity"] for line in previewed["lines"]] == ["3"]
        for place, data in enumerate(({"n": "7"}, {"n": "7"}, {})):
            await report(api, "visits", JANUARY_31 + timedelta(hours=place), data, subject=customer_id)
        await api.mutate("subscriptionCreate", "invoice { id }", customerId=customer_id, planId=plan_id)
        [clock] = await api.rows(models.TestClock)
        await api.mutate("testClockAdvance", "testClock { now }", id=clock.id, to="2026-04-30T02:00:00Z")
        [issued] = (await api.gql(INVOICES))["invoices"]["nodes"]
        previewed.pop("billedAt")
        assert issued == previewed


async def test_a_period_starts_when_it_is_asked_to_in_the_merchants_zone(database_url: str) -> None:
    async with make_api(database_url) as api:
        await catalog(api)
        await api.mutate("merchantUpdate", "merchant { id }", timezone="Europe/Berlin")
        asked = {"priceIds": ["platform"], "startsAt": "2026-03-01T00:00:00+01:00"}
        found = (await api.gql(QUERY, **asked))["planPreview"]
        assert found["period"] == {"start": "2026-02-28T23:00:00Z", "end": "2026-03-31T22:00:00Z"}
        now = (await api.gql(QUERY, priceIds=["platform"]))["planPreview"]
        assert now["period"]["start"] == "2026-01-31T00:00:00Z"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "planId: Give either"),
        ({"planId": "x", "priceIds": ["platform"]}, "planId: Give either"),
        ({"planId": "x"}, "planId: planId names nothing"),
        ({"planId": "pro", "interval": "MONTHLY", "tax": "INCLUSIVE"}, "taxBehavior: "),
        ({"priceIds": []}, "priceIds: Must have 1 to 100 prices."),
        ({"priceIds": ["platform", "x"]}, "priceIds.1: priceIds.1 names no price"),
        ({"priceIds": ["platform", "platform"]}, "priceIds.1: The price is in the list already."),
        ({"priceIds": ["euro", "platform"]}, "priceIds.1: the price is in USD, the plan in EUR"),
        ({"priceIds": ["other"], "interval": "WEEKLY"}, "priceIds.0: Whole MONTHLY windows do not fill"),
        ({"usage": [{"billableMetricId": "x", "quantity": "1"}]}, "usage.0.billableMetricId: names no billable metric"),
        ({"usage": [{"billableMetricId": "idle", "quantity": "1"}]}, "usage.0.billableMetricId: No price of the plan"),
        ({"usage": [{"billableMetricId": "tokens"}]}, "usage.0.quantity: Give either"),
        ({"usage": [{"billableMetricId": "calls", "quantity": "1"}]}, "usage.0.quantity: This pricing model looks at"),
        ({"usage": [{"billableMetricId": "users", "quantity": "0.5"}]}, "usage.0.quantity: Is a count"),
        ({"usage": [{"billableMetricId": "seats", "events": [{}]}]}, "usage.0.events.0.value: Is needed"),
        ({"usage": [{"billableMetricId": "users", "events": [{}]}]}, "usage.0.events.0.value: Is needed"),
        (
            {"usage": [{"billableMetricId": "tokens", "quantity": "1", "dimensions": [{"name": "x", "value": "y"}]}]},
            "usage.0.dimensions.0.name: Names no groupBy dimension of the metric.",
        ),
        (
            {"usage": [{"billableMetricId": "tokens", "events": [
                {"value": "1", "dimensions": [{"name": "model", "value": "a"}, {"name": "model", "value": "b"}]}]}]},
            "usage.0.events.0.dimensions.1.name: Is there twice.",
        ),
        (
            {"priceIds": ["large"], "usage": [{"billableMetricId": "tokens", "events": [{"value": "1"}]}]},
            "usage.0.events.0.dimensions: No price of the plan charges usage with these dimensions.",
        ),
        ({"quantities": [{"priceId": "x", "quantity": "1"}]}, "quantities.0.priceId: "),
        ({"quantities": [{"priceId": "other", "quantity": "1"}]}, "quantities.0.priceId: the price is metered"),
        ({"quantities": [{"priceId": "platform", "quantity": "0"}]}, "quantities.0.quantity: Must be above zero."),
        ({"quantities": [{"priceId": "platform", "quantity": "1"}] * 2}, "quantities.1.priceId: the price is in the"),
        ({"customerId": "cus_x"}, "customerId: customerId names nothing"),
    ],
)  # fmt: skip
async def test_a_wrong_argument_is_named(database_url: str, given: dict[str, Any], named: str) -> None:
    async with make_api(database_url) as api:
        keys = await catalog(api)
        await make_metric(api, "idle", "COUNT")
        await make_price(api, "euro", standard("1"), {"feeId": "support"}, currency="EUR")
        await make_plan(api, keys, key="pro")
        before = await everything(api)
        asked = {"planId": "pro"} if given and "planId" not in given and "priceIds" not in given else {}
        [error] = (await api.answer(QUERY, **asked, **given))["errors"]
        assert error["extensions"] == {"code": "BAD_INPUT"}
        assert named in error["message"]
        assert await everything(api) == before


async def test_all_that_is_wrong_is_named_at_once(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api, await catalog(api), key="pro")
        given = {
            "interval": "MONTHLY",
            "usage": [{"billableMetricId": "x", "quantity": "1"}, {"billableMetricId": "tokens"}],
            "quantities": [{"priceId": "x", "quantity": "1"}],
            "customerId": "cus_x",
        }
        [error] = (await api.answer(QUERY, planId="pro", **given))["errors"]
        assert [problem.split(": ")[0] for problem in error["message"].split("; ")] == [
            *("billingInterval", "usage.0.billableMetricId", "usage.1.quantity", "quantities.0.priceId", "customerId")
        ]


async def test_another_environments_objects_are_none(database_url: str) -> None:
    async with make_api(database_url) as api:
        plan_id, customer_id = await make_plan(api, await catalog(api)), await discounted_customer(api)
        for other in (api.in_sandbox(), await api.another_merchant()):
            [error] = (await other.answer(QUERY, planId=plan_id, customerId=customer_id))["errors"]
            assert error["message"] == (
                "planId: planId names nothing that exists here; customerId: customerId names nothing that exists here"
            )


async def test_a_customer_is_shown_to_those_who_may_read_customers_and_billing(database_url: str) -> None:
    async with make_api(database_url) as api:
        plan_id, customer_id = await make_plan(api, await catalog(api)), await discounted_customer(api)
        query = "query($of: ID!, $for: ID) { planPreview(planId: $of, customerId: $for) { total { amount } } }"
        given = {"of": plan_id, "for": customer_id}
        for lacking in ((Scope.CUSTOMERS_READ,), (Scope.BILLING_READ,), ()):
            narrow = await api.with_scopes(Scope.CATALOG_READ, *lacking)
            assert await narrow.code(query, **given) == "FORBIDDEN"
            assert (await narrow.gql(query, of=plan_id))["planPreview"]["total"] == {"amount": "174.97"}
        wide = await api.with_scopes(Scope.CATALOG_READ, Scope.CUSTOMERS_READ, Scope.BILLING_READ)
        assert (await wide.gql(query, **given))["planPreview"]["total"] != {"amount": "174.97"}
        assert await (await api.with_scopes(Scope.BILLING_READ)).code(query, of=plan_id) == "FORBIDDEN"
